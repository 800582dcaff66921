"""Points no marker set gives: face, vertex, heels, balls and toes, rigid in the head's and the feet's frames.

All in parts of stature H, adult averages. The head grows more slowly than the body: its offsets, given at
1.75 m, are scaled by ½ + ½ H/1.75.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from training.conversion.layout import SIDES
from training.conversion.rotations import FloatArray, rotate, unit

ANKLE_HEIGHT = 0.043
"""Ankle joint above the sole."""
HEEL_BEHIND = 0.032
BALL_AHEAD = 0.072
TOE_AHEAD = 0.036
"""Toe tip before the ball."""
SOLE_DISTANCE: Mapping[str, float] = {"heel": 0.010, "ball": 0.012, "toe": 0.008}
"""How far these points lie above the ground of a flat foot."""
HAND_LENGTH = 0.095
"""Wrist to the tip of the relaxed middle finger."""
HEAD_BONE_END = 0.95
"""Height of the end of CMU's head bone, the middle of the head markers, on somebody standing."""
EAR_HEIGHT = 0.926
"""Height of the middle between the ears, the corpus's head joint."""

_HEAD_REFERENCE_M = 1.75
_HEAD_OFFSETS_M: Mapping[str, tuple[float, float, float]] = {
    "head_top": (0.0, 0.0, 0.130), "nose": (0.118, 0.0, -0.020), "l_eye": (0.086, 0.0315, 0.022),
    "r_eye": (0.086, -0.0315, 0.022), "l_ear": (0.0, 0.074, 0.0), "r_ear": (0.0, -0.074, 0.0),
}  # fmt: skip


def head_points(head: FloatArray, R_head: FloatArray, stature_m: float) -> dict[str, FloatArray]:
    """Vertex, nose, eyes and ears (T,3) from the middle between the ears and the level head frame."""
    scale = 0.5 + 0.5 * stature_m / _HEAD_REFERENCE_M
    return {name: head + rotate(R_head, scale * np.array(offset)) for name, offset in _HEAD_OFFSETS_M.items()}


def foot_points(
    ankle: FloatArray, R_foot: FloatArray, R_toes: FloatArray, stature_m: float
) -> dict[str, FloatArray]:
    """Heel, ball and toe tip (T,3) of a foot, in whose frame z is normal to the sole and x along it."""
    low = {name: distance - ANKLE_HEIGHT for name, distance in SOLE_DISTANCE.items()}
    heel = ankle + rotate(R_foot, stature_m * np.array([-HEEL_BEHIND, 0.0, low["heel"]]))
    ball = ankle + rotate(R_foot, stature_m * np.array([BALL_AHEAD, 0.0, low["ball"]]))
    tip = stature_m * np.array([TOE_AHEAD, 0.0, low["toe"] - low["ball"]])
    return {"heel": heel, "ball": ball, "toe": ball + rotate(R_toes, tip)}


def add_extremities(
    joints: dict[str, FloatArray], segments: dict[str, FloatArray], stature_m: float
) -> dict[str, FloatArray]:
    """The joints with every extremity; a hand tip continues the forearm where the source has none."""
    added = joints | head_points(joints["head"], segments["head"], stature_m)
    for side, _ in SIDES:
        R_foot = segments[f"{side}_foot"]
        points = foot_points(joints[f"{side}_ankle"], R_foot, segments.get(f"{side}_toes", R_foot), stature_m)
        added |= {f"{side}_{name}": value for name, value in points.items()}
        wrist = joints[f"{side}_wrist"]
        straight = wrist + unit(wrist - joints[f"{side}_elbow"]) * HAND_LENGTH * stature_m
        added.setdefault(f"{side}_hand", straight)
    return added
