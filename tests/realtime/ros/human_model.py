"""Forward kinematics of the human of REP-155, written from its URDF; imports nothing of ours.

Every row is a link: the link it hangs on, where, about which axis it turns ("" = fixed), in the unit of the
model, height / 7.5. `s` is 1 on the left and -1 on the right.
"""

from __future__ import annotations

import numpy as np

NECK, SHOULDER, UPPER_ARM, FOREARM, TORSO, WAIST, THIGH, SHANK = 0.25, 0.8, 1.6, 1.0, 2.75, 1.2, 1.5, 2.0

LIMITS = """
waist -0.2 1.0
r_head -1 1
y_head -1.4 1.4
p_head -1.5 1.5
y_shoulder -1.1 1.9
p_shoulder -0.4 3.3
r_shoulder -1.7 1.5
elbow 0 2.5
y_hip -0.1 0.6
p_hip -0.4 3.3
r_hip -0.4 0.7
knee -2.5 0
"""
"""Of one side, where there are two."""


def rows(
    s: int, side: str
) -> list[tuple[str, str, tuple[float, float, float], tuple[float, float, float], str]]:
    """(link, parent, origin, axis, joint) of one side."""
    p = f"{side}_"
    return [
        (p + "y_shoulder", "torso", (0, s * SHOULDER, 0), (0, 0, -s), p + "y_shoulder"),
        (p + "p_shoulder", p + "y_shoulder", (0, 0, 0), (s, 0, 0), p + "p_shoulder"),
        (p + "shoulder", p + "p_shoulder", (0, 0, 0), (0, 0, s), p + "r_shoulder"),
        (p + "elbow", p + "shoulder", (0, 0, -UPPER_ARM), (0, -1, 0), p + "elbow"),
        (p + "wrist", p + "elbow", (0, 0, -FOREARM), (0, 0, 0), ""),
        (p + "y_hip", "body", (0, s * WAIST / 2, 0), (0, 0, -1), p + "y_hip"),
        (p + "p_hip", p + "y_hip", (0, 0, 0), (s, 0, 0), p + "p_hip"),
        (p + "hip", p + "p_hip", (0, 0, 0), (0, -1, 0), p + "r_hip"),
        (p + "knee", p + "hip", (0, 0, -THIGH), (0, -1, 0), p + "knee"),
        (p + "ankle", p + "knee", (0, 0, -SHANK), (0, 0, 0), ""),
    ]


ROWS = [
    ("waist", "body", (0, 0, 0), (0, 1, 0), "waist"),
    ("torso", "waist", (0, 0, TORSO), (0, 0, 0), ""),
    ("r_head", "torso", (0, 0, NECK), (1, 0, 0), "r_head"),
    ("y_head", "r_head", (0, 0, 0), (0, 0, 1), "y_head"),
    ("p_head", "y_head", (0, 0, 0), (0, -1, 0), "p_head"),
    ("head", "p_head", (0.25, 0, 0.5), (0, 0, 0), ""),
    *rows(1, "l"),
    *rows(-1, "r"),
]


def turn(axis: tuple[float, float, float], angle: float) -> np.ndarray:
    """(3,3) about a unit axis."""
    x, y, z = axis
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], float)
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def links(angles: dict[str, float]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Joint angles → link: (origin (3,), rotation (3,3)) in the frame of the body."""
    out = {"body": (np.zeros(3), np.eye(3))}
    for link, parent, origin, axis, joint in ROWS:
        place, R = out[parent]
        out[link] = (place + R @ np.array(origin, float), R @ turn(axis, angles[joint]) if joint else R)
    return out
