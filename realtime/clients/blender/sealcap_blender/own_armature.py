"""Making an armature with the sender's T-pose and proportions, and a jointed figure that follows it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import bpy
from mathutils import Vector

from .body import OPTIONAL, PARENTS, STATURE_M
from .person import Person, hips_height_m, leg_root, rest_heads
from .turns import Vec

_HAND, _SKULL = 0.09, 0.13
"""Lengths in statures of bones at whose end no joint is."""
_HEAD_SHARE = 0.918
"""Height of the head's joint in statures."""
_LIVE, _GREY = (0.35, 0.75, 0.95, 1.0), (0.45, 0.45, 0.45, 1.0)
# Part of the figure: half width and half depth in metres at 1.70 m; where it begins and ends along its bone.
_PARTS = {
    "Hips": (0.145, 0.105, -0.5, 0.9), "Spine": (0.125, 0.090, -0.7, 1.5),
    "Chest": (0.155, 0.110, -0.5, 0.95),
    "Neck": (0.050, 0.050, -0.3, 1.2), "Head": (0.075, 0.095, -0.25, 0.95),
    "Shoulder": (0.048, 0.045, 0.35, 1.05), "UpperArm": (0.047, 0.047, -0.08, 1.04),
    "LowerArm": (0.038, 0.038, -0.05, 1.02), "Hand": (0.020, 0.042, -0.1, 1.0),
    "UpperLeg": (0.078, 0.084, -0.08, 1.03), "LowerLeg": (0.054, 0.058, -0.04, 1.02),
    "Foot": (0.044, 0.036, -0.4, 1.05), "Toes": (0.042, 0.024, -0.1, 1.0),
}  # fmt: skip
_SIDES = 14
_PROFILE = (
    (0.0, 0.3),
    (0.05, 0.68),
    (0.15, 0.93),
    (0.3, 1.0),
    (0.6, 0.95),
    (0.85, 0.78),
    (0.95, 0.55),
    (1.0, 0.25),
)
"""(share of the length, share of the width) of a part from its beginning to its end."""


def make_armature(person: Person | None, name: str, *, figure: bool = True) -> bpy.types.Object:
    """A new armature in the scene, in rest a T-pose facing -Y, feet on the floor; 1.70 m tall where nobody
    is there to be measured. With `figure` a mesh of simple parts hangs on it.
    """
    heads = rest_heads(person)
    above_floor = hips_height_m(heads) - leg_root(heads)[1]
    places = {bone: _to_blender(place, above_floor) for bone, place in heads.items()}
    data = bpy.data.armatures.new(name)
    armature = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(armature)
    _in_edit_mode(armature, lambda: _add_bones(data, places))
    for bone in armature.pose.bones:
        bone.rotation_mode = "QUATERNION"
    armature.show_in_front = True
    data.display_type = "OCTAHEDRAL"
    if figure:
        _add_figure(armature)
    show_state(armature, live=True)
    return armature


def show_state(armature: bpy.types.Object, *, live: bool) -> None:
    """Grey while the person is not there. Only of armatures made here: other materials are the user's."""
    for child in armature.children:
        for slot in child.material_slots:
            if slot.material is not None and slot.material.get("sealcap"):
                colour = _LIVE if live else _GREY
                if tuple(round(c, 3) for c in slot.material.diffuse_color) != colour:
                    slot.material.diffuse_color = colour


def _to_blender(place: Vec, above_floor: float) -> Vector:
    x, y, z = place
    return Vector((x, -z, y + above_floor))


def _in_edit_mode(armature: bpy.types.Object, edit: object) -> None:
    """Bones can only be made in edit mode, of the active object."""
    layer = bpy.context.view_layer
    if layer.objects.active is not None and layer.objects.active.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        edit()  # type: ignore[operator]
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")


