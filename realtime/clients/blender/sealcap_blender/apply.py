"""A person's pose onto an armature's pose bones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import bpy
from mathutils import Matrix, Quaternion, Vector

from .character import Character
from .person import Person, hips_height_m, leg_root, rest_heads, world_rotations
from .turns import Vec, add, rotate

_FOLLOW = 0.02
"""How fast the person's measured size is followed, a frame: senders learn it in the first seconds."""


@dataclass
class Size:
    """The person's own measures, followed from frame to frame, and the scale they give."""

    fixed_scale: float | None = None
    """Armature units per metre set by the user; None fits the character's hips height."""
    hips_height_m: float | None = None
    _legs: Vec = field(default=(0.0, 0.0, 0.0))

    def follow(self, person: Person) -> None:
        """Look at a person's proportions."""
        heads = rest_heads(person)
        height = hips_height_m(heads)
        if not 0.05 < height < 20:
            return
        before = height if self.hips_height_m is None else self.hips_height_m
        self.hips_height_m = before + _FOLLOW * (height - before)
        self._legs = leg_root(heads)

    def scale(self, character: Character) -> float:
        """Armature units per metre of the sender."""
        if self.fixed_scale is not None:
            return self.fixed_scale
        return character.hips_height / self.hips_height_m if self.hips_height_m else 1.0

    def leg_root(self, person: Person) -> Vec:
        """Where the middle of the person's leg roots is, sender's world, metres."""
        return add(person.hips, rotate(person.rotations["Hips"], self._legs))


def apply(
    person: Person, armature: bpy.types.Object, character: Character, size: Size, *, travel: bool = True
) -> None:
    """Pose the armature. `travel` False keeps it on the spot: only the height of the hips moves.

    A person without a pose (lost) leaves everything as it is.
    """
    if not person.posed:
        return
    orientations = wanted_orientations(person, character)
    bones = armature.pose.bones
    posed: dict[str, Quaternion] = {}
    level = 0
    for link in character.links:
        bone = bones.get(link.name)
        if bone is None:
            continue
        if link.source == "Hips":
            head = hips_head(person, character, size, orientations[link.name], travel)
            _place_hips(bone, head, orientations[link.name])
        else:
            if link.constrained and link.depth > level:
                bpy.context.view_layer.update()  # the rig's own machinery moves on
                level = link.depth
            above = _evaluated_above(bone) if link.constrained else _orientation_above(bone, posed)
            _turn(bone, above.inverted() @ orientations[link.name])
        posed[link.name] = orientations[link.name]


def wanted_orientations(person: Person, character: Character) -> dict[str, Quaternion]:
    """Orientation in armature space of every driven bone, by its name."""
    world = world_rotations(person)
    wanted = {}
    for link in character.links:
        x, y, z, w = world[link.source]
        wanted[link.name] = (character.facing @ Quaternion((w, x, y, z)) @ link.offset).normalized()
    return wanted


def hips_head(
    person: Person, character: Character, size: Size, orientation: Quaternion, travel: bool
) -> Vector:
    """Where the hips' bone begins, armature space."""
    x, y, z = size.leg_root(person)
    place = Vector((x, y, z)) if travel else Vector((0.0, y, 0.0))
    hips = next(link for link in character.links if link.source == "Hips")
    turned = orientation @ (character.facing @ hips.offset).inverted()
    legs = character.facing @ place * size.scale(character) + character.floor
    return legs + turned @ character.hips_from_legs


def _place_hips(bone: bpy.types.PoseBone, head: Vector, orientation: Quaternion) -> None:
    """Bones above the hips are not ours: the hips get where they belong wherever these have been put."""
    wanted = Matrix.Translation(head) @ orientation.to_matrix().to_4x4()
    above: dict[str, Matrix] = {}
    if bone.parent is not None:
        above = {"parent_matrix": bone.parent.matrix, "parent_matrix_local": bone.parent.bone.matrix_local}
    local = bone.bone.convert_local_to_pose(wanted, bone.bone.matrix_local, invert=True, **above)
    if all(math.isfinite(c) for c in local.translation):
        bone.location = local.translation
    _turn(bone, local.to_quaternion())


def _orientation_above(bone: bpy.types.PoseBone, posed: Mapping[str, Quaternion]) -> Quaternion:
    """Orientation the bone would have without a rotation of its own.

    Bones between it and the next driven one keep what rotation they have.
    """
    rest = bone.bone.matrix_local.to_quaternion()
    parent = bone.parent
    if parent is None or not bone.bone.use_inherit_rotation:
        return rest
    if parent.name in posed:
        orientation = posed[parent.name]
    else:
        orientation = _orientation_above(parent, posed) @ parent.matrix_basis.to_quaternion()
    return orientation @ parent.bone.matrix_local.to_quaternion().inverted() @ rest


def _evaluated_above(bone: bpy.types.PoseBone) -> Quaternion:
    """The same under bones that are moved by constraints: what Blender made of them."""
    rest = bone.bone.matrix_local.to_quaternion()
    if not bone.bone.use_inherit_rotation:
        return rest
    parent = bone.parent
    return parent.matrix.to_quaternion() @ parent.bone.matrix_local.to_quaternion().inverted() @ rest


def _turn(bone: bpy.types.PoseBone, rotation: Quaternion) -> None:
    """In the rotation mode the bone has, continuously; nothing that is not finite gets onto a bone."""
    if not all(math.isfinite(c) for c in rotation):
        return
    if bone.rotation_mode == "QUATERNION":
        if rotation.dot(bone.rotation_quaternion) < 0:
            rotation = -rotation
        bone.rotation_quaternion = rotation
    elif bone.rotation_mode == "AXIS_ANGLE":
        axis, angle = rotation.to_axis_angle()
        bone.rotation_axis_angle = (angle, *axis)
    else:
        bone.rotation_euler = rotation.to_euler(bone.rotation_mode, bone.rotation_euler)
