"""Run by Blender: install the add-on from its zip, let armatures follow a real sender, say what they did.

Usage: blender --background --factory-startup --python inside_blender.py -- JOB.json
The job says what is in the scene; the answer goes to the path it names. Files tell the sender when to go
on: `ready` (the port is open), `made` (the armatures are), `set` (the take has begun).
"""

import importlib
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import bpy  # type: ignore[import-not-found,unused-ignore]
from mathutils import Matrix, Vector  # type: ignore[import-not-found,unused-ignore]

WAIT_S, SILENCE_S = 60.0, 1.5


def install(job: dict[str, Any]) -> str:
    """By the operators behind Blender's Install button; the name of the add-on's module."""
    if job["install"] == "extension":
        bpy.ops.extensions.package_install_files(
            filepath=job["zip"], repo="user_default", enable_on_install=True
        )
        return "bl_ext.user_default.sealcap_blender"
    bpy.ops.preferences.addon_install(filepath=job["zip"], overwrite=True)
    bpy.ops.preferences.addon_enable(module="sealcap_blender")
    return "sealcap_blender"


def build_rig(spec: dict[str, Any]) -> Any:
    """An armature from a list of bones."""
    data = bpy.data.armatures.new(spec["name"])
    rig = bpy.data.objects.new(spec["name"], data)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for row in spec["bones"]:
        bone = data.edit_bones.new(row["name"])
        bone.head, bone.tail, bone.roll = Vector(row["head"]), Vector(row["tail"]), row["roll"]
        if row["parent"]:
            bone.parent = data.edit_bones[row["parent"]]
    bpy.ops.object.mode_set(mode="OBJECT")
    for bone, mode in zip(rig.pose.bones, ("QUATERNION", "XYZ", "AXIS_ANGLE", "ZXY") * 99, strict=False):
        bone.rotation_mode = mode
    rig.matrix_world = Matrix(spec["matrix"])
    return rig


def build_rigify(generate: bool) -> list[Any]:
    """Blender's own human meta-rig, and the rig that Rigify generates from it."""
    bpy.ops.preferences.addon_enable(module="rigify")
    bpy.ops.object.armature_human_metarig_add()
    rigs = [bpy.context.object]
    if generate:
        bpy.ops.pose.rigify_generate()
        rigs.append(next(o for o in bpy.data.objects if o.type == "ARMATURE" and o not in rigs))
    bpy.ops.object.mode_set(mode="OBJECT")
    return rigs


def follow(rig: Any, person: int) -> None:
    """As a user does it."""
    bpy.context.scene.sealcap.armature = rig
    bpy.ops.sealcap.add_character()
    rig.sealcap.person = person


def show_t_pose(rig: Any, module: str) -> None:
    """As a user who poses the character by hand: here the hand is the add-on's own alignment."""
    live = importlib.import_module(module + ".live").live
    person = importlib.import_module(module + ".person").Person
    live.people[99] = person(99, "tracking", 0.0, time.monotonic(), (0.0, 0.9, 0.0), {"Hips": (0, 0, 0, 1)})
    follows, rig.sealcap.person = rig.sealcap.person, 99
    live._show(rig)
    bpy.context.view_layer.update()
    bpy.ops.sealcap.use_pose()
    rig.sealcap.person = follows
    live.people.clear()


def mapped(rig: Any) -> dict[str, str]:
    """Sent bone → the rig's."""
    return {row.name: row.target for row in rig.sealcap.bones if row.target}


def snapshot(rig: Any) -> dict[str, list[float]]:
    """Sent bone → head (armature space), orientation from rest (xyzw, armature space)."""
    out = {}
    for source, name in mapped(rig).items():
        bone = rig.pose.bones[name]
        turn = bone.matrix.to_quaternion() @ bone.bone.matrix_local.to_quaternion().inverted()
        out[source] = [*bone.head, turn.x, turn.y, turn.z, turn.w]
    return out


