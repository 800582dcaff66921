"""Run by Blender: import a file, and say where the bones of its armatures are in every frame.

Usage: blender --background --factory-startup --python inside_blender.py -- IN.{glb,bvh} OUT.json FPS FRAMES
"""

import builtins
import json
import sys
from pathlib import Path

import bpy  # type: ignore[import-not-found,unused-ignore]


def import_bvh(path: str) -> None:
    """Blender 3.4's importer opens files in mode `rU`, which Python 3.11 knows no more: read it as `r`."""
    real_open = builtins.open
    builtins.open = lambda name, mode="r", *a, **k: real_open(name, mode.replace("U", ""), *a, **k)
    try:
        bpy.ops.import_anim.bvh(filepath=path, global_scale=1.0, use_fps_scale=False, update_scene_fps=True)
    finally:
        builtins.open = real_open


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
    if source.endswith(".bvh"):
        import_bvh(source)
    else:
        # The other shadings stop Debian's Blender 3.4, which asks its newer numpy for `bool`.
        bpy.ops.import_scene.gltf(filepath=source, import_shading="SMOOTH")
    answer = {
        "version": bpy.app.version_string,
        "fps": bpy.context.scene.render.fps / bpy.context.scene.render.fps_base,
        "meshes": [thing.name for thing in bpy.context.scene.objects if thing.type == "MESH"],
        "places": places(int(frames)),
    }
    Path(target).write_text(json.dumps(answer), encoding="utf-8")


main(*sys.argv[sys.argv.index("--") + 1 :])
