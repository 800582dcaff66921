"""Run by Blender with a window: the add-on works by its own timer, shows its panel, and can be undone.

Usage: blender --factory-startup --enable-event-simulate --python inside_window.py -- JOB.json
"""

import importlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy  # type: ignore[import-not-found,unused-ignore]
from mathutils import Euler, Vector  # type: ignore[import-not-found,unused-ignore]

LONGEST_S = 100.0
OUR_TAB, BONES_HEADER = (12, 170), (160, 488)
"""Pixels from the right and from the top of the sidebar, as wide and as long as it is here."""


def view() -> tuple[Any, Any]:
    """The window and its 3D view."""
    window = bpy.context.window_manager.windows[0]
    return window, next(area for area in window.screen.areas if area.type == "VIEW_3D")


def lay_out() -> None:
    """Only the 3D view with its sidebar, looking at where people stand."""
    window, area = view()
    with bpy.context.temp_override(window=window, area=area, region=area.regions[-1]):
        bpy.ops.screen.screen_full_area(use_hide_panels=False)
    _, area = view()
    space = area.spaces[0]
    space.show_region_ui, space.show_region_toolbar = True, False
    space.overlay.show_cursor = space.overlay.show_object_origins = False
    space.region_3d.view_rotation = Euler((1.3, 0, 0.3)).to_quaternion()
    space.region_3d.view_distance = 4.4


def look_at_armatures() -> None:
    """Have the view's middle between their hips."""
    armatures = [o for o in bpy.data.objects if o.type == "ARMATURE" and o.sealcap.enabled]
    hips = [o.matrix_world @ o.pose.bones[0].head for o in armatures]
    middle = sum(hips, Vector()) / len(hips) + Vector((0.45, 0, 0))  # the sidebar covers the right
    view()[1].spaces[0].region_3d.view_location = (middle.x, middle.y, 0.85)


def click(from_right: int, from_top: int) -> Iterator[None]:
    """Somewhere in the sidebar."""
    window, area = view()
    region = next(r for r in area.regions if r.type == "UI")
    x, y = region.x + region.width - from_right, region.y + region.height - from_top
    for kind, value in (("MOUSEMOVE", "NOTHING"), ("LEFTMOUSE", "PRESS"), ("LEFTMOUSE", "RELEASE")):
        window.event_simulate(type=kind, value=value, x=x, y=y)
        yield


def count_draws(drawn: list[str]) -> None:
    """Have the panels say that they were drawn: each asks for one of these. (Blender keeps pointers to the
    draw functions themselves, which must not be replaced.)
    """
    panel = importlib.import_module("sealcap_blender.panel")
    for name in ("characters", "missing_bones"):
        setattr(panel, name, _counted(getattr(panel, name), name, drawn))


def _counted(real: Any, name: str, drawn: list[str]) -> Any:
    def call(*arguments: Any) -> Any:
        drawn.append(name)
        return real(*arguments)

    return call


def steps(job: dict[str, Any]) -> Iterator[None]:
    """What a user does, one thing at a time; between them Blender draws and its timers run."""
    for thing in [o for o in bpy.data.objects if o.type == "MESH"]:
        bpy.data.objects.remove(thing)
    lay_out()
    yield
    scene = bpy.context.scene
    scene.sealcap.port = job["port"]
    bpy.ops.sealcap.start()
    live = importlib.import_module("sealcap_blender.live").live
    Path(job["ready"]).touch()
    while not live.people:
        yield
    window, _ = view()
    with bpy.context.temp_override(window=window):
        bpy.ops.sealcap.make_armature("EXEC_DEFAULT", True)
        bpy.ops.preferences.addon_enable(module="rigify")
        bpy.ops.object.armature_human_metarig_add()
        rig = bpy.context.object
        rig.location.x = 1.3
        bpy.ops.object.select_all(action="DESELECT")
        scene.sealcap.armature = rig
        bpy.ops.sealcap.add_character("EXEC_DEFAULT", True)
    drawn: list[str] = []
    count_draws(drawn)
    yield from click(*OUR_TAB)
    bpy.ops.sealcap.record()
    Path(job["set"]).touch()
    while live.recording.seconds < job["record_s"]:
        look_at_armatures()
        yield
    with bpy.context.temp_override(window=window):
        bpy.ops.screen.screenshot(filepath=job["screenshot"])
    yield from click(*BONES_HEADER)
    yield
    with bpy.context.temp_override(window=window):
        bpy.ops.screen.screenshot(filepath=job["screenshot"].replace(".png", "-bones.png"))
    frames, lost, seconds = live.receiver.frames, live.receiver.lost, live.recording.seconds
    with bpy.context.temp_override(window=window):
        bpy.ops.sealcap.record_stop("EXEC_DEFAULT", True)
    actions = {action.name: list(action.frame_range) for action in bpy.data.actions}
    bpy.ops.sealcap.stop()
    yield
    with bpy.context.temp_override(window=window):
        bpy.ops.ed.undo()
    answer = {
        "frames": frames, "lost": lost, "seconds": seconds, "actions": actions,
        "drawn": sorted(set(drawn)),
        "undone": [o.name for o in bpy.data.objects if o.animation_data and o.animation_data.action],
        "armatures": [o.name for o in bpy.data.objects if o.type == "ARMATURE"],
    }  # fmt: skip
    Path(job["answer"]).write_text(json.dumps(answer), encoding="utf-8")


def run(job: dict[str, Any]) -> None:
    """Take a step whenever Blender has time."""
    bpy.context.preferences.view.show_splash = False
    bpy.ops.preferences.addon_install(filepath=job["zip"], overwrite=True)
    bpy.ops.preferences.addon_enable(module="sealcap_blender")
    script, begin = steps(job), time.monotonic()

    def step() -> float:
        done = next(script, "done") == "done" or time.monotonic() - begin > LONGEST_S
        if done:
            bpy.ops.wm.quit_blender()
        return 0.3

    bpy.app.timers.register(step, first_interval=1.0)


run(json.loads(Path(sys.argv[sys.argv.index("--") + 1]).read_text()))
