"""The joints, segments and axes of the motion corpus.

Metres, right-handed, Z up. The canonical T-pose faces +X with its left hand towards +Y, so that in every
segment's own frame x is forward, y the person's left and z up. Left and right are the person's own.
"""

from __future__ import annotations

import numpy as np

from training.conversion.rotations import FloatArray

_TREE = (
    ("pelvis", None), ("spine", "pelvis"), ("chest", "spine"), ("neck", "chest"), ("head", "neck"),
    ("head_top", "head"), ("nose", "head"), ("l_eye", "head"), ("r_eye", "head"), ("l_ear", "head"),
    ("r_ear", "head"), ("l_shoulder", "chest"), ("r_shoulder", "chest"), ("l_elbow", "l_shoulder"),
    ("r_elbow", "r_shoulder"), ("l_wrist", "l_elbow"), ("r_wrist", "r_elbow"), ("l_hand", "l_wrist"),
    ("r_hand", "r_wrist"), ("l_hip", "pelvis"), ("r_hip", "pelvis"), ("l_knee", "l_hip"),
    ("r_knee", "r_hip"), ("l_ankle", "l_knee"), ("r_ankle", "r_knee"), ("l_heel", "l_ankle"),
    ("r_heel", "r_ankle"), ("l_ball", "l_ankle"), ("r_ball", "r_ankle"), ("l_toe", "l_ball"),
    ("r_toe", "r_ball"),
)  # fmt: skip

JOINTS: tuple[str, ...] = tuple(joint for joint, _ in _TREE)
INDEX: dict[str, int] = {joint: i for i, joint in enumerate(JOINTS)}
PARENTS: tuple[int, ...] = tuple(-1 if parent is None else INDEX[parent] for _, parent in _TREE)

SEGMENTS: tuple[str, ...] = (
    "pelvis", "spine", "chest", "neck", "head", "l_clavicle", "r_clavicle", "l_upperarm", "r_upperarm",
    "l_forearm", "r_forearm", "l_hand", "r_hand", "l_thigh", "r_thigh", "l_shank", "r_shank", "l_foot",
    "r_foot", "l_toes", "r_toes",
)  # fmt: skip

CONTACTS: tuple[str, ...] = ("l_heel", "l_ball", "r_heel", "r_ball")

SIDES: tuple[tuple[str, float], ...] = (("l", 1.0), ("r", -1.0))
"""Prefix of a side's joints, and the sign of its y coordinates."""

ZUP_FROM_YUP: FloatArray = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""(x left, y up, z forward), as motion capture files have it, to (x forward, y left, z up)."""
