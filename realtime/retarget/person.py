"""The person as a robot's retargeting sees them: joints and directions in robot axes, checked.

Robot axes are those of URDF and ROS: x forward, y left, z up. A robot that is bolted down sees the person
from where they stand and look: pelvis in the origin, heading taken out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lifting.skeleton import BONES, CONTACTS, SEALCAP26
from realtime.axes import ROS
from realtime.data import BodyPose
from realtime.solve.forward import world_rotations
from realtime.solve.quaternions import Float64, to_matrix

ANKLE_HEIGHT = 0.043
"""Of the ankle's joint above the sole, in statures (`realtime/solve/rest.py`)."""
SMALLEST_M, LARGEST_M, FARTHEST_M = 0.3, 3.0, 100.0
"""Extents of a figure, and its distance from the origin; anything else is no person."""

_J = SEALCAP26.index
_HIPS = np.array([_J("left_hip"), _J("right_hip")])


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One moment of a person, robot axes, metres."""

    joints: Float64
    """(26,3)"""
    R_bones: Float64
    """(21,3,3) of the bones from the T-pose that faces x, in the world."""
    heading: float
    """Radians; 0 faces x, positive turns left. Of the line through the hips."""
    contacts: Float64
    """(4,) left heel, left toe, right heel, right toe, 0..1."""
    leg_m: float
    """Thigh and shank, mean of both legs."""
    arm_m: float
    """Upper arm and forearm, mean of both arms."""
    ankle_height_m: float
    """Of a standing foot."""

    def joint(self, name: str) -> Float64:
        """(3,)"""
        return np.asarray(self.joints[_J(name)])

    def along(self, start: str, end: str) -> Float64:
        """(3,) unit vector from one joint to another; 0 where they coincide."""
        step = self.joint(end) - self.joint(start)
        return np.asarray(step / max(float(np.linalg.norm(step)), 1e-9))

    def bone(self, name: str) -> Float64:
        """(3,3) rotation of a bone."""
        return np.asarray(self.R_bones[BONES.index(name)])


def read_person(pose: BodyPose, *, floating: bool) -> Person | None:
    """The pose in robot axes; None when it is no figure: NaN, a heap, a giant, or beyond all distance."""
    joints = ROS.points(pose.joints_world.astype(np.float64))
    rotations = pose.bone_rotations.astype(np.float64)
    if not (np.isfinite(joints).all() and np.isfinite(rotations).all()):
        return None
    extent = float(np.abs(joints - joints[0]).max())
    norms = np.linalg.norm(rotations, axis=1)
    whole = SMALLEST_M < extent < LARGEST_M and float(np.abs(joints).max()) < FARTHEST_M
    if not whole or norms.min() < 0.5 or norms.max() > 2.0:
        return None
    world = world_rotations(rotations / norms[:, None])
    person = _measured(joints, to_matrix(ROS.rotations(world)), pose)
    return person if floating or person is None else _seen_from_pelvis(person)


def _measured(joints: Float64, R_bones: Float64, pose: BodyPose) -> Person | None:
    across = joints[_HIPS[0]] - joints[_HIPS[1]]
    legs = _chain(joints, "hip", "knee", "ankle")
    arms = _chain(joints, "shoulder", "elbow", "wrist")
    height = float(pose.height_m)
    if not (0.3 < legs < 1.5 and 0.2 < arms < 1.2 and 0.5 < height < 2.6):
        return None
    contacts = np.nan_to_num(pose.contacts.astype(np.float64), nan=0.0)
    heading = float(np.arctan2(-across[0], across[1]))
    return Person(
        joints, R_bones, heading, np.clip(contacts, 0.0, 1.0), legs, arms, ANKLE_HEIGHT * height
    )  # fmt: skip


def _chain(joints: Float64, *names: str) -> float:
    """Length of a limb, mean of both sides."""
    total = 0.0
    for side in ("left", "right"):
        points = joints[SEALCAP26.indices(*(f"{side}_{name}" for name in names))]
        total += float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
    return total / 2


def _seen_from_pelvis(person: Person) -> Person:
    R = about_z(-person.heading)
    return Person(
        (person.joints - person.joints[0]) @ R.T, R @ person.R_bones, 0.0, person.contacts,
        person.leg_m, person.arm_m, person.ankle_height_m,
    )  # fmt: skip


def about_z(angle: float) -> Float64:
    """(3,3) turn to the left by an angle."""
    c, s = float(np.cos(angle)), float(np.sin(angle))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


CONTACT_OF = {
    side: [CONTACTS.index(f"{side}_heel"), CONTACTS.index(f"{side}_toe")] for side in ("left", "right")
}
"""Where heel and toe of a foot stand among the contacts."""
