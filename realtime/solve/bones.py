"""Steady bones: link lengths of the person, learned while watching, left equal to right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifting.running import RunningEstimate
from lifting.skeleton import SEALCAP26
from realtime.solve.quaternions import length
from realtime.solve.rest import ANCESTORS, OFFSETS, PARENTS, REST_LENGTHS, stature_from_lengths

Float64 = NDArray[np.float64]

MEMORY_S = 20.0
"""So many seconds go into a length; then it is nearly frozen."""
PRIOR_S = 1.0
"""The average body's proportions count like this much watching."""
CLIP = 0.15
"""A frame pulls a length by at most this share."""
SHORTEST_M = 1e-4

_TWIN = SEALCAP26.mirrored
_REST_DIRECTIONS = OFFSETS / np.maximum(REST_LENGTHS, 1e-12)[:, None]


class BoneLengths:
    """Running robust link lengths (26,) in metres of one person; entry j is the link parent(j) → j."""

    def __init__(self, height_m: float | None = None) -> None:
        """With `height_m` given, all lengths are scaled together so that the stature is just that."""
        self.height_m = height_m
        self._ratios: RunningEstimate | None = None

    @property
    def known(self) -> bool:
        """True once a figure was seen."""
        return self._ratios is not None

    @property
    def lengths_m(self) -> Float64:
        """(26,) metres, scaled to the given stature if any. Raises RuntimeError before `learn`."""
        if self._ratios is None:
            raise RuntimeError("no figure was seen yet; call learn() first")
        return np.asarray(REST_LENGTHS * self._ratios.value * self.scale)

    @property
    def stature_m(self) -> float:
        """Given stature, or the one that follows from the lengths."""
        return self.height_m if self.height_m is not None else stature_from_lengths(self.lengths_m)

    @property
    def scale(self) -> float:
        """Factor from the measured figure to one of the given stature; 1 where none is given."""
        if self._ratios is None or self.height_m is None:
            return 1.0
        return self.height_m / stature_from_lengths(REST_LENGTHS * self._ratios.value)

    def learn(self, joints: Float64, confidence: Float64, dt_s: float) -> None:
        """Take in one figure: joints (26,3) in any frame, confidence (26,) of the joints."""
        measured = length(joints - joints[PARENTS])
        measured[0] = 0.0
        measured = 0.5 * (measured + measured[_TWIN])
        ratio = measured / np.maximum(REST_LENGTHS, 1e-12)
        if self._ratios is None:
            self._ratios = _start(ratio)
        weight = np.minimum(confidence, confidence[PARENTS])
        self._ratios.add(ratio, dt_s, 0.1 + 0.9 * 0.5 * (weight + weight[_TWIN]))

    def apply(self, joints: Float64) -> Float64:
        """The pose (26,3) with these lengths and the given directions; its pelvis stays where it is."""
        offsets = joints - joints[PARENTS]
        measured = length(offsets)
        directions = offsets / np.maximum(measured, SHORTEST_M)[:, None]
        if (measured[1:] < SHORTEST_M).any():
            directions = np.where((measured < SHORTEST_M)[:, None], _REST_DIRECTIONS, directions)
        out = ANCESTORS @ (directions * self.lengths_m[:, None])
        return np.asarray(out + joints[0])


def _start(ratio: Float64) -> RunningEstimate:
    """Average proportions at the figure's overall scale. A ratio is a link's length over the rest pose's
    at stature 1, so all of them are about the stature in metres."""
    scale = float(np.median(ratio[1:]))
    start = np.full(len(SEALCAP26), scale)
    return RunningEstimate(start, memory_s=MEMORY_S, clip=CLIP * scale, start_s=PRIOR_S)
