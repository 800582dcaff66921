"""A person as SMPL tells it: 21 joint rotations as axis-angle and 24 joints; no part of SMPL's model is used.

Our T-pose has the axes of SMPL's (Y up, facing +Z, left +X) and bones that correspond, so local rotations
carry over by name. SMPL has three joints in the trunk where we have two bones: the lowest stays straight.
Joints are those of a standard body of 1.70 m with these rotations, its pelvis at 0 and unturned, in the axes
that robots use (X forward, Y left, Z up); so a child moves a robot as an adult does.
Which point stands for a hand follows the publishers of GR00T-WholeBodyControl: the last joint of the thumb.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES, SEALCAP26
from realtime.axes import ROS
from realtime.rest_pose import REST_HEIGHT_M, bone_heads
from realtime.solve.forward import joints_from_rotations, world_rotations
from realtime.solve.quaternions import IDENTITY, to_matrix
from realtime.solve.rest import REST_JOINTS

Float64 = NDArray[np.float64]

JOINTS = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle",
    "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hand", "right_hand",
)  # fmt: skip
"""SMPL's 24 joints in order."""
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
BONE_OF = {
    "left_hip": "LeftUpperLeg", "right_hip": "RightUpperLeg", "spine1": None, "left_knee": "LeftLowerLeg",
    "right_knee": "RightLowerLeg", "spine2": "Spine", "left_ankle": "LeftFoot", "right_ankle": "RightFoot",
    "spine3": "Chest", "left_foot": "LeftToes", "right_foot": "RightToes", "neck": "Neck",
    "left_collar": "LeftShoulder", "right_collar": "RightShoulder", "head": "Head",
    "left_shoulder": "LeftUpperArm", "right_shoulder": "RightUpperArm", "left_elbow": "LeftLowerArm",
    "right_elbow": "RightLowerArm", "left_wrist": "LeftHand", "right_wrist": "RightHand",
}  # fmt: skip
"""Joints 1 to 21 and the bone of ours that turns there."""
_TURNED = [(row, BONES.index(bone)) for row, bone in enumerate(BONE_OF.values()) if bone is not None]
_ROWS, _BONES = (np.array(column) for column in zip(*_TURNED, strict=True))
_SAME = tuple(n for n in JOINTS if n.endswith(("hip", "knee", "ankle", "shoulder", "elbow", "wrist", "neck")))
_OURS = {"pelvis": "pelvis", "spine2": "spine", "spine3": "chest", **dict(zip(_SAME, _SAME, strict=True))}
_OUR_ROWS = [(JOINTS.index(smpl), SEALCAP26.index(ours)) for smpl, ours in _OURS.items()]
_SMPL_OF, _JOINT_OF = (np.array(column) for column in zip(*_OUR_ROWS, strict=True))
_BETWEEN = {
    "spine1": ("pelvis", "spine2", 0.5),
    "left_collar": ("neck", "left_shoulder", 0.4),
    "right_collar": ("neck", "right_shoulder", 0.4),
}
"""Joints that we have not: this share of the way from one to another."""
_HEAD_SHARE = 0.65
"""SMPL's head turns below the ears, this share of the way from the neck."""
_THUMB_M = np.array([[0.08, -0.01, 0.05], [-0.08, -0.01, 0.05]])
"""From the left and the right wrist to the thumb in the T-pose, palms down."""


def body_pose(local: Float64) -> Float64:
    """Local rotations (...,21,4) xyzw of `BONES` → (...,21,3) axis-angle of joints 1 to 21, radians."""
    q = local[..., _BONES, :]
    q = np.where(q[..., 3:] < 0, -q, q)
    sine = np.sqrt((q[..., :3] ** 2).sum(axis=-1, keepdims=True))
    angle = 2.0 * np.arctan2(sine, q[..., 3:])
    out = np.zeros((*local.shape[:-2], len(BONE_OF), 3))
    out[..., _ROWS, :] = q[..., :3] * np.where(sine > 1e-9, angle / np.maximum(sine, 1e-9), 2.0)
    return out


def joints(local: Float64) -> Float64:
    """Local rotations (21,4) xyzw of `BONES` → (24,3) metres, ROS axes, pelvis at 0 and unturned."""
    local = local.copy()
    local[0] = IDENTITY
    ours = joints_from_rotations(local, REST_JOINTS * REST_HEIGHT_M, np.zeros(3))
    out = np.empty((len(JOINTS), 3))
    out[_SMPL_OF] = ours[_JOINT_OF]
    for name, (a, b, share) in _BETWEEN.items():
        start = out[JOINTS.index(a)]
        out[JOINTS.index(name)] = start + share * (out[JOINTS.index(b)] - start)
    neck, head = ours[SEALCAP26.index("neck")], ours[SEALCAP26.index("head")]
    out[JOINTS.index("head")] = neck + _HEAD_SHARE * (head - neck)
    heads = bone_heads(ours)
    out[10:12] = heads[[BONES.index("LeftToes"), BONES.index("RightToes")]]
    hands = to_matrix(world_rotations(local)[[BONES.index("LeftHand"), BONES.index("RightHand")]])
    out[22:24] = out[20:22] + (hands @ _THUMB_M[..., None])[..., 0]
    return ROS.points(out)


def body_quaternion(root_rotation: Float64) -> Float64:
    """Pelvis in our world (...,4) xyzw → in a world with Z up, (...,4) wxyz; identity: upright, facing +X."""
    return np.asarray(ROS.rotations(root_rotation)[..., [3, 0, 1, 2]])
