"""Skeletons: which joints exist, in which order, and how they hang together.

`BODY21` is the 2D input every detector is mapped to; `SEALCAP26` is the 3D output. `BONES` are the
segments that carry rotations, with Unity/VRM names. All three orders are part of the wire contract.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Skeleton:
    """An ordered set of named joints, optionally a tree.

    `parents[i]` is the index of joint i's parent, -1 for the root; empty where the joints form no tree.
    `origin` names the joints whose middle is the origin of poses where that is not the root.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...] = field(default=())
    origin: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Position of `joint`. Raises KeyError naming the joints that exist."""
        try:
            return self._index[joint]
        except KeyError:
            raise KeyError(f"{self.name} has no joint {joint!r}; it has {', '.join(self.joints)}") from None

    def indices(self, *joints: str) -> list[int]:
        """Positions of several joints."""
        return [self.index(joint) for joint in joints]

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.joints)}

    @cached_property
    def mirrored(self) -> NDArray[np.intp]:
        """(J,) index of each joint's twin on the other side; a middle joint is its own twin."""
        return np.array([self.index(mirror_name(name)) for name in self.joints])

    @cached_property
    def origin_joints(self) -> tuple[int, ...]:
        """Indices of the joints whose middle is the origin: the root, unless `origin` says others."""
        return tuple(self.indices(*self.origin)) or tuple(i for i, p in enumerate(self.parents) if p < 0)

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) of every link."""
        return tuple((p, i) for i, p in enumerate(self.parents) if p >= 0)


def mirror_name(joint: str) -> str:
    """left_knee ↔ right_knee, LeftFoot ↔ RightFoot; other names stay."""
    for a, b in (("left_", "right_"), ("Left", "Right")):
        if joint.startswith(a):
            return b + joint[len(a) :]
        if joint.startswith(b):
            return a + joint[len(b) :]
    return joint


def _tree(name: str, rows: tuple[tuple[str, str | None], ...]) -> Skeleton:
    names = tuple(joint for joint, _ in rows)
    return Skeleton(name, names, tuple(-1 if p is None else names.index(p) for _, p in rows))


COCO17 = Skeleton(
    "coco17",
    (
        "nose", "left_eye", "right_eye", "left_ear", "right_ear",
        "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
        "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    ),
)  # fmt: skip

BODY21 = Skeleton("body21", (*COCO17.joints, "left_heel", "right_heel", "left_toe", "right_toe"))
"""2D input of the lifter: COCO-17, heels, big-toe tips."""

BODY21_EDGES: tuple[tuple[int, int], ...] = tuple(
    (BODY21.index(a), BODY21.index(b))
    for a, b in (
        ("nose", "left_eye"), ("nose", "right_eye"), ("left_eye", "left_ear"), ("right_eye", "right_ear"),
        ("left_shoulder", "right_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
        ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"), ("left_shoulder", "left_hip"),
        ("right_shoulder", "right_hip"), ("left_hip", "right_hip"), ("left_hip", "left_knee"),
        ("left_knee", "left_ankle"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
        ("left_ankle", "left_heel"), ("left_ankle", "left_toe"), ("right_ankle", "right_heel"),
        ("right_ankle", "right_toe"),
    )
)  # fmt: skip
"""Lines that draw a BODY21 figure (it is no tree)."""

SEALCAP26 = _tree(
    "sealcap26",
    (
        ("pelvis", None), ("spine", "pelvis"), ("chest", "spine"), ("neck", "chest"), ("head", "neck"),
        ("nose", "head"), ("left_eye", "head"), ("right_eye", "head"), ("left_ear", "head"),
        ("right_ear", "head"),
        ("left_shoulder", "chest"), ("right_shoulder", "chest"),
        ("left_elbow", "left_shoulder"), ("right_elbow", "right_shoulder"),
        ("left_wrist", "left_elbow"), ("right_wrist", "right_elbow"),
        ("left_hip", "pelvis"), ("right_hip", "pelvis"),
        ("left_knee", "left_hip"), ("right_knee", "right_hip"),
        ("left_ankle", "left_knee"), ("right_ankle", "right_knee"),
        ("left_heel", "left_ankle"), ("right_heel", "right_ankle"),
        ("left_toe", "left_ankle"), ("right_toe", "right_ankle"),
    ),
)  # fmt: skip
"""3D output. Positions relative to the pelvis, the middle of the hips."""

H36M17 = _tree(
    "h36m17",
    (
        ("pelvis", None),
        ("right_hip", "pelvis"), ("right_knee", "right_hip"), ("right_ankle", "right_knee"),
        ("left_hip", "pelvis"), ("left_knee", "left_hip"), ("left_ankle", "left_knee"),
        ("spine", "pelvis"), ("thorax", "spine"), ("neck", "thorax"), ("head", "neck"),
        ("left_shoulder", "thorax"), ("left_elbow", "left_shoulder"), ("left_wrist", "left_elbow"),
        ("right_shoulder", "thorax"), ("right_elbow", "right_shoulder"), ("right_wrist", "right_elbow"),
    ),
)  # fmt: skip
"""Human3.6M's 17 joints, on which the published lifters were trained."""

BONES = _tree(
    "humanoid21",
    (
        ("Hips", None), ("Spine", "Hips"), ("Chest", "Spine"), ("Neck", "Chest"), ("Head", "Neck"),
        ("LeftShoulder", "Chest"), ("LeftUpperArm", "LeftShoulder"), ("LeftLowerArm", "LeftUpperArm"),
        ("LeftHand", "LeftLowerArm"), ("LeftUpperLeg", "Hips"), ("LeftLowerLeg", "LeftUpperLeg"),
        ("LeftFoot", "LeftLowerLeg"), ("LeftToes", "LeftFoot"),
        ("RightShoulder", "Chest"), ("RightUpperArm", "RightShoulder"), ("RightLowerArm", "RightUpperArm"),
        ("RightHand", "RightLowerArm"), ("RightUpperLeg", "Hips"), ("RightLowerLeg", "RightUpperLeg"),
        ("RightFoot", "RightLowerLeg"), ("RightToes", "RightFoot"),
    ),
)  # fmt: skip
"""Bones that carry rotations (Unity/VRM names); rest pose is the VRM T-pose with identity local rotations."""

CONTACTS: tuple[str, ...] = ("left_heel", "left_toe", "right_heel", "right_toe")
"""Points of the feet whose floor contact is reported, in wire order."""

BLAZEPOSE33_TO_BODY21 = np.array(
    [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32]
)
"""BODY21 joint i is BlazePose landmark [i]."""

HALPE26_TO_BODY21 = np.array([*range(17), 24, 25, 20, 21])
"""Halpe-26: 20/21 left/right big toe, 24/25 left/right heel."""

WHOLEBODY133_TO_BODY21 = np.array([*range(17), 19, 22, 17, 20])
"""COCO-WholeBody: 17 left big toe, 19 left heel, 20 right big toe, 22 right heel."""


def to_body21(
    points: NDArray[np.float32], confidence: NDArray[np.float32], source: NDArray[np.intp] | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Map a detector's points (J,2) and confidences (J,) to BODY21; missing joints get confidence 0.

    `source` is one of the tables above, or None for COCO-17 order.
    """
    if source is not None:
        return points[source].astype(np.float32), confidence[source].astype(np.float32)
    out, conf = np.zeros((len(BODY21), 2), np.float32), np.zeros(len(BODY21), np.float32)
    out[: len(COCO17)], conf[: len(COCO17)] = points, confidence
    return out, conf
