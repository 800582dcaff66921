"""Joint rotations from joint positions, and back.

Every bone's world frame is built from two directions of the pose and compared with the same two
directions of the rest pose; its rotation is the one that takes rest to now. Which two:

Hips, Spine, Chest, Neck   up the trunk and across it (hips, shoulders, ears)
Head                       across the ears, out of the face
Shoulder (clavicle)        neck → shoulder, no twist of its own: the smallest turn from the chest
UpperArm, LowerArm         along the bone; twist from the plane the elbow bends in
UpperLeg, LowerLeg         along the bone; twist from the plane the knee bends in
Foot                       heel → toe; twist with the knee's axis
Hand, Toes                 follow forearm and foot: nothing is seen of their own

A straight limb has no bend plane. A leg then takes its twist from foot and hips; an arm keeps the axis it
had relative to the chest, drifting slowly back to the axis without twist.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES, SEALCAP26
from realtime.solve.quaternions import (
    IDENTITY,
    conjugate,
    cross,
    frame,
    from_matrix,
    length,
    multiply,
    same_sign,
    swing,
    to_matrix,
    unit,
)
from realtime.solve.rest import REST_JOINTS

Float64 = NDArray[np.float64]

STRAIGHT, BENT = 0.12, 0.42
"""Sine of the elbow's or knee's angle below and above which the bend plane counts not at all or alone."""
UNTWIST = 0.02
"""Share of an arm's remembered twist that is given up per frame while it is straight."""

_J = SEALCAP26.index
_B = BONES.index

# From → to: the directions a pose is read by, in rows of one (D,3) array.
_DIRECTIONS = (
    ("pelvis", "spine"), ("spine", "chest"), ("chest", "neck"), ("neck", "head"),
    ("right_hip", "left_hip"), ("right_shoulder", "left_shoulder"), ("right_ear", "left_ear"),
    ("neck", "left_shoulder"), ("neck", "right_shoulder"),
    ("left_shoulder", "left_elbow"), ("right_shoulder", "right_elbow"),
    ("left_elbow", "left_wrist"), ("right_elbow", "right_wrist"),
    ("left_hip", "left_knee"), ("right_hip", "right_knee"),
    ("left_knee", "left_ankle"), ("right_knee", "right_ankle"),
    ("left_heel", "left_toe"), ("right_heel", "right_toe"),
)  # fmt: skip
_FROM = np.array([_J(a) for a, _ in _DIRECTIONS])
_TO = np.array([_J(b) for _, b in _DIRECTIONS])
_TRUNK, _ACROSS = slice(0, 4), slice(4, 7)
_CLAVICLES, _UPPER_ARMS, _FOREARMS = slice(7, 9), slice(9, 11), slice(11, 13)
_THIGHS, _SHANKS, _FEET = slice(13, 15), slice(15, 17), slice(17, 19)
_FACE = np.array([_J("nose"), _J("left_eye"), _J("right_eye")])
_EARS = np.array([_J("left_ear"), _J("right_ear")])


def _pair(name: str) -> list[int]:
    return [_B("Left" + name), _B("Right" + name)]


_SPINE_BONES = [_B(name) for name in ("Hips", "Spine", "Chest", "Neck")]
_PARENT = np.array([max(p, 0) for p in BONES.parents])
_ARM_AXIS_REST = np.array([[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]])
"""Axis the elbow bends about in the rest pose, left and right: forearms come forward."""
_LEG_AXIS_REST = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
"""Axis the knee bends about: shanks go back."""


def _read(joints: Float64) -> tuple[Float64, Float64]:
    """(19,3) unit directions of `_DIRECTIONS`, and (3,) out of the face."""
    face = joints[_FACE].sum(axis=0) / 3 - joints[_EARS].sum(axis=0) / 2
    return unit(joints[_TO] - joints[_FROM]), face


_REST, _REST_FACE = _read(REST_JOINTS)


def _trunk_frames(d: Float64, face: Float64) -> Float64:
    """(5,3,3) frames of Hips, Spine, Chest, Neck, Head."""
    hips, shoulders, ears = d[_ACROSS]
    primary = np.stack([hips, d[1], d[2], d[3], ears])
    secondary = np.stack([d[0], hips + shoulders, shoulders, shoulders + ears, face])
    return frame(primary, secondary)


_TRUNK_REST_T = np.swapaxes(_trunk_frames(_REST, _REST_FACE), 1, 2)
_ARM_REST_T = np.swapaxes(frame(_REST[9:13], np.concatenate([_ARM_AXIS_REST] * 2)), 1, 2)
_LEG_REST_T = np.swapaxes(frame(_REST[13:19], np.concatenate([_LEG_AXIS_REST] * 3)), 1, 2)