def pump(live: Any, rigs: list[Any], shown: dict[str, Any]) -> None:
    """Until nothing comes any more."""
    last = time.monotonic()
    while time.monotonic() - last < SILENCE_S:
        if not live.pump():
            time.sleep(0.001)
            continue
        last = time.monotonic()
        bpy.context.view_layer.update()
        for rig in rigs:
            person = live.people[live.person_for(rig)]
            shown[rig.name].append([person.time_s, snapshot(rig)])


def wait_for(live: Any, people: int) -> None:
    """Until everybody has been seen once."""
    begin = time.monotonic()
    while len(live.people) < people:
        live.pump()
        time.sleep(0.005)
        assert time.monotonic() - begin < WAIT_S, "nobody came"


def curves_of(rig: Any) -> list[Any]:
    """The action's curves, wherever this Blender keeps them."""
    action = rig.animation_data.action
    if hasattr(action, "layers"):
        return [c for layer in action.layers for s in layer.strips for b in s.channelbags for c in b.fcurves]
    return list(action.fcurves)


def keys(rig: Any) -> dict[str, Any]:
    """The recorded action: which frames have keys, and the pose in each."""
    curves = curves_of(rig)
    frames = [point.co.x for point in curves[0].keyframe_points]
    assert all([p.co.x for p in curve.keyframe_points] == frames for curve in curves)
    poses = []
    for frame in frames:
        bpy.context.scene.frame_set(round(frame))
        poses.append(snapshot(rig))
    return {"action": rig.animation_data.action.name, "curves": len(curves), "frames": frames, "poses": poses}


def main(job: dict[str, Any]) -> None:
    """See above."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    module = install(job)
    live = importlib.import_module(module + ".live").live
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = job["fps"], 1.0
    scene.frame_start = job["start"]
    scene.sealcap.port = job["port"]
    rigs = [build_rig(spec) for spec in job["rigs"]]
    if job["rigify"]:
        rigs += build_rigify(generate=True)
    for rig in rigs:
        follow(rig, job["first"])
        if job["shown"]:
            show_t_pose(rig, module)
    bpy.ops.sealcap.start()
    Path(job["ready"]).touch()
    wait_for(live, job["people"])
    for person in job["own"]:
        bpy.ops.sealcap.make_armature(person=person)
        rigs.append(scene.sealcap.armature)
    Path(job["made"]).touch()
    time.sleep(0.5)  # the sender falls silent
    bpy.ops.sealcap.record()
    Path(job["set"]).touch()
    shown: dict[str, Any] = {rig.name: [] for rig in rigs}
    pump(live, rigs, shown)
    answer: dict[str, Any] = {
        "version": bpy.app.version_string, "frames": live.receiver.frames, "lost": live.receiver.lost,
        "rate": live.receiver.rate_hz, "names": [rig.name for rig in rigs], "shown": shown,
        "mapped": {rig.name: mapped(rig) for rig in rigs},
    }  # fmt: skip
    bpy.context.view_layer.update()
    answer["silent"] = {rig.name: [live.state_of(rig), snapshot(rig)] for rig in rigs}
    answer["colours"] = [list(m.diffuse_color) for m in bpy.data.materials if m.get("sealcap")]
    begin = time.monotonic()
    bpy.ops.sealcap.record_stop()
    answer["writing_s"] = time.monotonic() - begin
    answer["keys"] = {rig.name: keys(rig) for rig in rigs}
    answer["scene_end"] = scene.frame_end
    for rig in rigs:
        for bone in rig.pose.bones:
            assert all(math.isfinite(number) for row in bone.matrix for number in row)
    bpy.ops.sealcap.stop()
    bpy.ops.preferences.addon_disable(module=module)
    Path(job["answer"]).write_text(json.dumps(answer), encoding="utf-8")


main(json.loads(Path(sys.argv[sys.argv.index("--") + 1]).read_text()))
