"""One person in one frame, whichever protocol it came by, and what follows from it. Needs no Blender."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .body import BALL, HIPS_PER_ANKLE_DROP, JOINT_OF, JOINTS, PARENTS, STATURE_M
from .turns import IDENTITY, Quat, Vec, add, inverse, mix, multiply, rotate, slerp, subtract

STATES = ("tracking", "predicted", "held", "lost")


@dataclass(frozen=True)
class Person:
    """Sender's world axes (`body.py`), metres, seconds. A lost person has no rotations: hold the last."""

    id: int
    state: str
    """One of STATES."""
    time_s: float | None
    """By the sender's clock: when the camera saw it, over VMC when it was sent; None when it was not told."""
    received_s: float
    """time.monotonic() of the first packet."""
    hips: Vec = (0.0, 0.0, 0.0)
    """Where the Hips bone begins."""
    rotations: Mapping[str, Quat] = field(default_factory=dict)
    """Local, by bone; a bone that is not there does not turn."""
    joints: Mapping[str, Vec] = field(default_factory=dict)
    """Places of the joints, from our own senders; empty from VMC."""
    offsets: Mapping[str, Vec] = field(default_factory=dict)
    """T-pose place of a bone relative to its parent, from VMC senders that tell it."""

    @property
    def posed(self) -> bool:
        """Whether there is a pose to show."""
        return bool(self.rotations)


def world_rotations(person: Person) -> dict[str, Quat]:
    """Rotation of every bone from the T-pose, in the sender's world."""
    world: dict[str, Quat] = {}
    for bone, parent in PARENTS.items():
        local = person.rotations.get(bone, IDENTITY)
        world[bone] = local if parent is None else multiply(world[parent], local)
    return world


def rest_heads(person: Person | None) -> dict[str, Vec]:
    """Where each bone of PARENTS begins in this person's T-pose, the Hips at 0, and "LeftToesTip",
    "RightToesTip"; of a body of 1.70 m where nothing is known of the person.

    From joints it is measured: in the frame of the bone that carries it each joint stands still.
    """
    if person is not None and any(any(offset) for offset in person.offsets.values()):
        return _from_offsets(person.offsets)
    return _heads(_standard_joints() if person is None or not person.joints else _measured_joints(person))


def hips_height_m(heads: Mapping[str, Vec]) -> float:
    """Height of the leg roots above the soles in the T-pose, from `rest_heads`."""
    drop = sum(heads[side + "UpperLeg"][1] - heads[side + "Foot"][1] for side in ("Left", "Right")) / 2
    return HIPS_PER_ANKLE_DROP * drop


def leg_root(heads: Mapping[str, Vec]) -> Vec:
    """Middle between the leg roots in the T-pose, as seen from the Hips bone, from `rest_heads`."""
    return mix(heads["LeftUpperLeg"], heads["RightUpperLeg"], 0.5)


def between(a: Person, b: Person, share: float) -> Person:
    """The pose `share` of the way from a to b, for frames at other times than those sent."""
    bones = a.rotations.keys() | b.rotations.keys()
    turned = {
        bone: slerp(a.rotations.get(bone, IDENTITY), b.rotations.get(bone, IDENTITY), share) for bone in bones
    }
    nearer = a if share < 0.5 else b
    return Person(
        id=a.id,
        state=nearer.state,
        time_s=nearer.time_s,
        received_s=nearer.received_s,
        hips=mix(a.hips, b.hips, share),
        rotations=turned,
        offsets=nearer.offsets,
    )


def _standard_joints() -> dict[str, Vec]:
    places: dict[str, Vec] = {"pelvis": (0.0, 0.0, 0.0)}
    for joint, (parent, offset, _) in JOINTS.items():
        x, y, z = offset
        places[joint] = add(places[parent], (STATURE_M * x, STATURE_M * y, STATURE_M * z))
    return places


def _measured_joints(person: Person) -> dict[str, Vec]:
    world = world_rotations(person)
    places: dict[str, Vec] = {"pelvis": (0.0, 0.0, 0.0)}
    for joint, (parent, _, bone) in JOINTS.items():
        step = subtract(person.joints[joint], person.joints[parent])
        places[joint] = add(places[parent], rotate(inverse(world[bone]), step))
    return places


def _heads(joints: Mapping[str, Vec]) -> dict[str, Vec]:
    heads = {bone: joints[joint] for bone, joint in JOINT_OF.items()}
    heads["UpperChest"] = mix(heads["Chest"], heads["Neck"], 0.5)
    for side in ("Left", "Right"):
        ankle, toe = joints[f"{side.lower()}_ankle"], joints[f"{side.lower()}_toe"]
        heads[side + "Toes"], heads[side + "ToesTip"] = mix(ankle, toe, BALL), toe
    return heads


def _from_offsets(offsets: Mapping[str, Vec]) -> dict[str, Vec]:
    """Bones that were not sent keep the standard body's offset from the bone above them."""
    standard = _heads(_standard_joints())
    heads: dict[str, Vec] = {}
    for bone, parent in PARENTS.items():
        if parent is None:
            heads[bone] = (0.0, 0.0, 0.0)
        elif bone == "UpperChest" and bone not in offsets:
            heads[bone] = heads["Chest"]
        elif bone in offsets:
            heads[bone] = add(heads[parent], offsets[bone])
        else:
            above = "Chest" if parent == "UpperChest" and parent not in offsets else parent
            heads[bone] = add(heads[parent], subtract(standard[bone], standard[above]))
    for side in ("Left", "Right"):
        toes = heads[side + "Toes"]
        heads[side + "ToesTip"] = add(toes, subtract(standard[side + "ToesTip"], standard[side + "Toes"]))
    return heads
