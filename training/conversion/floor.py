"""The ground: how high it is in a clip, toes that must not pass it, and which feet stand on it.

Arrays (T,31,3) in metres, Z up, joints as in `layout`. H is the stature.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.conversion.extremities import SOLE_DISTANCE
from training.conversion.layout import CONTACTS, INDEX, SIDES
from training.conversion.rotations import FloatArray, unit
from training.conversion.take import speed_mps

PLANTED_MPS = 0.35
LEVEL_M = 0.06
"""Planted feet within this height of the lowest ones stand on the same level."""
CONTACT_HEIGHT_M = 0.045
CONTACT_MPS = 0.5
BALL_DOWN_M = 0.10
"""Toes are bent only while the ball of the foot is lower than this."""


def sole_height(positions: FloatArray, joint: str, stature_m: float) -> FloatArray:
    """(T,) height of the ground under a heel, ball or toe if that foot were flat on it."""
    distance = SOLE_DISTANCE[joint[2:]] * stature_m
    result: FloatArray = positions[:, INDEX[joint], 2] - distance
    return result


def floor_height(positions: FloatArray, fps: float, stature_m: float) -> float:
    """Height of the lowest level on which feet are planted (heel or ball slower than 0.35 m/s).

    The median of the planted heights within 6 cm of the lowest; where nothing is planted, as in running, the
    tenth percentile of the lowest point of the soles.
    """
    planted = np.concatenate(
        [
            sole_height(positions, joint, stature_m)[speed_mps(positions[:, INDEX[joint]], fps) < PLANTED_MPS]
            for joint in CONTACTS
        ]
    )
    if len(planted) < 12:
        points = [f"{side}_{part}" for side, _ in SIDES for part in SOLE_DISTANCE]
        lowest = np.min([sole_height(positions, joint, stature_m) for joint in points], axis=0)
        return float(np.percentile(lowest, 10))
    low = np.percentile(planted, 4)
    return float(np.median(planted[planted < low + LEVEL_M]))


def lift_toes(positions: FloatArray, stature_m: float) -> FloatArray:
    """Toe tips below the ground are bent up at the ball, their length kept, while the ball is down."""
    lifted = positions.copy()
    rest = SOLE_DISTANCE["toe"] * stature_m
    for side, _ in SIDES:
        ball, toe = positions[:, INDEX[f"{side}_ball"]], positions[:, INDEX[f"{side}_toe"]]
        through = (toe[:, 2] < rest) & (ball[:, 2] > rest / 2) & (ball[:, 2] < BALL_DOWN_M)
        length = np.linalg.norm(toe - ball, axis=-1)
        drop = np.clip(rest - ball[:, 2], -0.95 * length, 0.95 * length)
        level = unit((toe - ball) * (1, 1, 0)) * np.sqrt(length**2 - drop**2)[:, None]
        bent = ball + level + drop[:, None] * (0, 0, 1)
        lifted[through, INDEX[f"{side}_toe"]] = bent[through]
    return lifted


def contacts(positions: FloatArray, fps: float, stature_m: float) -> NDArray[np.uint8]:
    """(T,4) 1 where l_heel, l_ball, r_heel, r_ball touch the floor z = 0.

    That is, are lower than 4.5 cm and slower than 0.5 m/s. A single frame unlike both its
    neighbours takes their value.
    """
    touching = np.empty((len(positions), len(CONTACTS)), dtype=bool)
    for i, joint in enumerate(CONTACTS):
        slow = speed_mps(positions[:, INDEX[joint]], fps) < CONTACT_MPS
        touching[:, i] = slow & (sole_height(positions, joint, stature_m) < CONTACT_HEIGHT_M)
    if len(touching) > 2:
        alone = (touching[:-2] == touching[2:]) & (touching[1:-1] != touching[:-2])
        touching[1:-1] ^= alone
    return touching.astype(np.uint8)
