"""Where the bones are in the rest pose that their rotations are relative to, as receivers are told.

The same T-pose the rotation solver compares with, at a standard stature, so that a receiver's forward
kinematics with these offsets, scaled, rebuild the figure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES, SEALCAP26, mirror_name
from realtime.data import Float32
from realtime.solve.rest import REST_JOINTS

Float64 = NDArray[np.float64]

REST_HEIGHT_M = 1.70
"""Stature of the body below; scale offsets by `height / REST_HEIGHT_M` for another one."""

# Bone: the joint it turns about. A shoulder bone (clavicle) turns about the chest (`solve/forward.py`).
_JOINT_OF = {
    "Hips": "pelvis", "Spine": "spine", "Chest": "chest", "Neck": "neck", "Head": "head",
    "LeftShoulder": "chest", "LeftUpperArm": "left_shoulder", "LeftLowerArm": "left_elbow",
    "LeftHand": "left_wrist", "LeftUpperLeg": "left_hip", "LeftLowerLeg": "left_knee",
    "LeftFoot": "left_ankle",
}  # fmt: skip
_BALL = 0.70
"""The toes bend at the ball of the foot, this share of the way from ankle to toe tip."""


def bone_heads(joints: Float64) -> Float64:
    """(26,3) of a T-pose → (21,3) where each bone begins, order of `BONES`."""
    heads = {}
    for bone, joint in _JOINT_OF.items():
        heads[bone] = joints[SEALCAP26.index(joint)]
        heads[mirror_name(bone)] = joints[SEALCAP26.index(mirror_name(joint))]
    for side in ("left", "right"):
        ankle, toe = (joints[i] for i in SEALCAP26.indices(f"{side}_ankle", f"{side}_toe"))
        heads[f"{side.title()}Toes"] = ankle + _BALL * (toe - ankle)
    return np.array([heads[bone] for bone in BONES.joints])


REST_HEADS_M: Float32 = bone_heads(REST_JOINTS * REST_HEIGHT_M).astype(np.float32)
"""(21,3) where each bone begins, feet on y = 0, order of `BONES`."""
REST_OFFSETS_M: Float32 = REST_HEADS_M.copy()
"""(21,3) from each bone's parent to the bone; the Hips' row is from the floor below them."""
for _bone, _parent in enumerate(BONES.parents):
    if _parent >= 0:
        REST_OFFSETS_M[_bone] = REST_HEADS_M[_bone] - REST_HEADS_M[_parent]
REST_HEADS_M.flags.writeable = REST_OFFSETS_M.flags.writeable = False
