"""A person's own rest pose: link lengths, and the one length of the body that they leave open.

Ankle to heel and ankle to toe do not say how far apart heel and toe are. That is learned while watching, as
a factor on what the standard foot with these two lengths has; the sole lies as it does in the standard rest
pose, so that rotations mean the same for everybody.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifting.running import RunningEstimate
from lifting.skeleton import SEALCAP26
from realtime.solve.quaternions import length, unit
from realtime.solve.rest import ANCESTORS, OFFSETS, REST_JOINTS

Float64 = NDArray[np.float64]

MEMORY_S, PRIOR_S, CLIP = 20.0, 2.0, 0.15
"""As for bone lengths: seconds that count, seconds the average counts for, largest pull of one frame."""
LARGEST = 0.3
"""The factor leaves 1 by no more than this."""

_HEELS = np.array(SEALCAP26.indices("left_heel", "right_heel"))
_TOES = np.array(SEALCAP26.indices("left_toe", "right_toe"))
_LINKS = unit(OFFSETS)
_SOLE = unit(REST_JOINTS[_TOES[0]] - REST_JOINTS[_HEELS[0]])
_UP = np.array([0.0, _SOLE[2], -_SOLE[1]])
"""Across the sole, in the plane of the foot."""


class BodyShape:
    """Running factor on the heel-toe distance of one person, both feet together."""

    def __init__(self) -> None:
        self._sole = RunningEstimate(1.0, memory_s=MEMORY_S, clip=CLIP, start_s=PRIOR_S)
        self._lengths_m, self._standard_m = np.zeros(0), np.zeros(2)

    def learn(self, joints: Float64, lengths_m: Float64, dt_s: float) -> None:
        """Take in one figure (26,3) with these link lengths (26,)."""
        measured = float(length(joints[_TOES] - joints[_HEELS]).sum())
        factor = measured / max(float(self._standard(lengths_m).sum()), 1e-3)
        self._sole.add(min(max(factor, 1 - LARGEST), 1 + LARGEST), dt_s)

    def soles_m(self, lengths_m: Float64) -> list[float]:
        """Heel-toe distances, left and right, of a person with these link lengths (26,)."""
        return (self._standard(lengths_m) * self._sole.value).tolist()  # type: ignore[no-any-return]

    def _standard(self, lengths_m: Float64) -> Float64:
        """`_standard_soles`, once for each body: it is asked for several times a frame."""
        if lengths_m is not self._lengths_m and not np.array_equal(lengths_m, self._lengths_m):
            self._lengths_m, self._standard_m = lengths_m, _standard_soles(lengths_m)
        return self._standard_m

    def rest(self, lengths_m: Float64) -> Float64:
        """The rest pose (26,3) of a person with these link lengths (26,), metres; the pelvis is at 0."""
        offsets = _LINKS * lengths_m[:, None]
        soles = self.soles_m(lengths_m)
        for heel, toe, sole in zip(_HEELS, _TOES, soles, strict=True):
            offsets[heel], offsets[toe] = _foot(float(lengths_m[heel]), float(lengths_m[toe]), sole)
        return np.asarray(ANCESTORS @ offsets)


def _standard_soles(lengths_m: Float64) -> Float64:
    """(2,) heel-toe distances at the standard angle between ankle-heel and ankle-toe."""
    toes, heels = _LINKS[_TOES] * lengths_m[_TOES, None], _LINKS[_HEELS] * lengths_m[_HEELS, None]
    return length(toes - heels)


def _foot(to_heel: float, to_toe: float, sole: float) -> tuple[Float64, Float64]:
    """Heel and toe relative to the ankle, from the sides of the triangle they make."""
    sole = min(max(sole, 1.02 * abs(to_toe - to_heel), 1e-6), 0.98 * (to_toe + to_heel) + 1e-6)
    behind = (to_heel**2 - to_toe**2 + sole**2) / (2 * sole)  # of the ankle, along the sole
    height = max(to_heel**2 - behind**2, 0.0) ** 0.5
    heel = -behind * _SOLE - height * _UP
    return heel, heel + sole * _SOLE
