"""A person's pose as the 20 joints that REP-155 (ROS4HRI) gives a human body.

The model has one hinge in the waist, three at neck, shoulders and hips, one at elbows and knees. Bending the
trunk sideways, twisting it, and turning the forearm about itself cannot be said; shoulders and neck make up
for the trunk, so that every upper arm, forearm, thigh and shank points exactly as the person's does, and the
head stands as theirs. All in axes of the body: X out of the belly, Y left, Z to the head; at zero the arms
hang. The order of turning is that of the chain, the first about axes of the parent:

shoulder Rz(∓y) Rx(±p) Rz(±r), left hand the upper sign     hip Rz(-y) Rx(±p) Ry(-r)
neck     Rx(r) Rz(y) Ry(-p)                                 waist Ry, elbow Ry(-), knee Ry(-)

https://www.ros.org/reps/rep-0155.html and its human_description, urdf/human-tpl.xacro.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES, SEALCAP26
from realtime.axes import ROS
from realtime.solve.forward import world_rotations
from realtime.solve.quaternions import to_matrix
from realtime.solve.rest import REST_JOINTS

Float64 = NDArray[np.float64]

_ARM = {"y_shoulder": (-1.1, 1.9), "p_shoulder": (-0.4, 3.3), "r_shoulder": (-1.7, 1.5), "elbow": (0.0, 2.5)}
_LEG = {"y_hip": (-0.1, 0.6), "p_hip": (-0.4, 3.3), "r_hip": (-0.4, 0.7), "knee": (-2.5, 0.0)}
LIMITS: dict[str, tuple[float, float]] = {
    "waist": (-0.2, 1.0), "r_head": (-1.0, 1.0), "y_head": (-1.4, 1.4), "p_head": (-1.5, 1.5),
    **{f"{side}_{joint}": limits for part in (_ARM, _LEG) for side in "lr" for joint, limits in part.items()},
}  # fmt: skip
"""Joint: (least, most), radians, in the order of every array here."""
JOINTS = tuple(LIMITS)
LOWER, UPPER = (np.array(column) for column in zip(*LIMITS.values(), strict=True))

_HANG = {
    1: np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]]),
    -1: np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]),
}
"""A hanging arm turned up into the T-pose, left and right: a quarter turn about ±X."""
_STRAIGHT = 0.01
"""A limb bent by less (sine) takes its twist from the bone instead of from where it bends to."""
_SINGULAR = 1e-6


def _rest(a: str, b: str) -> Float64:
    return ROS.points(REST_JOINTS[SEALCAP26.index(b)] - REST_JOINTS[SEALCAP26.index(a)])


_SPINE = [_rest("pelvis", "spine"), _rest("spine", "chest"), _rest("chest", "neck")]
_TRUNK = _SPINE[0] + _SPINE[1] + _SPINE[2]
_REST_PITCH = math.atan2(_TRUNK[0], _TRUNK[2])
_B = BONES.index


def body_rotations(local: Float64) -> Float64:
    """Local rotations (21,4) xyzw of `BONES` → (21,3,3) turns from the T-pose, in the body's axes."""
    world = to_matrix(world_rotations(local))
    return np.asarray(ROS.matrix @ (world[0].T @ world) @ ROS.matrix.T)


def human_joints(local: Float64, previous: Float64 | None = None) -> Float64:
    """Local rotations (21,4) xyzw of `BONES` → (20,) angles in radians, not limited.

    `previous` angles decide where a shoulder can be told in two ways equally well.
    """
    R = body_rotations(local)
    waist = _waist(R)
    torso = _about_y(waist)
    out = [waist, *_neck(torso.T @ R[_B("Head")])]
    last = np.zeros(len(JOINTS)) if previous is None else previous
    for at, (side, sign) in zip((4, 8), (("Left", 1), ("Right", -1)), strict=True):
        hang = _HANG[sign]
        upper, lower = torso.T @ R[_B(f"{side}UpperArm")] @ hang, torso.T @ R[_B(f"{side}LowerArm")] @ hang
        upper, elbow = _hinge(upper, lower)
        out += [*_shoulder(upper, sign, last[at : at + 3]), elbow]
    for side, sign in (("Left", 1), ("Right", -1)):
        thigh, knee = _hinge(R[_B(f"{side}UpperLeg")], R[_B(f"{side}LowerLeg")])
        out += [*_hip(thigh, sign), knee]
    return np.array(out)


def limited(angles: Float64) -> Float64:
    """Angles (20,) within the limits of the model."""
    return np.clip(angles, LOWER, UPPER)


def _about_y(angle: float) -> Float64:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _waist(R: Float64) -> float:
    """How far the line from hips to neck leans forward from how it stands in the T-pose."""
    up = _SPINE[0] + R[_B("Spine")] @ _SPINE[1] + R[_B("Chest")] @ _SPINE[2]
    return math.atan2(up[0], up[2]) - _REST_PITCH


def _neck(R: Float64) -> tuple[float, float, float]:
    """Roll, yaw, pitch of Rx(r) Rz(y) Ry(-p)."""
    yaw = math.asin(min(1.0, max(-1.0, -R[0, 1])))
    return math.atan2(R[2, 1], R[1, 1]), yaw, -math.atan2(R[0, 2], R[0, 0])


def _hinge(upper: Float64, lower: Float64) -> tuple[Float64, float]:
    """The upper link, turned about itself so that the lower one bends about its -Y, and that angle.

    Elbows bend forwards, to angles above 0, knees backwards, to angles below.
    """
    x, y, z = -(upper.T @ lower)[:, 2]
    way = 1.0 if x >= 0 else -1.0
    turn = math.atan2(way * y, way * x + _STRAIGHT)
    c, s = math.cos(turn), math.sin(turn)
    bent = math.atan2(way * math.hypot(x, y), -z)
    return upper @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]), bent


def _shoulder(R: Float64, sign: int, last: Float64) -> tuple[float, float, float]:
    """Yaw, pitch, roll of Rz(∓y) Rx(±p) Rz(±r): the one of two answers that breaks the limits less."""
    pitch = math.acos(min(1.0, max(-1.0, R[2, 2])))
    if math.hypot(R[0, 2], R[1, 2]) < _SINGULAR:
        twist = sign * math.atan2(R[1, 0], R[0, 0])
        return (-twist / 2, pitch, twist / 2) if R[2, 2] > 0 else (-twist, pitch, 0.0)
    first = (math.atan2(-R[0, 2], -sign * R[1, 2]), pitch, math.atan2(R[2, 0], sign * R[2, 1]))
    second = (_wrap(first[0] + math.pi), -pitch, _wrap(first[2] + math.pi))
    return min((first, second), key=lambda angles: _cost(angles, last))


def _wrap(angle: float) -> float:
    return math.remainder(angle, 2 * math.pi)


def _cost(angles: tuple[float, float, float], last: Float64) -> tuple[float, float]:
    """How far beyond the limits, then how far from before."""
    beyond = sum(
        max(0.0, low - angle, angle - high)
        for angle, (low, high) in zip(angles, list(_ARM.values())[:3], strict=True)
    )
    return round(beyond, 3), sum(abs(_wrap(a - b)) for a, b in zip(angles, last, strict=True))


def _hip(R: Float64, sign: int) -> tuple[float, float, float]:
    """Yaw, pitch, roll of Rz(-y) Rx(±p) Ry(-r)."""
    pitch = math.asin(min(1.0, max(-1.0, R[2, 1])))
    return -math.atan2(-R[0, 1], R[1, 1]), sign * pitch, math.atan2(R[2, 0], R[2, 2])
