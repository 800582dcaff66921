"""The tilt of the camera as the lifter sees it when it is told nothing, averaged over time.

A lifter that does not know gravity reads the tilt of a body off its proportions and its attitude. A few times
a second it is asked so, and the direction "up" of standing bodies is averaged: what changes from pose to pose
goes away. What stays belongs to the person - nobody has average proportions - and is the standard deviation
that never gets smaller.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lifting.running import RunningEstimate
from lifting.skeleton import BODY21
from lifting.stance import stance_of

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]

PERSON_SD_DEG, PERSON_ROLL_SD_DEG = 6.5, 2.0
"""Error of pitch and of roll that stays however long one person is watched: 4° of pitch on held-out synthetic
people, 4° on recorded ones with their own proportions, 11° and 5° on the two of the open clips."""
POSE_SD_DEG = 4.4
"""Error that differs from pose to pose,"""
POSE_S = 1.0
"""and how long a pose lasts."""
OFTEN_S, SELDOM_S = 0.2, 0.6
"""Between two probes, at first and once `SETTLED_S` seconds of standing have been seen."""
SETTLED_S = 10.0
MEMORY_S = 60.0
FARTHEST = 0.3
"""A single sample pulls by at most this, about 17°."""
LATELY_S = 3.0
COS_MOVED = math.cos(math.radians(15.0))
"""When bodies of the last `LATELY_S` seconds of standing are this far from the mean, the camera was moved."""
COS_UPRIGHT = math.cos(math.radians(55.0))
"""Bodies further from the picture's vertical, or from what was seen so far, are lying or an error."""
SEEN = 0.3

_NEEDED = BODY21.indices("left_shoulder", "right_shoulder", "left_ankle", "right_ankle")


class TiltProbe:
    """Running mean of "up" in camera axes from standing bodies lifted without knowing gravity."""

    def __init__(self) -> None:
        self._up = RunningEstimate(np.zeros(3), memory_s=MEMORY_S, clip=FARTHEST)
        self._lately = RunningEstimate(np.zeros(3), memory_s=LATELY_S, clip=FARTHEST)
        self._asked_ns: int | None = None

    def due(self, time_ns: int) -> bool:
        """Whether it is time to ask the network again."""
        if self._asked_ns is None or time_ns < self._asked_ns:
            return True
        wait_s = OFTEN_S if self.evidence_s < SETTLED_S else SELDOM_S
        return (time_ns - self._asked_ns) * 1e-9 >= wait_s - 0.01

    def add(self, joints_cam: Floats, confidence: Floats, time_ns: int) -> bool:
        """Take in people (P,26,3) as lifted without knowing gravity; confidence (P,21) of their newest frame.

        True when the camera has been moved: then what was seen before is forgotten.
        """
        dt_s = OFTEN_S if self._asked_ns is None else max((time_ns - self._asked_ns) * 1e-9, 0.0)
        self._asked_ns = time_ns
        for joints, seen in zip(joints_cam, confidence, strict=True):
            stance = stance_of(joints) if min(seen[_NEEDED].tolist()) > SEEN else None
            if stance is not None and self._plausible(stance.up):
                self._up.add(stance.up, dt_s)
                self._lately.add(stance.up, dt_s)
        moved = self._moved()
        if moved:
            # What came lately is a mixture of both cameras: a first guess, worth a single sample.
            self._up.value, self._up.evidence_s = self._lately.value.copy(), np.full(3, OFTEN_S)
        return moved

    def _moved(self) -> bool:
        now, mean = self._lately.value, self._up.value
        if self._lately.evidence_s[0] < LATELY_S:
            return False
        return bool(now @ mean < COS_MOVED * math.sqrt((now @ now) * (mean @ mean)))

    @property
    def up(self) -> Float64 | None:
        """(3,) unit vector in camera axes; None before anybody stood."""
        if self.evidence_s == 0.0:
            return None
        return self._up.value / np.linalg.norm(self._up.value)

    @property
    def evidence_s(self) -> float:
        """Seconds of standing behind it."""
        return float(self._up.evidence_s[0])

    @property
    def sd_deg(self) -> float:
        """Standard deviation of the pitch of `up`;"""
        return math.hypot(PERSON_SD_DEG, self._pose_sd_deg)

    @property
    def roll_sd_deg(self) -> float:
        """and of its roll."""
        return math.hypot(PERSON_ROLL_SD_DEG, self._pose_sd_deg)

    @property
    def _pose_sd_deg(self) -> float:
        return POSE_SD_DEG / math.sqrt(1.0 + self.evidence_s / POSE_S)

    def _plausible(self, up: Float64) -> bool:
        before = self.up
        expected = np.array([0.0, -1.0, 0.0]) if before is None else before
        return bool(up @ expected > COS_UPRIGHT)
