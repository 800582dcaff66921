"""The body that senders speak of: names, how they hang together, and the T-pose. Needs no Blender.

World axes of the sender: right-handed, Y up, metres, the person's left is +X when facing +Z. Bone rotations
are local and relative to the T-pose, in which all are the identity.
"""

from __future__ import annotations

from .turns import Vec

PARENTS: dict[str, str | None] = {
    "Hips": None, "Spine": "Hips", "Chest": "Spine", "UpperChest": "Chest", "Neck": "UpperChest",
    "Head": "Neck",
}  # fmt: skip
"""Bone: its parent, parents first. UpperChest comes only from VMC senders that have it."""
for _side in ("Left", "Right"):
    _above = "UpperChest"
    for _bone in ("Shoulder", "UpperArm", "LowerArm", "Hand"):
        PARENTS[_side + _bone] = _above
        _above = _side + _bone
    _above = "Hips"
    for _bone in ("UpperLeg", "LowerLeg", "Foot", "Toes"):
        PARENTS[_side + _bone] = _above
        _above = _side + _bone

OPTIONAL = frozenset({"UpperChest"})
SENT = tuple(bone for bone in PARENTS if bone not in OPTIONAL)
"""The 21 bones of our own senders."""

MAX_M = 1000.0
"""Whoever is further away than this is nowhere."""
STATURE_M = 1.70
"""Of the body below, which stands in where a sender tells no proportions."""
# Joint: (parent, offset in statures, the bone that carries it).
_MIDDLE: dict[str, tuple[str, Vec, str]] = {
    "spine": ("pelvis", (0.0, 0.1236, -0.0225), "Hips"),
    "chest": ("spine", (0.0, 0.0670, 0.0003), "Spine"),
    "neck": ("chest", (0.0, 0.1243, -0.0050), "Chest"),
    "head": ("neck", (0.0, 0.0834, 0.0200), "Neck"),
    "nose": ("head", (0.0, -0.0115, 0.0681), "Head"),
}
_LEFT: dict[str, tuple[str, Vec, str]] = {
    "left_eye": ("head", (0.0182, 0.0127, 0.0496), "Head"),
    "left_ear": ("head", (0.0427, 0.0, 0.0), "Head"),
    "left_shoulder": ("chest", (0.1058, 0.1035, -0.0004), "LeftShoulder"),
    "left_elbow": ("left_shoulder", (0.1653, 0.0, 0.0), "LeftUpperArm"),
    "left_wrist": ("left_elbow", (0.1579, 0.0, 0.0), "LeftLowerArm"),
    "left_hip": ("pelvis", (0.0515, 0.0, 0.0), "Hips"),
    "left_knee": ("left_hip", (0.0, -0.2298, 0.0), "LeftUpperLeg"),
    "left_ankle": ("left_knee", (0.0, -0.2472, 0.0), "LeftLowerLeg"),
    "left_heel": ("left_ankle", (0.0, -0.0330, -0.0320), "LeftFoot"),
    "left_toe": ("left_ankle", (0.0, -0.0350, 0.1079), "LeftFoot"),
}


def _other_side(name: str) -> str:
    return name.replace("left_", "right_").replace("Left", "Right")


def _mirrored(row: tuple[str, Vec, str]) -> tuple[str, Vec, str]:
    parent, (x, y, z), bone = row
    return _other_side(parent), (-x, y, z), _other_side(bone)


JOINTS = _MIDDLE | _LEFT | {_other_side(name): _mirrored(row) for name, row in _LEFT.items()}
"""Joint: (parent joint, T-pose offset in statures, carrying bone), parents first; the pelvis is the root."""

JOINT_OF = {
    "Hips": "pelvis", "Spine": "spine", "Chest": "chest", "Neck": "neck", "Head": "head",
    "LeftShoulder": "chest", "LeftUpperArm": "left_shoulder", "LeftLowerArm": "left_elbow",
    "LeftHand": "left_wrist", "LeftUpperLeg": "left_hip", "LeftLowerLeg": "left_knee",
    "LeftFoot": "left_ankle",
}  # fmt: skip
"""Bone: the joint it turns about. Toes turn about the ball of the foot, which is no joint."""
JOINT_OF |= {_other_side(bone): _other_side(joint) for bone, joint in JOINT_OF.items()}

BALL = 0.70
"""The ball of the foot lies this share of the way from ankle to toe tip."""
HIPS_PER_ANKLE_DROP = 0.5198 / 0.4770
"""Height of the hips above the soles, told by their height above the ankles."""
