"""The panel in the 3D view's sidebar."""

from __future__ import annotations

import bpy

from .body import PARENTS
from .live import live
from .settings import ANYONE, characters, mapping_of, missing_bones

_ICONS = {
    "tracking": "CHECKMARK", "predicted": "TIME", "held": "PAUSE", "lost": "GHOST_DISABLED",
    "waiting": "QUESTION",
}  # fmt: skip


CLOSED = {"DEFAULT_CLOSED"}


class _Sidebar:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Sealcap"


class ConnectionPanel(_Sidebar, bpy.types.Panel):
    """Port, rate, losses and who is there."""

    bl_label = "Sealcap"
    bl_idname = "SEALCAP_PT_connection"

    def draw(self, context: bpy.types.Context) -> None:
        """Blender calls this."""
        layout, settings = self.layout, context.scene.sealcap
        receiver = live.receiver
        column = layout.column(align=True)
        column.enabled = receiver is None
        column.prop(settings, "port")
        column.prop(settings, "lan")
        if receiver is None:
            layout.operator("sealcap.start", icon="PLAY")
        else:
            layout.operator("sealcap.stop", icon="PAUSE", depress=True)
            self._status(layout)
        if live.problem:
            _text(layout, live.problem, context.region.width)

    def _status(self, layout: bpy.types.UILayout) -> None:
        receiver = live.receiver
        assert receiver is not None
        if receiver.sender is None:
            layout.label(text=f"Nothing has come to port {receiver.port} yet", icon="TIME")
            return
        box = layout.box().column(align=True)
        losses = str(receiver.lost) if receiver.counts_losses else "not told by VMC"
        box.label(text=f"From {receiver.sender}")
        box.label(text=f"{receiver.rate_hz:.1f} frames/s, lost: {losses}")
        if receiver.ignored:
            box.label(text=f"{receiver.ignored} packets ignored")
        for person_id in sorted(live.people):
            state = live.state(person_id)
            row = box.row()
            row.active = state in ("tracking", "predicted")
            row.label(text=f"Person {person_id}: {state}", icon=_ICONS[state])
        if not live.people:
            box.label(text="Nobody is there", icon=_ICONS["lost"])


class CharactersPanel(_Sidebar, bpy.types.Panel):
    """Which armature follows whom."""

    bl_label = "Characters"
    bl_idname = "SEALCAP_PT_characters"
    bl_parent_id = "SEALCAP_PT_connection"

    def draw(self, context: bpy.types.Context) -> None:
        """Blender calls this."""
        layout, settings = self.layout, context.scene.sealcap
        layout.operator("sealcap.make_armature", icon="ARMATURE_DATA")
        row = layout.row(align=True)
        row.prop(settings, "armature", text="")
        row.operator("sealcap.add_character", icon="ADD")
        for armature in characters():
            self._character(layout.box().column(align=True), armature)

    def _character(self, column: bpy.types.UILayout, armature: bpy.types.Object) -> None:
        state = live.state_of(armature)
        row = column.row(align=True)
        row.active = state in ("tracking", "predicted", "waiting")
        row.label(text=armature.name, icon="ARMATURE_DATA")
        row.operator("sealcap.remove_character", text="", icon="X").armature = armature.name
        person = live.person_for(armature)
        whom = "" if person is None else f"person {person}, "
        line = column.row()
        line.active = row.active
        line.label(text=whom + state, icon=_ICONS[state])
        anyone = armature.sealcap.person == ANYONE
        column.prop(armature.sealcap, "person", text="Follow (-1: anyone)" if anyone else "Follow person")
        column.prop(armature.sealcap, "travel")


class BonesPanel(_Sidebar, bpy.types.Panel):
    """The chosen armature's bones, rest pose and scale."""

    bl_label = "Bones"
    bl_idname = "SEALCAP_PT_bones"
    bl_parent_id = "SEALCAP_PT_connection"
    bl_options = CLOSED

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only for an armature that has been added."""
        armature = context.scene.sealcap.armature
        return armature is not None and len(armature.sealcap.bones) > 0

    def draw(self, context: bpy.types.Context) -> None:
        """Blender calls this."""
        layout = self.layout
        armature = context.scene.sealcap.armature
        settings = armature.sealcap
        layout.prop(settings, "rest")
        layout.operator("sealcap.use_pose")
        layout.prop(settings, "scaling")
        if settings.scaling == "FIXED":
            layout.prop(settings, "scale")
        missing = missing_bones(armature)
        layout.label(text=f"{len(mapping_of(armature))} of {len(PARENTS)} bones of {armature.name}")
        if missing:
            _text(layout, "Not found: " + ", ".join(missing), context.region.width)
        layout.operator("sealcap.add_character", text="Find by Name", icon="VIEWZOOM")
        column = layout.column(align=True)
        for row in settings.bones:
            column.prop_search(row, "target", armature.data, "bones", text=row.name)


class RecordingPanel(_Sidebar, bpy.types.Panel):
    """Takes."""

    bl_label = "Recording"
    bl_idname = "SEALCAP_PT_recording"
    bl_parent_id = "SEALCAP_PT_connection"

    def draw(self, context: bpy.types.Context) -> None:
        """Blender calls this."""
        layout, scene = self.layout, context.scene
        row = layout.row(align=True)
        row.prop(scene.sealcap, "take", text="")
        row.prop(scene.sealcap, "take_number", text="")
        layout.prop(scene.sealcap, "from_current")
        if live.recording is None:
            layout.operator("sealcap.record", icon="REC")
        else:
            layout.operator("sealcap.record_stop", icon="SNAP_FACE", depress=True)
            layout.label(text=f"{live.recording.seconds:.1f} s" + (" (full)" if live.recording.full else ""))
        fps = scene.render.fps / scene.render.fps_base
        layout.label(text=f"Keys at the scene's {fps:g} frames/s")


CLASSES = (ConnectionPanel, CharactersPanel, BonesPanel, RecordingPanel)


def _text(layout: bpy.types.UILayout, text: str, width_px: int) -> None:
    """Several lines: labels do not wrap."""
    room = max(width_px // (8 * max(round(bpy.context.preferences.system.ui_scale), 1)), 20)
    column, line = layout.column(align=True), ""
    column.alert = True
    for word in text.split():
        if line and len(line) + len(word) >= room:
            column.label(text=line)
            line = ""
        line = f"{line} {word}".strip()
    column.label(text=line)


def register() -> None:
    """Announce the panels."""
    for kind in CLASSES:
        bpy.utils.register_class(kind)


def unregister() -> None:
    """The inverse of `register`."""
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
