"""Which bones, mirrored pairs and limbs a skeleton has, derived from the names of its joints.

Bones are the links of the skeleton's tree outside the face: eyes, ears, nose and landmarks are no segments of
the body, and their "lengths" say nothing about a figure's build; nor does a link from the nose to a shoulder,
which trees without a neck have. A pair is a bone of the left side with its twin; a limb is an arm (shoulder,
elbow, wrist) or a leg (hip, knee, ankle).
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

from lifting.skeleton import Skeleton, mirror_name

Bone = tuple[int, int]
"""Two joints: parent, child."""
Chain = tuple[Bone, ...]
"""Bones end to end, whose lengths are added."""

FACE = frozenset({"nose", "eye", "ear", "mouth", "jaw", "chin", "face"})
ARM = ("shoulder", "elbow", "wrist")
LEG = ("hip", "knee", "ankle")


@cache
def bones(skeleton: Skeleton) -> tuple[Bone, ...]:
    """Every (parent, child) of the body; SEALCAP26 has 20, H36M17 16, WHOLEBODY133 58.

    Raises ValueError for a skeleton that is no tree.
    """
    found = tuple(edge for edge in skeleton.edges if not any(_in_face(skeleton.joints[i]) for i in edge))
    if not found:
        raise ValueError(f"{skeleton.name} has no bones; give a skeleton with parents")
    return found


@cache
def mirrored_bones(skeleton: Skeleton) -> tuple[tuple[Bone, Bone], ...]:
    """(left, right) for every bone of the left side, in the order of `bones`.

    Raises ValueError where no bone has a twin.
    """
    twin = skeleton.mirrored
    left = [bone for bone in bones(skeleton) if skeleton.joints[bone[1]].lower().startswith("left")]
    if not left:
        raise ValueError(f"{skeleton.name} has no bones of a left side; name its joints left_… and right_…")
    return tuple((bone, (int(twin[bone[0]]), int(twin[bone[1]]))) for bone in left)


@cache
def mirrored_limbs(skeleton: Skeleton) -> tuple[tuple[Chain, Chain], ...]:
    """(left, right) for arms and legs, those that the skeleton has all joints of.

    Raises ValueError where it has neither.
    """
    pairs = []
    for limb in (ARM, LEG):
        left = [f"left_{part}" for part in limb]
        if all(name in skeleton.joints and mirror_name(name) in skeleton.joints for name in left):
            pairs.append((_chain(skeleton, left), _chain(skeleton, [mirror_name(name) for name in left])))
    if not pairs:
        raise ValueError(f"{skeleton.name} has no limbs; an arm is {', '.join(ARM)}, a leg {', '.join(LEG)}")
    return tuple(pairs)


@cache
def limbs(skeleton: Skeleton) -> tuple[Chain, ...]:
    """Left arm, right arm, left leg, right leg. Raises ValueError where there are none."""
    return tuple(limb for pair in mirrored_limbs(skeleton) for limb in pair)


@cache
def below_root(skeleton: Skeleton) -> tuple[int, ...]:
    """Every joint but the root, which is the origin and hence never wrong; all where the origin is another.

    Raises ValueError for a skeleton that is no tree.
    """
    if not skeleton.edges:
        raise ValueError(f"{skeleton.name} has no root; give a skeleton with parents")
    if skeleton.origin:
        return tuple(range(len(skeleton)))
    return tuple(child for _, child in skeleton.edges)


def _chain(skeleton: Skeleton, joints: list[str]) -> Chain:
    row = skeleton.indices(*joints)
    return tuple(pairwise(row))


def _in_face(joint: str) -> bool:
    return not FACE.isdisjoint(joint.split("_"))  # left_eye, right_face_12
