"""The floor under a camera: where the lowest points of feet rest most of the time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifting.level_floor import LevelFloor
from lifting.running import RunningEstimate
from lifting.skeleton import BODY21, SEALCAP26

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]

HEEL_TOE_HEIGHT = np.array([0.010, 0.010, 0.008, 0.008])
"""Heel and toe joints above the sole, in statures, in the order of `_FEET`."""
USUAL_STATURE_M = 1.7
JUMP_M = 0.08
"""Feet further from the floor so far count less towards it."""
STEP_M = 0.3
MEMORY_S = 10.0
SEEN = 0.3

_ANKLES = BODY21.indices("left_ankle", "right_ankle")
_FEET21 = BODY21.indices("left_heel", "right_heel", "left_toe", "right_toe")
_FEET = SEALCAP26.indices("left_heel", "right_heel", "left_toe", "right_toe")


class FloorEstimate:
    """The point of a sole that is lowest, averaged over time.

    Jumps count little, but nobody stands below the floor: feet a step lower make it follow within a second or
    two. The point is averaged in camera axes, so that the height follows at once when the tilt is corrected.
    """

    def __init__(self) -> None:
        self.feet_seen = self._known = False
        """Whether feet were ever in the picture, not only inferred; whether anything is known at all."""
        self.level = LevelFloor()
        """What the same feet say about the roll of the camera."""
        self._sole = self._nothing()

    def drop_m(self, down: Float64) -> float | None:
        """How far the floor lies below the camera along the unit direction `down` (3,); None if unknown."""
        return float(down @ self._sole.value) if self._known else None

    def learn(
        self,
        confidence: Floats,
        joints_cam: Floats,
        down: Float64,
        stature_m: float | None,
        dt_s: float,
        person_id: int = 0,
    ) -> None:
        """Joints (26,3) in camera axes from the camera, metres; confidence (21,) of BODY21."""
        seen = bool(max(confidence[_FEET21]) > SEEN or max(confidence[_ANKLES]) > SEEN)
        if not seen and self.feet_seen:
            return  # feet that the network only infers say less than those once seen
        if seen and not self.feet_seen:
            self.feet_seen, self._known = True, False
            self._sole = self._nothing()
        soles = joints_cam[_FEET] + down * (HEEL_TOE_HEIGHT * (stature_m or USUAL_STATURE_M))[:, None]
        lowest = soles[np.argmax(soles @ down)]
        below_m = float((lowest - self._sole.value) @ down) if self._known else 0.0
        if below_m > STEP_M:
            self._sole.evidence_s = np.minimum(self._sole.evidence_s, 0.5)
        weight = JUMP_M / max(-below_m, JUMP_M)
        self._sole.add(lowest, dt_s, weight)
        self._known = bool(self._sole.evidence_s.any())
        if seen:
            self.level.of(person_id).add(lowest, dt_s * weight)

    @staticmethod
    def _nothing() -> RunningEstimate:
        return RunningEstimate(np.zeros(3), memory_s=MEMORY_S, clip=np.inf)