def _add_bones(data: bpy.types.Armature, places: Mapping[str, Vector]) -> None:
    made: dict[str, bpy.types.EditBone] = {}
    tails = _tails(places)
    for bone, parent in PARENTS.items():
        if bone in OPTIONAL:
            continue
        edit = data.edit_bones.new(bone)
        edit.head, edit.tail = places[bone], tails[bone]
        edit.align_roll(Vector((0, -1, 0)) if abs(edit.vector.normalized().y) < 0.8 else Vector((0, 0, 1)))
        while parent in OPTIONAL:
            parent = PARENTS[parent]
        edit.parent = made.get(parent) if parent else None
        made[bone] = edit


def _tails(places: Mapping[str, Vector]) -> dict[str, Vector]:
    """Where each bone ends: at the joint below it, or a little way on."""
    stature = places["Head"].z / _HEAD_SHARE
    tails = {
        "Hips": places["Spine"], "Spine": places["Chest"], "Chest": places["Neck"], "Neck": places["Head"],
        "Head": places["Head"] + Vector((0, 0, _SKULL * stature)),
    }  # fmt: skip
    for side in ("Left", "Right"):
        shoulder, elbow, wrist = (places[side + b] for b in ("UpperArm", "LowerArm", "Hand"))
        tails[side + "Shoulder"], tails[side + "UpperArm"], tails[side + "LowerArm"] = shoulder, elbow, wrist
        tails[side + "Hand"] = wrist + (wrist - elbow).normalized() * _HAND * stature
        tails[side + "UpperLeg"] = places[side + "LowerLeg"]
        tails[side + "LowerLeg"] = places[side + "Foot"]
        tails[side + "Foot"], tails[side + "Toes"] = places[side + "Toes"], places[side + "ToesTip"]
    return tails


def _add_figure(armature: bpy.types.Object) -> None:
    """Every bone carries a part of its own; nothing bends, so nothing has to be weighted by hand."""
    vertices: list[Vector] = []
    faces: list[tuple[int, ...]] = []
    groups: dict[str, range] = {}
    size = armature.data.bones["Head"].head_local.z / _HEAD_SHARE / STATURE_M
    for bone in armature.data.bones:
        first = len(vertices)
        _add_part(bone, size, vertices, faces)
        groups[bone.name] = range(first, len(vertices))
    mesh = bpy.data.meshes.new(armature.name + " figure")
    mesh.from_pydata([tuple(v) for v in vertices], [], faces)
    for polygon in mesh.polygons:
        polygon.use_smooth = True
    figure = bpy.data.objects.new(mesh.name, mesh)
    bpy.context.scene.collection.objects.link(figure)
    for name, indices in groups.items():
        figure.vertex_groups.new(name=name).add(list(indices), 1.0, "REPLACE")
    figure.parent = armature
    figure.modifiers.new("Armature", "ARMATURE").object = armature
    mesh.materials.append(_material(armature.name))


def _add_part(
    bone: bpy.types.Bone, size: float, vertices: list[Vector], faces: list[tuple[int, ...]]
) -> None:
    """Rings along the bone, closed at both ends."""
    start, place = len(vertices), bone.matrix_local
    wide, deep, begin, end = _PARTS[bone.name.removeprefix("Left").removeprefix("Right")]
    for share, width in _PROFILE:
        along = bone.length * (begin + share * (end - begin))
        for side in range(_SIDES):
            angle = 2 * math.pi * side / _SIDES
            ring = Vector(
                (size * wide * width * math.cos(angle), along, size * deep * width * math.sin(angle))
            )
            vertices.append(place @ ring)
    rings = len(_PROFILE)
    for ring in range(rings - 1):
        a, b = start + ring * _SIDES, start + (ring + 1) * _SIDES
        faces += [(a + i, a + (i + 1) % _SIDES, b + (i + 1) % _SIDES, b + i) for i in range(_SIDES)]
    faces.append(tuple(reversed(range(start, start + _SIDES))))
    faces.append(tuple(range(start + (rings - 1) * _SIDES, start + rings * _SIDES)))


def _material(name: str) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    material["sealcap"] = True
    material.diffuse_color = _LIVE
    material.roughness = 0.6
    return material
