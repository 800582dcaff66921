"""From a take to keyframes at the scene's rate."""

from __future__ import annotations

from collections.abc import Iterator

import bpy

from .apply import Size, apply
from .character import Character
from .keyframes import Curve, new_action, write_curves
from .take import Track


def write_keys(
    track: Track,
    armature: bpy.types.Object,
    character: Character,
    size: Size,
    *,
    action_name: str,
    start_frame: int,
    fps: float,
    travel: bool,
) -> int:
    """Make an action of a track; the last frame that has a key. The armature is left in the last pose."""
    values: dict[Curve, list[float]] = {}
    groups: dict[str, str] = {}
    frames: list[int] = []
    names = [link.name for link in character.links if link.name in armature.pose.bones]
    new_action(armature, action_name)  # first, so that the old one does not move anything meanwhile
    hips = next(link.name for link in character.links if link.source == "Hips")
    for frame, person in track.frames(fps):
        apply(person, armature, character, size, travel=travel)
        frames.append(start_frame + frame)
        for name in names:
            for path in _keep(armature.pose.bones[name], name == hips, values):
                groups[path] = name
    write_curves(armature, frames, values, groups)
    return frames[-1]


def _keep(bone: bpy.types.PoseBone, with_location: bool, values: dict[Curve, list[float]]) -> Iterator[str]:
    """Append the bone's present numbers; gives the data paths."""
    mode = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}
    for channel in ["location"] * with_location + [mode.get(bone.rotation_mode, "rotation_euler")]:
        path = bone.path_from_id(channel)
        for index, number in enumerate(getattr(bone, channel)):
            values.setdefault((path, index), []).append(number)
        yield path
