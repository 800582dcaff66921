"""A procedural figure: smooth motion of the rest skeleton by forward kinematics, with exact answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from lifting.camera import Intrinsics, gravity_from_pitch, world_from_cam
from lifting.skeleton import BODY21, BONES
from realtime.data import Keypoints
from realtime.solve.forward import joints_from_rotations
from realtime.solve.quaternions import multiply
from realtime.solve.rest import REST_JOINTS
from realtime.solve.root import FROM_BODY21

Float64 = NDArray[np.float64]
STATURE_M = 1.75
INTRINSICS = Intrinsics.from_fov(1280, 720, 70.0)


def turn(axis: tuple[float, float, float], degrees: float) -> Float64:
    """Quaternion of a turn about a unit axis."""
    half = np.radians(degrees) / 2
    return np.append(np.array(axis) * np.sin(half), np.cos(half))


def walking_rotations(t: float) -> Float64:
    """(21,4) local rotations of somebody walking at one step per 0.55 s, arms hanging and swinging."""
    q = np.tile([0.0, 0.0, 0.0, 1.0], (len(BONES), 1))
    phase = 2 * np.pi * t / 1.1
    q[BONES.index("Hips")] = turn((0, 1, 0), 8 * np.sin(phase))
    q[BONES.index("Spine")] = turn((0, 1, 0), -6 * np.sin(phase))
    q[BONES.index("Chest")] = turn((0, 1, 0), -6 * np.sin(phase))
    q[BONES.index("Head")] = turn((1, 0, 0), 5 * np.sin(phase * 2))
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        swing = sign * np.sin(phase)
        hang = turn((0, 0, 1), -75 * sign)
        q[BONES.index(side + "UpperArm")] = multiply(turn((1, 0, 0), 25 * swing), hang)
        q[BONES.index(side + "LowerArm")] = turn((0, -sign, 0), 35 + 12 * swing)
        q[BONES.index(side + "UpperLeg")] = turn((1, 0, 0), -12 + 22 * swing)
        q[BONES.index(side + "LowerLeg")] = turn((1, 0, 0), 22 - 18 * np.cos(phase + sign * np.pi / 2))
    return q


def random_rotations(rng: np.random.Generator) -> Float64:
    """(21,4) of some possible pose: elbows and knees are hinges, hands, toes and clavicles stay."""
    q = np.tile([0.0, 0.0, 0.0, 1.0], (len(BONES), 1))
    wide = {"Hips": 180, "UpperArm": 50, "UpperLeg": 45, "Head": 30, "Neck": 20, "Spine": 20, "Chest": 20}
    for i, name in enumerate(BONES.joints):
        kind = name.removeprefix("Left").removeprefix("Right")
        if kind in wide:
            axis = rng.standard_normal(3)
            if kind == "UpperArm":
                axis[0] = 0.0  # how far it may turn about itself depends on where it points
            q[i] = turn(tuple(axis / np.linalg.norm(axis)), rng.uniform(-1, 1) * wide[kind])
        elif kind == "LowerArm":
            q[i] = turn((0, -1 if name.startswith("Left") else 1, 0), rng.uniform(30, 130))
        elif kind == "LowerLeg":
            q[i] = turn((1, 0, 0), rng.uniform(30, 120))
        elif kind == "Foot":
            q[i] = turn((1, 0, 0), rng.uniform(-30, 30))
    return q


@dataclass(frozen=True)
class Scene:
    """A walker on the spot before a camera `height_m` up that looks `pitch_deg` down."""

    pitch_deg: float = 0.0
    height_m: float = 1.4
    distance_m: float = 3.5
    intrinsics: Intrinsics = INTRINSICS

    def world(self, t: float, still: bool = False) -> Float64:
        """Exact joints (26,3) in world axes."""
        if still:
            return REST_JOINTS * STATURE_M + (0, 0, -self.distance_m)
        local = walking_rotations(t)
        root = np.array([0.1 * np.sin(t), 0.515 * STATURE_M, -self.distance_m])
        joints = joints_from_rotations(local, REST_JOINTS * STATURE_M, root)
        feet = joints[-4:, 1].min()
        return joints - (0, feet - 0.009 * STATURE_M, 0)

    def camera(self, world: Float64) -> Float64:
        """The same in camera axes, not relative to anything."""
        R = world_from_cam(gravity_from_pitch(self.pitch_deg))
        return (world - (0, self.height_m, 0)) @ R

    def keypoints(self, joints_cam: Float64, person_id: int = 1, restarted: bool = False) -> Keypoints:
        """Perfect 2D of absolute camera joints (26,3)."""
        points = self.intrinsics.project(joints_cam)[FROM_BODY21].astype(np.float32)
        seen = np.full(len(BODY21), 0.9, np.float32)
        box = np.array([0, 0, 10, 10], np.float32)
        return Keypoints(person_id, points, seen, box, restarted)


@pytest.fixture
def scene() -> Callable[..., Scene]:
    """Makes scenes: scene(pitch_deg=…, height_m=…, distance_m=…)."""
    return Scene


@pytest.fixture
def walking() -> Callable[[float], Float64]:
    """Local rotations (21,4) of a walker at time t."""
    return walking_rotations


@pytest.fixture
def some_pose() -> Callable[[np.random.Generator], Float64]:
    """Local rotations (21,4) of a random possible pose."""
    return random_rotations
