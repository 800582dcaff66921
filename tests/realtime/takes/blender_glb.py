"""Run by Blender: import a GLB, and say where the bones of its armatures are in every frame.

Arguments after `--`: FILE.glb OUT.json FPS FRAMES. Metres, Blender's axes.
"""

import json
import sys
from pathlib import Path

import bpy  # type: ignore[import-not-found,unused-ignore]


def places(frames: int) -> dict[str, dict[str, list[list[float]]]]:
    """Armature → bone → (frames,3) where it begins, world; first frame is the action's first key."""
    armatures = [thing for thing in bpy.context.scene.objects if thing.type == "ARMATURE"]
    first = round(min(thing.animation_data.action.frame_range[0] for thing in armatures))
    out: dict[str, dict[str, list[list[float]]]] = {
        thing.name: {bone.name: [] for bone in thing.pose.bones} for thing in armatures
    }
    for frame in range(first, first + frames):
        bpy.context.scene.frame_set(frame)
        for thing in armatures:
            for bone in thing.pose.bones:
                out[thing.name][bone.name].append(list(thing.matrix_world @ bone.head))
    return out


def main(source: str, target: str, fps: str, frames: str) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = round(float(fps))
    # The other shadings stop Debian's Blender 3.4, which asks its newer numpy for `bool`.
    bpy.ops.import_scene.gltf(filepath=source, import_shading="SMOOTH")
    answer = {
        "meshes": [thing.name for thing in bpy.context.scene.objects if thing.type == "MESH"],
        "places": places(int(frames)),
    }
    Path(target).write_text(json.dumps(answer), encoding="utf-8")


main(*sys.argv[sys.argv.index("--") + 1 :])
