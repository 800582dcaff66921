"""Run by Blender's Python: import a BVH file, and say where its bones are in every frame.

Arguments after `--`: FILE.bvh OUT.json. Metres, Blender's axes.
"""

import builtins
import json
import sys

import bpy


def without_u(path, mode="r", *args, **kwargs):
    """Blender 3.4's importer opens files in mode `rU`, which Python 3.11 does not know."""
    return plain_open(path, mode.replace("U", ""), *args, **kwargs)


def bones(frames):
    """Heads by bone name, [x, y, z] a frame."""
    scene, armature = bpy.context.scene, bpy.context.object
    heads = {bone.name: [] for bone in armature.pose.bones}
    for frame in range(1, frames + 1):
        scene.frame_set(frame)
        for bone in armature.pose.bones:
            heads[bone.name].append(list(armature.matrix_world @ bone.head))
    return heads


source, out = sys.argv[sys.argv.index("--") + 1 :][:2]
plain_open, builtins.open = builtins.open, without_u
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_anim.bvh(filepath=source, update_scene_fps=True)
scene = bpy.context.scene
first, last = (round(frame) for frame in bpy.context.object.animation_data.action.frame_range)
answer = {
    "fps": scene.render.fps / scene.render.fps_base,
    "frames": [first, last],
    "heads": bones(last),
}
with plain_open(out, "w") as file:
    json.dump(answer, file)
