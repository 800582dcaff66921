"""Run by Blender for benchmarks/stranger.py: installs the add-on, makes an armature, records two seconds.

Usage: blender --background --factory-startup --python stranger_blender.py -- SEALCAP-BLENDER.ZIP
"""

import importlib
import sys
import time

import bpy  # type: ignore[import-not-found,unused-ignore]

TAKE_S, WAIT_S = 2.0, 60.0


def main(archive: str) -> None:
    """What blender.md tells to do; without a window nothing fires Blender's timers, so we do."""
    bpy.ops.preferences.addon_install(filepath=archive, overwrite=True)
    bpy.ops.preferences.addon_enable(module="sealcap_blender")
    live = importlib.import_module("sealcap_blender.live").live
    bpy.ops.sealcap.start()
    deadline = time.monotonic() + WAIT_S
    while not live.people:
        live.pump()
        assert time.monotonic() < deadline, "nobody came"
        time.sleep(0.005)
    bpy.ops.sealcap.make_armature()
    bpy.ops.sealcap.record()
    while live.recording.seconds < TAKE_S:
        live.pump()
        time.sleep(0.005)
    frames, lost = live.receiver.frames, live.receiver.lost
    bpy.ops.sealcap.record_stop()
    (action,) = bpy.data.actions
    assert action.frame_range[1] - action.frame_range[0] > 0.9 * TAKE_S * bpy.context.scene.render.fps
    sys.stdout.write(f"{frames} frames came, {lost} lost, {action.name}: {len(action.fcurves)} curves\n")
    bpy.ops.sealcap.stop()


main(sys.argv[sys.argv.index("--") + 1])
