"""Roll of a camera from where people put their feet: whoever walks across the picture walks on a level floor.

People lean the way they walk, and a degree of roll read off them lifts the floor by five centimetres three
metres to the side. Where resting soles were seen at several places from left to right, their heights say by
how much the roll is wrong. Each person has a floor of their own: all that is wrong with somebody's size lifts
or lowers it as a whole.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lifting.places import EachPerson, Places

Float64 = NDArray[np.float64]

STRIPS, STRIP_M = 64, 0.25
"""Strips of the floor from left to right and their width; they cover 8 m to either side."""
STEP_S = 0.5
"""How long a foot rests; a strip that has seen more averages over several steps."""
STEP_SD_M, STRIP_SD_M = 0.03, 0.01
"""Error of a resting sole's height: from step to step, and what never averages out."""
OUTLIER = 2.5
"""Standard deviations beyond which a strip loses influence (Cauchy): stools, stairs, a foot in the air."""
ROUNDS = 3
LEAST_SD_DEG = 0.6
"""Floors are not more level, nor lenses straighter."""
AHEAD_SD_DEG = (0.5, 10.0)
"""Limits of what the pitch may be wrong by: so much may the floor seem to rise ahead of the camera."""
LARGEST_SLOPE = 10.0
"""Standard deviation of the slope to the right before anything is seen."""


class Slope(NamedTuple):
    """How much the floor seems to rise to the right, per metre."""

    value: float
    sd: float


class FloorEvidence(Places):
    """Where the soles of one person rested, in camera axes."""

    def __init__(self) -> None:
        super().__init__(STRIPS, STRIP_M, entries=3)

    def add(self, sole_cam: Float64, dt_s: float) -> None:
        """The lowest point (3,) of a person's soles, metres from the camera; it stands for `dt_s` seconds."""
        self.take(float(sole_cam[0]), sole_cam.tolist(), dt_s)

    def slope(self, axes_cam: Float64, ahead_sd: float) -> Slope | None:
        """Slope along the first of `axes_cam` (3,3), rows right, up and ahead as far as they are known;
        `ahead_sd`: standard deviation of the slope ahead. None where nothing can be told."""
        points, seen_s = self.known()
        if len(points) < 2:
            return None
        right, height, ahead = axes_cam @ points.T
        design = np.stack([np.ones_like(right), right - right.mean(), ahead - ahead.mean()], axis=1)
        before = np.diag([0.0, LARGEST_SLOPE**-2, ahead_sd**-2])
        variance = STEP_SD_M**2 / (1.0 + seen_s / STEP_S) + STRIP_SD_M**2
        weight = 1.0 / variance
        for _ in range(ROUNDS):
            information = (design.T * weight) @ design + before
            plane = np.linalg.solve(information, design.T @ (weight * height))
            strange = (height - design @ plane) ** 2 / variance
            weight = 1.0 / (variance * (1.0 + strange / OUTLIER**2))
        return Slope(float(plane[1]), math.sqrt(float(np.linalg.inv(information)[1, 1])))


class LevelFloor(EachPerson[FloorEvidence]):
    """The soles of several people on one floor."""

    def __init__(self) -> None:
        super().__init__(FloorEvidence)

    def roll(self, gravity_cam: Float64, pitch_sd_deg: float) -> tuple[float, float] | None:
        """Roll in degrees and its standard deviation, if nothing else is wrong with `gravity_cam` (3,) than
        roll and a pitch of `pitch_sd_deg`. None as long as nobody walked across the picture."""
        axes = _axes(gravity_cam)
        least, most = AHEAD_SD_DEG
        ahead_sd = math.tan(math.radians(min(max(pitch_sd_deg, least), most)))
        slopes = [slope for evidence in self if (slope := evidence.slope(axes, ahead_sd)) is not None]
        if not slopes:
            return None
        worth = [slope.sd**-2 for slope in slopes]
        rise = sum(w * slope.value for w, slope in zip(worth, slopes, strict=True)) / sum(worth)
        x, y, _ = (axes[1] - rise * axes[0]).tolist()
        sd_deg = math.degrees(sum(worth) ** -0.5)
        return math.degrees(math.atan2(-x, -y)), math.hypot(sd_deg, LEAST_SD_DEG)


def _axes(gravity_cam: Float64) -> Float64:
    """(3,3) rows: level right, up and level ahead in camera axes."""
    up = -gravity_cam
    right = np.array([-up[1], up[0], 0.0]) / math.hypot(up[0], up[1])
    return np.stack([right, up, np.cross(up, right)])
