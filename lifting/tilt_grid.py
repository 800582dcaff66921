"""Everything that is known about a camera's pitch and roll, brought together on a grid of both.

Evidence comes as a log-likelihood of every cell: lines of the picture (`lifting.plumb_lines`) have several
peaks, people lean more often than a normal distribution allows, and cameras mostly stand level but some are
turned on purpose. Adding such tables and taking mean and spread about the best cell handles all of it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

STEEPEST_DEG, MOST_ROLLED_DEG = 60.0, 50.0
"""Limits of the grid,"""
PITCH_STEP_DEG, ROLL_STEP_DEG = 2.0, 1.0
"""and the size of its cells."""
PITCH_SD_DEG = 40.0
"""Of cameras, before anything is seen; wide, since the lifter has learned how cameras stand."""
USUAL_PITCH_DEG, USUAL_PITCH_SD_DEG = 5.0, 12.0
"""What is known of cameras where nobody was seen by the lifter."""
ROLL_SD_DEG, TURNED_SD_DEG, TURNED = 2.0, 20.0, 0.1
"""Most cameras stand level; this share is turned on purpose. People lean more than level cameras do: whoever
walks across the picture leans the way they go."""
TAIL = 6.0
"""Degrees of freedom of Student's distribution for people: now and then somebody leans."""
NEAR_DEG = 6.0
"""The mean is taken over cells so near to the best one, the spread over all."""
FAR_DEG = 15.0
"""What is further off is wrong, no matter how far."""


class Tilt(NamedTuple):
    """Pitch and roll of a camera in degrees (see `lifting.camera.gravity_from_pitch`)."""

    pitch_deg: float
    roll_deg: float
    pitch_sd_deg: float
    roll_sd_deg: float


class TiltGrid:
    """Cells of pitch (rows) and roll (columns); one row or column where that is given."""

    def __init__(self, pitch_deg: float | None = None, roll_deg: float | None = None) -> None:
        self.pitch_deg = _axis(pitch_deg, STEEPEST_DEG, PITCH_STEP_DEG)[:, None]
        self.roll_deg = _axis(roll_deg, MOST_ROLLED_DEG, ROLL_STEP_DEG)[None, :]
        level = math.log((1.0 - TURNED) / ROLL_SD_DEG) - 0.5 * (self.roll_deg / ROLL_SD_DEG) ** 2
        turned = math.log(TURNED / TURNED_SD_DEG) - 0.5 * (self.roll_deg / TURNED_SD_DEG) ** 2
        steep = (self.pitch_deg / PITCH_SD_DEG) ** 2
        self.before: Float64 = np.logaddexp(level, turned) - 0.5 * steep
        """(P,R) log-probability of every cell before anything is seen."""

    def gravity(self) -> Float64:
        """(P·R,3) direction of gravity in camera axes for every cell."""
        pitch, roll = np.broadcast_arrays(np.radians(self.pitch_deg), np.radians(self.roll_deg))
        level = np.cos(pitch)
        return np.stack([level * np.sin(roll), level * np.cos(roll), np.sin(pitch)], axis=-1).reshape(-1, 3)

    def of_up(self, up_cam: Float64, pitch_sd_deg: float, roll_sd_deg: float) -> Float64:
        """(P,R) log-likelihood of people whose mean "up" (3,) is wrong by so much."""
        x, y, z = (up_cam / np.linalg.norm(up_cam)).tolist()
        pitch_deg, roll_deg = math.degrees(math.asin(-z)), math.degrees(math.atan2(-x, -y))
        off = ((self.pitch_deg - pitch_deg) / pitch_sd_deg) ** 2
        off = off + ((self.roll_deg - roll_deg) / roll_sd_deg) ** 2
        return -(TAIL + 2.0) / 2.0 * np.log1p(off / TAIL)

    def of_roll(self, roll_deg: float, roll_sd_deg: float) -> Float64:
        """(1,R) log-likelihood of a roll that is wrong by so much; now and then by more, as people's."""
        off = ((self.roll_deg - roll_deg) / roll_sd_deg) ** 2
        return -(TAIL + 1.0) / 2.0 * np.log1p(off / TAIL)

    def of_cameras(self) -> Float64:
        """(P,1) log-likelihood of the pitches at which people put cameras."""
        return -0.5 * ((self.pitch_deg - USUAL_PITCH_DEG) / USUAL_PITCH_SD_DEG) ** 2

    def best(self, evidence: Float64, far_deg: float = FAR_DEG) -> Tilt:
        """Mean and standard deviation from the log-likelihood (P,R) of all that was seen. Cells further
        from the mean than `far_deg` count as that far."""
        log = self.before + evidence
        row, column = divmod(int(log.argmax()), log.shape[1])
        weight = np.exp(log - log[row, column])
        pitch_deg, pitch_sd_deg = _moments(self.pitch_deg[:, 0], weight.sum(axis=1), row, far_deg)
        roll_deg, roll_sd_deg = _moments(self.roll_deg[0], weight.sum(axis=0), column, far_deg)
        return Tilt(pitch_deg, roll_deg, pitch_sd_deg, roll_sd_deg)


def _axis(given_deg: float | None, limit_deg: float, step_deg: float) -> Float64:
    if given_deg is not None:
        return np.array([given_deg])
    return np.arange(-limit_deg, limit_deg + step_deg, step_deg)


def _moments(axis_deg: Float64, weight: Float64, best: int, far_deg: float) -> tuple[float, float]:
    """Mean about the best cell and, however many peaks there are, the spread about it."""
    near = np.abs(axis_deg - axis_deg[best]) <= NEAR_DEG
    mean = float(axis_deg[near] @ weight[near] / weight[near].sum())
    off = np.minimum(np.abs(axis_deg - mean), far_deg)
    return mean, math.sqrt(float(off**2 @ weight / weight.sum()))
