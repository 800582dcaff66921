"""A character's skeleton as the retargeting sees it: where it faces, and how its rest pose becomes a T-pose.

Rotations are handed over as orientations in the armature's own space, so any rest pose, bone roll and object
transform will do. With W the sent rotation of a bone from the T-pose and F the turn from the sender's axes to
the character's (left, up, forward), the bone's orientation is F W F⁻¹ A R, where R is its orientation in rest
and A turns its rest direction to that of a T-pose. A is needed for arms and legs only: a back keeps its own
curve, a foot its own slope (the sole lies flat in both rest poses), so a foot is only turned to point ahead.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise

from mathutils import Matrix, Quaternion, Vector

from .body import PARENTS

_SNAP_COS = 0.94
"""Axes nearer than 20° to one of the armature's are taken for it: rest poses are not built that exactly."""
_ON_FLOOR = 0.2
"""When the lowest bone is nearer to the armature's origin than this share of the hips' height, the floor is
at the origin."""


class CharacterError(Exception):
    """The armature lacks bones without which it cannot be driven; the text is for the user."""


@dataclass(frozen=True)
class Link:
    """A bone that is driven."""

    source: str
    """Bone of `body.PARENTS`."""
    name: str
    offset: Quaternion
    """Orientation in armature space = facing @ sent @ offset."""
    depth: int
    """Driven bones above it in the sender's body."""
    constrained: bool
    """Whether a bone between it and the next driven one is moved by constraints, as in Rigify's rigs."""


@dataclass(frozen=True)
class Character:
    """What stays the same from frame to frame. Armature space, its units."""

    links: tuple[Link, ...]
    """By depth, so parents first."""
    facing: Quaternion
    """From the sender's axes to the armature's."""
    hips_height: float
    """Of the leg roots above the floor in the rest pose."""
    floor: Vector
    """From the armature's origin to the floor, along up."""
    hips_from_legs: Vector
    """From the middle of the leg roots to the head of the hips' bone in the rest pose."""


def read_character(
    bones: Mapping[str, object],
    mapping: Mapping[str, str],
    *,
    align: bool = True,
    t_pose: Mapping[str, Quaternion] | None = None,
    constrained: Collection[str] = (),
) -> Character:
    """From an armature's `data.bones`. Raises CharacterError.

    `mapping`: bone of `body.PARENTS` → name. `align` False takes the rest pose for a T-pose as it is.
    `t_pose`: orientations in armature space that the user has shown as the T-pose, by bone of `body.PARENTS`;
    for these nothing is guessed. `constrained`: names of bones that have constraints.
    """
    present = {source: bones[name] for source, name in mapping.items() if name in bones}
    missing = [b for b in ("Hips", "LeftUpperLeg", "RightUpperLeg") if b not in present]
    if missing:
        raise CharacterError(f"No bone is set for {', '.join(missing)}: choose it under Bones.")
    heads = {source: bone.head_local.copy() for source, bone in present.items()}  # type: ignore[attr-defined]
    facing = _facing(heads)
    shown = dict(t_pose or {})
    turns = _alignment(heads, facing) if align else {}
    links = []
    for source in PARENTS:
        if source in present:
            rest = present[source].matrix_local.to_quaternion()  # type: ignore[attr-defined]
            in_t_pose = shown.get(source) or turns.get(source, Quaternion()) @ rest
            offset = facing.inverted() @ in_t_pose
            below = _below_constraints(present[source], set(mapping.values()), constrained)
            links.append(Link(source, mapping[source], offset, _depth(source), below))
    links.sort(key=lambda link: link.depth)
    tails = [bone.tail_local.copy() for s, bone in present.items() if s.endswith(("Foot", "Toes"))]  # type: ignore[attr-defined]
    up = facing @ Vector((0, 1, 0))
    legs = (heads["LeftUpperLeg"] + heads["RightUpperLeg"]) / 2
    lowest = min(p.dot(up) for p in [*heads.values(), *tails])
    floor = 0.0 if abs(lowest) < _ON_FLOOR * abs(legs.dot(up)) else lowest
    return Character(tuple(links), facing, legs.dot(up) - floor, up * floor, heads["Hips"] - legs)


def _depth(source: str) -> int:
    parent = PARENTS[source]
    return 0 if parent is None else 1 + _depth(parent)


def _below_constraints(bone: object, driven: Collection[str], constrained: Collection[str]) -> bool:
    parent = bone.parent  # type: ignore[attr-defined]
    while parent is not None and parent.name not in driven:
        if parent.name in constrained:
            return True
        parent = parent.parent
    return False


def _facing(heads: Mapping[str, Vector]) -> Quaternion:
    """Left from the legs, up from legs to head; both snapped to the armature's axes when they are near."""
    left = _snapped(heads["LeftUpperLeg"] - heads["RightUpperLeg"])
    legs = (heads["LeftUpperLeg"] + heads["RightUpperLeg"]) / 2
    top = next((heads[b] for b in ("Head", "Neck", "UpperChest", "Chest", "Spine") if b in heads), None)
    below = next((heads[b] for b in ("LeftFoot", "LeftLowerLeg") if b in heads), None)
    up = top - legs if top is not None else legs - below if below is not None else Vector((0, 0, 1))
    up = _snapped(up - up.project(left))
    left = (left - left.project(up)).normalized()
    forward = left.cross(up)
    return Matrix((left, up, forward)).transposed().to_quaternion()


def _snapped(direction: Vector) -> Vector:
    unit = direction.normalized()
    axis = max(range(3), key=lambda i: abs(unit[i]))
    if abs(unit[axis]) < _SNAP_COS:
        return unit
    snapped = Vector((0.0, 0.0, 0.0))
    snapped[axis] = 1.0 if unit[axis] > 0 else -1.0
    return snapped


def _alignment(heads: Mapping[str, Vector], facing: Quaternion) -> dict[str, Quaternion]:
    """Turns (armature space) that bring the limbs of the rest pose into a T-pose, by bone."""
    turns: dict[str, Quaternion] = {}
    for side, x in (("Left", 1.0), ("Right", -1.0)):
        arm = [side + b for b in ("UpperArm", "LowerArm", "Hand")]
        leg = [side + b for b in ("UpperLeg", "LowerLeg", "Foot")]
        _straighten(arm, facing @ Vector((x, 0, 0)), heads, turns)
        _straighten(leg, facing @ Vector((0, -1, 0)), heads, turns)
        turns[side + "Hand"] = turns[side + "LowerArm"]
        turns[side + "Foot"] = turns[side + "Toes"] = _ahead(side, heads, facing)
    return turns


def _straighten(
    chain: list[str], wanted: Vector, heads: Mapping[str, Vector], turns: dict[str, Quaternion]
) -> None:
    """Each bone takes over the turn of the one above it, then turns the shortest way: no twist is added."""
    turn = Quaternion()
    for bone, following in pairwise(chain):
        if bone in heads and following in heads:
            direction = turn @ (heads[following] - heads[bone])
            turn = direction.rotation_difference(wanted) @ turn
        turns[bone] = turn


def _ahead(side: str, heads: Mapping[str, Vector], facing: Quaternion) -> Quaternion:
    """About the vertical, from where the foot points to straight ahead."""
    if side + "Foot" not in heads or side + "Toes" not in heads:
        return Quaternion()
    up = facing @ Vector((0, 1, 0))
    direction = heads[side + "Toes"] - heads[side + "Foot"]
    level = direction - direction.project(up)
    if level.length < 0.2 * direction.length:
        return Quaternion()
    return level.rotation_difference(facing @ Vector((0, 0, 1)))
