"""Joint orders of the benchmark data sets (Human3.6M's is `lifting.skeleton.H36M17`).

Joints are named so that left and right ones mirror each other (`Skeleton.mirrored`).
"""

from __future__ import annotations

from lifting.skeleton import COCO17, Skeleton


def _tree(
    name: str, joints: tuple[str, ...], parent: dict[str, str], origin: tuple[str, ...] = ()
) -> Skeleton:
    parents = tuple(joints.index(parent[joint]) if joint in parent else -1 for joint in joints)
    return Skeleton(name, joints, parents, origin)


_SIDES = ("left", "right")
_LIMBS = {
    f"{side}_{child}": f"{side}_{parent}"
    for side in _SIDES
    for child, parent in (("elbow", "shoulder"), ("wrist", "elbow"), ("knee", "hip"), ("ankle", "knee"))
}

MPI3DHP17 = _tree(
    "mpi3dhp17",
    (
        "head_top", "neck",
        "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
        "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
        "pelvis", "spine", "head",
    ),
    {
        "head_top": "head", "head": "neck", "neck": "spine", "spine": "pelvis", **_LIMBS,
        **{f"{side}_shoulder": "neck" for side in _SIDES}, **{f"{side}_hip": "pelvis" for side in _SIDES},
    },
)  # fmt: skip
"""MPI-INF-3DHP's 17 joints in the order of its test set; root: pelvis, joint 14."""

_FINGERS = ("thumb", "index", "middle", "ring", "little")
_HAND = ("hand", *(f"{finger}_{i}" for finger in _FINGERS for i in range(1, 5)))
_FEET = tuple(f"{side}_{part}" for side in _SIDES for part in ("big_toe", "small_toe", "heel"))


def _face() -> tuple[str, ...]:
    """The 68 landmarks of iBUG 300-W: numbers that mirror each other share a name."""
    twins = [(i, 16 - i) for i in range(8)] + [(17 + i, 26 - i) for i in range(5)]
    twins += [(31, 35), (32, 34), (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)]
    twins += [(48, 54), (49, 53), (50, 52), (59, 55), (58, 56), (60, 64), (61, 63), (67, 65)]
    names = [f"face_{i}" for i in range(68)]
    for right, left in twins:  # landmark 0 is at the subject's right ear
        names[right], names[left] = f"right_face_{right}", f"left_face_{right}"
    return tuple(names)


def _hand_parents() -> dict[str, str]:
    parents: dict[str, str] = {}
    for side in _SIDES:
        parents[f"{side}_hand"] = f"{side}_wrist"
        for finger in _FINGERS:
            parents[f"{side}_{finger}_1"] = f"{side}_hand"
            parents |= {f"{side}_{finger}_{i}": f"{side}_{finger}_{i - 1}" for i in (2, 3, 4)}
    return parents


def _body_parents() -> dict[str, str]:
    parents = dict(_LIMBS)
    for side in _SIDES:
        parents |= {f"{side}_eye": "nose", f"{side}_ear": f"{side}_eye", f"{side}_shoulder": "nose"}
        parents |= {f"{side}_hip": f"{side}_shoulder"}
        parents |= {f"{side}_{part}": f"{side}_ankle" for part in ("big_toe", "small_toe", "heel")}
    return parents


WHOLEBODY133 = _tree(
    "wholebody133",
    (*COCO17.joints, *_FEET, *_face(), *(f"{side}_{part}" for side in _SIDES for part in _HAND)),
    {**_body_parents(), **{joint: "nose" for joint in _face()}, **_hand_parents()},
    origin=("left_hip", "right_hip"),
)
"""COCO-WholeBody: body 0-16, feet 17-22, face 23-90, left hand 91-111, right hand 112-132.

It has no joint at the pelvis, so the tree hangs from the nose, as in H3WB's own code; poses are relative to
the middle of the hips.
"""
