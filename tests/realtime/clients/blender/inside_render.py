"""Run by Blender: record somebody through the add-on, then render moments of the take side by side.

Usage: blender --background --factory-startup --python inside_render.py -- JOB.json
Cycles on the CPU is what renders without a graphics card or a window.
"""

import importlib
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import bpy  # type: ignore[import-not-found,unused-ignore]
from mathutils import Vector  # type: ignore[import-not-found,unused-ignore]

WAIT_S = 60.0


def record(job: dict[str, Any]) -> Any:
    """The armature with the take's action."""
    bpy.ops.preferences.addon_install(filepath=job["zip"], overwrite=True)
    bpy.ops.preferences.addon_enable(module="sealcap_blender")
    live = importlib.import_module("sealcap_blender.live").live
    bpy.context.scene.sealcap.port = job["port"]
    bpy.context.scene.render.fps = 30
    bpy.ops.sealcap.start()
    Path(job["ready"]).touch()
    begin = time.monotonic()
    while not live.last_posed:
        live.pump()
        time.sleep(0.01)
        assert time.monotonic() - begin < WAIT_S, "nobody came"
    bpy.ops.sealcap.make_armature(person=min(live.last_posed))
    bpy.ops.sealcap.record()
    Path(job["set"]).touch()
    begin = last = time.monotonic()
    while time.monotonic() - last < 1.5 and time.monotonic() - begin < 60:
        last = time.monotonic() if live.pump() else last
        time.sleep(0.005)
    bpy.ops.sealcap.record_stop()
    bpy.ops.sealcap.stop()
    return bpy.context.scene.sealcap.armature


def paint(name: str, colour: tuple[float, float, float], roughness: float) -> Any:
    """A plain material."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = (*colour, 1)
    shader.inputs["Roughness"].default_value = roughness
    return material


def freeze(armature: Any, frame: int, x: float, share: float) -> None:
    """A copy of the figure as it is in a frame, standing at x."""
    bpy.context.scene.frame_set(frame)
    hips = armature.matrix_world @ armature.pose.bones["Hips"].head
    figure = armature.children[0]
    evaluated = figure.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = bpy.data.meshes.new_from_object(evaluated)
    mesh.materials.clear()
    mesh.materials.append(paint("figure", (0.02 + 0.75 * share, 0.25, 0.65 - 0.55 * share), 0.45))
    copy = bpy.data.objects.new(f"moment {frame}", mesh)
    copy.location = (x - hips.x, -hips.y, 0)
    bpy.context.scene.collection.objects.link(copy)


def stage(width: float) -> None:
    """Floor, light and camera."""
    scene = bpy.context.scene
    bpy.ops.mesh.primitive_plane_add(size=200)
    bpy.context.object.data.materials.append(paint("floor", (0.75, 0.75, 0.73), 0.9))
    bpy.ops.object.light_add(type="SUN", rotation=(0.7, 0.25, -0.5))
    bpy.context.object.data.energy, bpy.context.object.data.angle = 3.0, 0.2
    world = bpy.data.worlds.new("sky")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (0.6, 0.7, 0.85, 1)
    world.node_tree.nodes["Background"].inputs[1].default_value = 0.6
    scene.world = world
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.angle = math.radians(41)
    camera.location = (0.1 * width, -1.48 * width, 0.36 * width)
    camera.rotation_euler = (Vector((0, 0, 0.8)) - camera.location).to_track_quat("-Z", "Y").to_euler()
    scene.collection.objects.link(camera)
    scene.camera = camera


def render(job: dict[str, Any]) -> None:
    """To the job's picture."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device, scene.cycles.samples = "CPU", job["samples"]
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = job["size"]
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format, scene.render.image_settings.quality = "JPEG", 88
    scene.render.filepath = job["picture"]
    bpy.ops.render.render(write_still=True)


def main(job: dict[str, Any]) -> None:
    """See above."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    armature = record(job)
    first, last = armature.animation_data.action.frame_range
    moments, apart = job["moments"], 0.95
    for i in range(moments):
        share = i / max(moments - 1, 1)
        freeze(
            armature,
            round(first + (0.1 + 0.9 * share) * (last - first)),
            (i - (moments - 1) / 2) * apart,
            share,
        )
    armature.children[0].hide_render = True
    stage(moments * apart)
    render(job)
    Path(job["answer"]).write_text(json.dumps({"frames": [first, last]}), encoding="utf-8")


main(json.loads(Path(sys.argv[sys.argv.index("--") + 1]).read_text()))
