"""Steady bones: link lengths of the person, learned over the first seconds, left equal to right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifting.running import MAX_STEP_S, RunningEstimate
from lifting.skeleton import SEALCAP26
from realtime.solve.confidence import SEEN
from realtime.solve.quaternions import length
from realtime.solve.rest import ANCESTORS, OFFSETS, PARENTS, REST_LENGTHS, stature_from_lengths

Float64 = NDArray[np.float64]

SETTLE_S = 0.3
"""Until a link was seen for so long its length is the mean of what was seen;"""
CREEP_S = 14.0
"""then it follows that mean with this time constant,"""
FROZEN_S = 15.0
"""ever slower, until it was seen for so long. From then on it is constant."""
PRIOR_S = 0.2
"""The average body counts like this much watching; on real video the lifter knows proportions better."""
AVERAGE_M = 1.70
CLIP = 0.15
"""A frame pulls size or a proportion by at most this share."""
UNSEEN_SHARE = 1e-3
"""What links that nobody sees count towards the size."""
SHORTEST_M = 1e-4
SETTLE_ROUNDS, SETTLE_SHARE = 3, 0.25
"""Rounds of moving joints towards the right lengths, and the share of the error a joint takes per round
(below 2 over twice the six links of the head, or the rounds would not converge)."""

_TWIN = SEALCAP26.mirrored
_NAMES = SEALCAP26.joints
_REST_OR_1 = np.where(REST_LENGTHS > 0, REST_LENGTHS, 1.0)
_REST_DIRECTIONS = OFFSETS / _REST_OR_1[:, None]


_ENDS = np.eye(len(SEALCAP26))
"""(26,26) column j: link j ends at joint j (+1) and begins at its parent (-1)."""
_ENDS[PARENTS[1:], np.arange(1, len(SEALCAP26))] = -1.0
_ENDS[:, 0] = 0.0
_ENDS[0] = 0.0  # the pelvis stays

_SIZE_LINKS = np.array(
    [any(part in name for part in ("elbow", "wrist", "knee", "ankle", "shoulder", "neck")) for name in _NAMES]
)
"""Links long enough to tell the size of a body."""


class BoneLengths:
    """Link lengths (26,) in metres of one person; entry j is the link parent(j) → j.

    Length = average proportion × the person's own proportion × size, robust means over the first seconds in
    which both ends of the link were seen. The lengths given out settle within `SETTLE_S`, then creep towards
    these means and come to rest. A link that nobody saw has the average proportion.
    """

    def __init__(self, height_m: float | None = None) -> None:
        """With `height_m` given, all lengths are scaled together so that the stature is just that."""
        self.height_m = height_m
        self._size = RunningEstimate(AVERAGE_M, memory_s=2 * FROZEN_S, clip=AVERAGE_M * CLIP, start_s=PRIOR_S)
        ones = np.ones(len(SEALCAP26))
        self._proportion = RunningEstimate(ones, memory_s=2 * FROZEN_S, clip=CLIP, start_s=PRIOR_S)
        self._lengths: Float64 | None = None
        self._scaled: tuple[Float64, float, Float64] | None = None

    @property
    def lengths_m(self) -> Float64:
        """(26,) metres, scaled to the given stature if any. Raises RuntimeError before `learn`."""
        scaled, scale = self._scaled, self.scale
        if scaled is None or scaled[0] is not self._lengths or scaled[1] != scale:
            scaled = self._scaled = self._measured, scale, self._measured * scale
        return scaled[2]

    @property
    def stature_m(self) -> float:
        """Given stature, or the one that follows from the lengths."""
        return self.height_m if self.height_m is not None else stature_from_lengths(self._measured)

    @property
    def scale(self) -> float:
        """Factor from the measured figure to one of the given stature; 1 where none is given."""
        return 1.0 if self.height_m is None else self.height_m / stature_from_lengths(self._measured)

    @property
    def known(self) -> bool:
        """Whether a figure was learned from."""
        return self._lengths is not None

    @property
    def _measured(self) -> Float64:
        if self._lengths is None:
            raise RuntimeError("no figure was seen yet; call learn() first")
        return self._lengths

    def learn(self, joints: Float64, confidence: Float64, dt_s: float) -> None:
        """Take in one figure: joints (26,3) in any frame, confidence (26,) of the joints."""
        measured = length(joints - joints[PARENTS])
        measured = 0.5 * (measured + measured[_TWIN])
        seen = np.minimum(confidence, confidence[PARENTS])
        seen = np.where(seen >= SEEN, seen, 0.0)
        weight = 0.5 * (seen + seen[_TWIN])
        share = (weight + UNSEEN_SHARE) * _SIZE_LINKS
        size = float(share @ measured) / float(share @ (REST_LENGTHS * self._proportion.value))
        self._size.add(size, dt_s, float(share.sum() / _SIZE_LINKS.sum()))
        proportion = measured / (_REST_OR_1 * max(float(self._size.value), SHORTEST_M))
        self._proportion.add(proportion, dt_s, weight)
        self._creep(REST_LENGTHS * self._proportion.value * float(self._size.value), dt_s)

    def _creep(self, learned: Float64, dt_s: float) -> None:
        """Bring the lengths (26,) nearer to the learned ones, as far as the evidence still allows it."""
        if self._lengths is None:
            self._lengths = learned
            return
        seen_s = self._proportion.evidence_s - PRIOR_S
        slow = min(dt_s, MAX_STEP_S) / CREEP_S * np.maximum(1.0 - seen_s / FROZEN_S, 0.0)
        self._lengths = self._lengths + np.where(seen_s < SETTLE_S, 1.0, slow) * (learned - self._lengths)

    def fit(self, joints: Float64) -> Float64:
        """The pose (26,3) with these lengths whose joints stay near the given ones.

        Keeping the directions from the pelvis outward alone would pile up every length's error at the
        wrists, so the errors are first spread over both ends of each link. On lifted real video this is
        1 mm better than directions alone, and 2 ms quicker.
        """
        joints = joints[0] + (joints - joints[0]) * self.scale
        wanted = self.lengths_m
        for _ in range(SETTLE_ROUNDS):
            offsets = joints - joints[PARENTS]
            error = offsets * (1.0 - wanted / np.maximum(length(offsets), SHORTEST_M))[:, None]
            joints = joints - SETTLE_SHARE * (_ENDS @ error)
        return self.apply(joints)

    def apply(self, joints: Float64) -> Float64:
        """The pose (26,3) with these lengths and the given directions; its pelvis stays where it is."""
        offsets = joints - joints[PARENTS]
        measured = length(offsets)
        directions = offsets / np.maximum(measured, SHORTEST_M)[:, None]
        if (measured[1:] < SHORTEST_M).any():
            directions = np.where((measured < SHORTEST_M)[:, None], _REST_DIRECTIONS, directions)
        out = ANCESTORS @ (directions * self.lengths_m[:, None])
        return np.asarray(out + joints[0])
