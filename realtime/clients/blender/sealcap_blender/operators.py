"""The panel's buttons."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from .live import live, tick
from .own_armature import make_armature
from .receiver import PortError
from .settings import find_and_set, missing_bones, show_t_pose

UNDOABLE = {"REGISTER", "UNDO"}


class Start(bpy.types.Operator):
    """Open the port and follow what comes"""

    bl_idname = "sealcap.start"
    bl_label = "Start"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Blender calls this."""
        settings = context.scene.sealcap
        try:
            live.start(settings.port, lan=settings.lan)
        except PortError as problem:
            live.problem = str(problem)
            self.report({"ERROR"}, str(problem))
            return {"CANCELLED"}
        if not bpy.app.timers.is_registered(tick):
            bpy.app.timers.register(tick, persistent=True)
        return {"FINISHED"}


class Stop(bpy.types.Operator):
    """Close the port; armatures keep their pose"""

    bl_idname = "sealcap.stop"
    bl_label = "Stop"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Blender calls this."""
        if live.recording is not None:
            bpy.ops.sealcap.record_stop()
        live.stop()
        return {"FINISHED"}


class MakeArmature(bpy.types.Operator):
    """Make an armature with the proportions of the person in sight (1.70 m tall when nobody is there)"""

    bl_idname = "sealcap.make_armature"
    bl_label = "Make an Armature"
    bl_options = UNDOABLE

    person: bpy.props.IntProperty(name="Person", default=-1, min=-1)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Blender calls this."""
        live.pump()
        chosen = self.person if self.person >= 0 else min(live.last_posed, default=-1)
        armature = make_armature(live.last_posed.get(chosen), "Sealcap")
        find_and_set(armature)
        settings = armature.sealcap
        settings.own, settings.rest, settings.person = True, "AS_IS", self.person
        settings.enabled = True
        context.scene.sealcap.armature = armature
        return {"FINISHED"}


class AddCharacter(bpy.types.Operator):
    """Find the armature's bones by their names and let it follow"""

    bl_idname = "sealcap.add_character"
    bl_label = "Add"
    bl_options = UNDOABLE

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only with an armature chosen."""
        return context.scene.sealcap.armature is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Blender calls this."""
        armature = context.scene.sealcap.armature
        find_and_set(armature)
        armature.sealcap.enabled = True
        missing = missing_bones(armature)
        if missing:
            self.report({"WARNING"}, f"Not found: {', '.join(missing)}. Choose them under Bones.")
        return {"FINISHED"}


class RemoveCharacter(bpy.types.Operator):
    """Let the armature follow nobody any more"""

    bl_idname = "sealcap.remove_character"
    bl_label = "Remove"
    bl_options = UNDOABLE

    armature: bpy.props.StringProperty(name="Armature")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Blender calls this."""
        armature = bpy.data.objects.get(self.armature)
        if armature is None:
            return {"CANCELLED"}
        armature.sealcap.enabled = False
        return {"FINISHED"}


class UsePose(bpy.types.Operator):
    """Pose the character in a T-pose facing ahead, then press this"""

    bl_idname = "sealcap.use_pose"
    bl_label = "Use Current Pose as T-Pose"
    bl_options = UNDOABLE

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Blender calls this."""
        armature = context.scene.sealcap.armature
        if armature is None:
            return {"CANCELLED"}
        show_t_pose(armature)
        return {"FINISHED"}


class Record(bpy.types.Operator):
    """Record everybody who follows, until Stop Recording"""

    bl_idname = "sealcap.record"
    bl_label = "Record"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Only while connected."""
        return live.receiver is not None and live.recording is None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Blender calls this."""
        scene, settings = context.scene, context.scene.sealcap
        live.pump()  # what came before belongs to no take
        start = scene.frame_current if settings.from_current else scene.frame_start
        live.start_recording(f"{settings.take} {settings.take_number}", start)
        return {"FINISHED"}


class RecordStop(bpy.types.Operator):
    """End the recording and make keyframes at the scene's frame rate"""

    bl_idname = "sealcap.record_stop"
    bl_label = "Stop Recording"
    bl_options = UNDOABLE

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Only while recording."""
        return live.recording is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Blender calls this."""
        scene = context.scene
        live.pump()
        written = live.finish_recording(scene.render.fps / scene.render.fps_base)
        if not written:
            self.report({"WARNING"}, "Nothing was recorded: nobody whom an armature follows was there.")
            return {"CANCELLED"}
        scene.frame_end = max(scene.frame_end, *written.values())
        scene.sealcap.take_number += 1
        self.report({"INFO"}, f"Recorded {', '.join(written)}.")
        return {"FINISHED"}


CLASSES = (
    Start,
    Stop,
    MakeArmature,
    AddCharacter,
    RemoveCharacter,
    UsePose,
    Record,
    RecordStop,
)


@persistent
def _before_another_file(*_: object) -> None:
    live.stop()
    live.recording = None
    live.forget_characters()


@persistent
def _after_undo(*_: object) -> None:
    live.forget_characters()


def register() -> None:
    """Announce the buttons; another file ends the connection."""
    for kind in CLASSES:
        bpy.utils.register_class(kind)
    bpy.app.handlers.load_pre.append(_before_another_file)
    bpy.app.handlers.undo_post.append(_after_undo)
    bpy.app.handlers.redo_post.append(_after_undo)


def unregister() -> None:
    """The inverse of `register`; closes the port."""
    live.stop()
    live.recording = None
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    bpy.app.handlers.load_pre.remove(_before_another_file)
    bpy.app.handlers.undo_post.remove(_after_undo)
    bpy.app.handlers.redo_post.remove(_after_undo)
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