class RotationSolver:
    """World joints → local rotations of `BONES`, frame after frame (signs and arm twists are continuous)."""

    def __init__(self) -> None:
        self._last: Float64 | None = None
        self._arm: tuple[Float64, Float64] | None = None

    def reset(self) -> None:
        """Forget the last frame."""
        self._last = self._arm = None

    def __call__(self, joints_world: Float64) -> Float64:
        """joints_world (26,3) → (21,4) xyzw; row 0 (Hips) is the world rotation of the pelvis."""
        R = self._world_rotations(joints_world)
        q = from_matrix(R)
        local = multiply(conjugate(q[_PARENT]), q)
        local[0] = q[0]
        local = same_sign(local, IDENTITY if self._last is None else self._last)
        self._last = local
        return local

    def _world_rotations(self, joints: Float64) -> Float64:
        """(21,3,3) rotation of every bone from its rest orientation, world axes."""
        d, face = _read(joints)
        R = np.empty((len(BONES), 3, 3))
        trunk = _trunk_frames(d, face) @ _TRUNK_REST_T
        R[_SPINE_BONES], R[_B("Head")] = trunk[:4], trunk[4]
        chest, hips = trunk[2], trunk[0]
        R[_pair("Shoulder")] = swing(_REST[_CLAVICLES] @ chest.T, d[_CLAVICLES]) @ chest
        arm_axis = self._arm_axis(d, chest)
        arms = frame(d[9:13], np.concatenate([arm_axis, arm_axis])) @ _ARM_REST_T
        R[_pair("UpperArm")], R[_pair("LowerArm")] = arms[:2], arms[2:]
        R[_pair("Hand")] = arms[2:]
        leg_axis = _leg_axis(d, hips)
        legs = frame(d[13:19], np.concatenate([leg_axis] * 3)) @ _LEG_REST_T
        R[_pair("UpperLeg")], R[_pair("LowerLeg")], R[_pair("Foot")] = legs[:2], legs[2:4], legs[4:]
        R[_pair("Toes")] = legs[4:]
        return R

    def _arm_axis(self, d: Float64, chest: Float64) -> Float64:
        """(2,3) world axes the elbows bend about; remembered relative to the chest while straight."""
        upper = d[_UPPER_ARMS] @ chest  # in chest axes
        bend = cross(upper, d[_FOREARMS] @ chest)
        untwisted = np.einsum("bij,bj->bi", swing(_REST[_UPPER_ARMS], upper), _ARM_AXIS_REST)
        if self._arm is None:
            kept = untwisted
        else:
            before, axis = self._arm
            carried = np.einsum("bij,bj->bi", swing(before, upper), axis)
            kept = unit(carried + UNTWIST * (untwisted - carried))
        axis = _blend(kept, bend)
        self._arm = upper, axis
        return axis @ chest.T


def _leg_axis(d: Float64, hips: Float64) -> Float64:
    """(2,3) world axes the knees bend about."""
    thigh, shank = d[_THIGHS], d[_SHANKS]
    from_foot = cross(d[_FEET], shank)
    from_hips = np.einsum("bij,bj->bi", swing(_REST[_THIGHS] @ hips.T, thigh), np.stack([hips[:, 0]] * 2))
    return _blend(unit(from_foot + from_hips), cross(thigh, shank))


def _blend(straight: Float64, bend: Float64) -> Float64:
    """Axis (2,3): `bend` (not unit: its length is the sine of the angle) as far as the limb is bent."""
    sine = length(bend)
    x = np.minimum(np.maximum((sine - STRAIGHT) / (BENT - STRAIGHT), 0.0), 1.0)
    share = (x * x * (3 - 2 * x))[:, None]
    return unit((1 - share) * straight + share * bend / np.maximum(sine, 1e-9)[:, None])


# Joint: the bone that carries it, and the joint at that bone's origin.
_CARRIER = {
    "spine": ("Hips", "pelvis"), "chest": ("Spine", "spine"), "neck": ("Chest", "chest"),
    "head": ("Neck", "neck"),
    **{name: ("Head", "head") for name in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")},
    **{
        f"{side}_{joint}": (side.capitalize() + bone, origin if origin == "pelvis" else f"{side}_{origin}")
        for side in ("left", "right")
        for joint, bone, origin in (
            ("elbow", "UpperArm", "shoulder"), ("wrist", "LowerArm", "elbow"),
            ("knee", "UpperLeg", "hip"), ("ankle", "LowerLeg", "knee"),
            ("heel", "Foot", "ankle"), ("toe", "Foot", "ankle"),
        )
    },
    "left_hip": ("Hips", "pelvis"), "right_hip": ("Hips", "pelvis"),
    "left_shoulder": ("LeftShoulder", "neck"), "right_shoulder": ("RightShoulder", "neck"),
}  # fmt: skip


def joints_from_rotations(local: Float64, rest: Float64, root_world: Float64) -> Float64:
    """Forward kinematics: local rotations (21,4) xyzw, rest pose (26,3) and pelvis (3,) → joints (26,3).

    The clavicles turn about the base of the neck, where the rest pose has its neck joint.
    """
    world = [local[0]]
    for bone, parent in list(enumerate(BONES.parents))[1:]:
        world.append(multiply(world[parent], local[bone]))
    R = to_matrix(np.stack(world))
    joints = np.zeros((len(SEALCAP26), 3))
    joints[0] = root_world
    for j, name in list(enumerate(SEALCAP26.joints))[1:]:  # every joint comes after the one it hangs on
        carrier, origin = _CARRIER[name]
        joints[j] = joints[_J(origin)] + R[_B(carrier)] @ (rest[j] - rest[_J(origin)])
    return joints
