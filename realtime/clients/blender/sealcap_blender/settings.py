"""What the user sets, kept in the .blend file: the connection on the scene, the rest on each armature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)
from mathutils import Quaternion

from .body import PARENTS
from .mapping import find_bones
from .receiver import OWN_PORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ANYONE = -1
listeners: list[Callable[[], None]] = []
"""Called when a character's settings have changed."""


def _is_armature(_self: object, thing: bpy.types.Object) -> bool:
    return bool(thing.type == "ARMATURE")


def _changed(_self: object, _context: object) -> None:
    """Something about a character was set."""
    for listener in listeners:
        listener()


class SealcapBone(bpy.types.PropertyGroup):
    """Which of the armature's bones follows one of the sender's."""

    name: StringProperty(name="Sent bone")
    target: StringProperty(name="Bone", description="The character's bone that follows", update=_changed)
    shown: BoolProperty(name="T-pose shown")
    t_pose: FloatVectorProperty(name="T-pose orientation", size=4)


class SealcapCharacter(bpy.types.PropertyGroup):
    """An armature's settings."""

    enabled: BoolProperty(name="Live", description="Follow the person live", update=_changed)
    person: IntProperty(
        name="Person",
        description="Number of the person to follow; -1 follows whoever is there first",
        default=ANYONE,
        min=ANYONE,
    )
    rest: EnumProperty(
        name="Rest pose",
        items=(
            (
                "ALIGN",
                "Align to T-pose",
                "Arms and legs of the rest pose are turned to a T-pose (A-poses too)",
            ),
            ("AS_IS", "Is a T-pose", "Take the rest pose as it is"),
            ("SHOWN", "As shown", "The pose that the character had when Use Current Pose was pressed"),
        ),
        update=_changed,
    )
    scaling: EnumProperty(
        name="Scale",
        items=(
            (
                "HIPS",
                "Fit hips height",
                "Steps as long as suits the character's legs; feet stay on the floor",
            ),
            ("FIXED", "Fixed", "Units per metre of the performer"),
        ),
        update=_changed,
    )
    scale: FloatProperty(name="Factor", default=1.0, min=0.0001, soft_max=100.0, update=_changed)
    travel: BoolProperty(
        name="Travel", description="Move through the scene; off: stay on the spot", default=True
    )
    own: BoolProperty(name="Made by this add-on")
    bones: CollectionProperty(type=SealcapBone)


class SealcapScene(bpy.types.PropertyGroup):
    """The scene's settings."""

    port: IntProperty(
        name="Port",
        description="UDP port: 39570 for Sealcap's OSC joints, 39539 for VMC",
        default=OWN_PORT,
        min=1,
        max=65535,
    )
    lan: BoolProperty(
        name="From other computers",
        description="Listen to the network, not only to this computer. The protocol has no password: "
        "use it only in networks that you trust",
    )
    armature: PointerProperty(name="Armature", type=bpy.types.Object, poll=_is_armature)
    take: StringProperty(name="Take", description="Name of the actions that are recorded", default="Take")
    take_number: IntProperty(name="Number", default=1, min=1)
    from_current: BoolProperty(
        name="Start at the current frame", description="Off: at the scene's first frame", default=False
    )


CLASSES = (SealcapBone, SealcapCharacter, SealcapScene)


def register() -> None:
    """Announce the classes and hang them on scenes and objects."""
    for kind in CLASSES:
        bpy.utils.register_class(kind)
    bpy.types.Scene.sealcap = PointerProperty(type=SealcapScene)
    bpy.types.Object.sealcap = PointerProperty(type=SealcapCharacter)


def unregister() -> None:
    """The inverse of `register`."""
    del bpy.types.Object.sealcap
    del bpy.types.Scene.sealcap
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)


def find_and_set(armature: bpy.types.Object) -> None:
    """Fill the bone list from the names of the armature's bones."""
    found = find_bones(bone.name for bone in armature.data.bones)
    settings = armature.sealcap
    settings.bones.clear()
    for source in PARENTS:
        row = settings.bones.add()
        row.name, row.target = source, found.get(source, "")
    for bone in armature.pose.bones:  # Rigify's limbs: from IK to FK, which is what is driven
        if "IK_FK" in bone:
            bone["IK_FK"] = 1.0


def mapping_of(armature: bpy.types.Object) -> dict[str, str]:
    """Sent bone → the armature's bone, where one is set and exists."""
    bones = armature.data.bones
    return {row.name: row.target for row in armature.sealcap.bones if row.target in bones}


def missing_bones(armature: bpy.types.Object) -> list[str]:
    """Sent bones for which none is set, or one that the armature does not have."""
    present = mapping_of(armature)
    return [bone for bone in PARENTS if bone not in present and bone != "UpperChest"]


def show_t_pose(armature: bpy.types.Object) -> None:
    """Take the pose that the armature has now for its T-pose."""
    for row in armature.sealcap.bones:
        bone = armature.pose.bones.get(row.target)
        row.shown = bone is not None
        if bone is not None:
            row.t_pose = bone.matrix.to_quaternion()
    armature.sealcap.rest = "SHOWN"


def shown_t_pose(armature: bpy.types.Object) -> dict[str, Quaternion]:
    """What `show_t_pose` kept, when it is to be used."""
    if armature.sealcap.rest != "SHOWN":
        return {}
    return {row.name: Quaternion(row.t_pose) for row in armature.sealcap.bones if row.shown}


def characters() -> Iterator[bpy.types.Object]:
    """Every armature of the file that follows somebody."""
    for thing in bpy.data.objects:
        if thing.type == "ARMATURE" and thing.sealcap.enabled:
            yield thing
