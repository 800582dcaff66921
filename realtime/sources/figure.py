"""The synthetic figure's body: proportions, and joints from a posture by forward and inverse kinematics.

Proportions are those of `realtime/rest_pose.py`, with feet and face added. World axes, metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lifting.skeleton import SEALCAP26
from realtime.sources.motion import Floats, Foot, Posture, posture

THIGH, SHIN, UPPER_ARM, FOREARM = 0.247, 0.235, 0.182, 0.147
"""Fractions of stature."""
ANKLE_HEIGHT, HIP_HALF = 0.047, 0.053
STANDING_HIP = ANKLE_HEIGHT + 0.995 * (THIGH + SHIN)
"""Nearly straight legs: a straight knee has no direction to bend in."""
_TRUNK = {"spine": (0.0, 0.059, -0.008), "chest": (0.0, 0.147, -0.012)}
_CHEST = {
    "neck": (0.0, 0.165, 0.0),
    "left_shoulder": (0.104, 0.132, 0.0),
    "right_shoulder": (-0.104, 0.132, 0.0),
}
_HEAD = {
    "head": (0.0, 0.053, 0.012),
    "nose": (0.0, 0.068, 0.076),
    "left_eye": (0.019, 0.086, 0.062),
    "right_eye": (-0.019, 0.086, 0.062),
    "left_ear": (0.043, 0.076, 0.012),
    "right_ear": (-0.043, 0.076, 0.012),
}
_FOOT = {"heel": (0.0, -ANKLE_HEIGHT, -0.028), "toe": (0.008, -ANKLE_HEIGHT, 0.112)}
"""Points of a left foot, relative to its ankle; the sole is flat."""
HEAD_TOP = (0.0, 0.1617, 0.010)
"""Relative to the neck; makes the standing figure as tall as its stature."""


@dataclass(frozen=True)
class Figure:
    """The body at one moment."""

    joints_world: Floats
    """(26,3) SEALCAP26."""
    R_head: Floats
    """(3,3) head to world: x left, y up, z forward."""
    R_chest: Floats
    """(3,3) chest to world."""
    R_pelvis: Floats
    """(3,3) pelvis to world."""
    hands_world: Floats
    """(2,3) finger tips, left then right."""
    stature_m: float


def figure_at(time_s: float, stature_m: float = 1.70) -> Figure:
    """The figure at a time of its routine."""
    return _pose(posture(time_s, stature_m), stature_m)


def _pose(p: Posture, stature: float) -> Figure:
    joints: dict[str, Floats] = {}
    R_pelvis = _ry(p.yaw) @ _rx(0.3 * p.lean)
    R_chest = _ry(p.yaw + p.twist) @ _rx(p.lean)
    R_head = _ry(p.yaw + 0.3 * p.twist) @ _rx(0.3 * p.lean)
    joints["pelvis"] = p.pelvis + np.array((0.0, STANDING_HIP * stature, 0.0))
    _attach(joints, _TRUNK, joints["pelvis"], R_pelvis, stature)
    _attach(joints, _CHEST, joints["chest"], R_chest, stature)
    _attach(joints, _HEAD, joints["neck"], R_head, stature)
    hips = {"left_hip": (HIP_HALF, 0.0, 0.0), "right_hip": (-HIP_HALF, 0.0, 0.0)}
    _attach(joints, hips, joints["pelvis"], R_pelvis, stature)
    hands = []
    for side, name, foot in ((1, "left", p.left), (-1, "right", p.right)):
        _leg(joints, name, foot, side, stature)
        hands.append(_arm(joints, name, p, side, R_chest, stature))
    array = np.array([joints[joint] for joint in SEALCAP26.joints])
    return Figure(array, R_head, R_chest, R_pelvis, np.array(hands), stature)


def _attach(
    joints: dict[str, Floats],
    offsets: dict[str, tuple[float, float, float]],
    base: Floats,
    R: Floats,
    stature: float,
) -> None:
    for name, offset in offsets.items():
        joints[name] = base + R @ np.array(offset) * stature


def _leg(joints: dict[str, Floats], name: str, foot: Foot, side: int, stature: float) -> None:
    R_foot = _ry(foot.yaw) @ _rx(foot.pitch)
    ankle = foot.ankle + np.array((0.0, ANKLE_HEIGHT * stature, 0.0))
    forward = _ry(foot.yaw)[:, 2]
    hip = joints[f"{name}_hip"]
    knee, ankle = bend(hip, ankle, THIGH * stature, SHIN * stature, forward)
    joints[f"{name}_knee"], joints[f"{name}_ankle"] = knee, ankle
    for point, (x, y, z) in _FOOT.items():
        joints[f"{name}_{point}"] = ankle + R_foot @ np.array((side * x, y, z)) * stature


def bend(top: Floats, end: Floats, upper: float, lower: float, towards: Floats) -> tuple[Floats, Floats]:
    """Middle joint and end of a two-bone chain from `top` to `end` that bends `towards` (unit vectors).

    An end out of reach is pulled in, so that both lengths always hold.
    """
    line = end - top
    distance = float(np.linalg.norm(line))
    along = line / distance
    reach = min(distance, 0.9999 * (upper + lower))
    out = towards - (towards @ along) * along
    out /= np.linalg.norm(out)
    a = (upper**2 - lower**2 + reach**2) / (2 * reach)
    middle = top + a * along + np.sqrt(max(upper**2 - a**2, 0.0)) * out
    return middle, top + reach * along


def _arm(
    joints: dict[str, Floats], name: str, p: Posture, side: int, R_chest: Floats, stature: float
) -> Floats:
    """Adds elbow and wrist; returns the finger tips."""
    wave = p.wave if side < 0 else 0.0
    abduct = 0.16 + wave * 1.25
    flex = side * p.swing + 0.35 * p.sit - 0.1 * wave
    elbow = 0.25 + 0.3 * max(0.0, flex) + 0.75 * p.sit + wave * (1.35 + p.wave_angle)
    R_upper = R_chest @ _rz(side * abduct) @ _rx(-flex) @ _ry(side * (1.6 * wave - 0.2 * (1 - wave)))
    R_fore = R_upper @ _rx(-elbow)
    down = np.array([0.0, -1.0, 0.0])
    shoulder = joints[f"{name}_shoulder"]
    joints[f"{name}_elbow"] = shoulder + R_upper @ down * (UPPER_ARM * stature)
    joints[f"{name}_wrist"] = joints[f"{name}_elbow"] + R_fore @ down * (FOREARM * stature)
    fingers: Floats = joints[f"{name}_wrist"] + R_fore @ down * (0.10 * stature)
    return fingers


def _rx(angle: float) -> Floats:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _ry(angle: float) -> Floats:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _rz(angle: float) -> Floats:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
