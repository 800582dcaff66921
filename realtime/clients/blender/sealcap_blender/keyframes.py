"""Writing keys into an action, in Blender 3.4 and in 5.x, where actions have slots and layers."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

Curve = tuple[str, int]
"""Data path and index."""


def new_action(armature: bpy.types.Object, name: str) -> bpy.types.Action:
    """A new action, in use by the armature; the one before stays in the file."""
    data = armature.animation_data or armature.animation_data_create()
    if data.action is not None:
        data.action.use_fake_user = True
    action = bpy.data.actions.new(name)
    data.action = action
    return action


def write_curves(
    armature: bpy.types.Object,
    frames: Sequence[int],
    values: dict[Curve, list[float]],
    groups: dict[str, str],
) -> None:
    """Linear keys at whole frames for every curve. `groups`: data path → name shown in the editors."""
    action = armature.animation_data.action
    curves = _curves(armature, action)
    for (path, index), column in values.items():
        curve = _new_curve(curves, path, index, groups.get(path, ""))
        curve.keyframe_points.add(len(frames))
        flat = [number for pair in zip(frames, column, strict=True) for number in pair]
        curve.keyframe_points.foreach_set("co", [float(number) for number in flat])
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"
        curve.update()


def _curves(armature: bpy.types.Object, action: bpy.types.Action) -> bpy.types.bpy_prop_collection:
    """The action's curves for this armature."""
    if not hasattr(action, "layers"):  # before 4.4
        return action.fcurves
    data = armature.animation_data
    slot = data.action_slot or action.slots.new("OBJECT", armature.name)
    data.action_slot = slot
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True).fcurves


def _new_curve(curves: bpy.types.bpy_prop_collection, path: str, index: int, group: str) -> bpy.types.FCurve:
    if bpy.app.version >= (4, 4, 0):
        return curves.new(path, index=index, group_name=group)
    return curves.new(path, index=index, action_group=group)
