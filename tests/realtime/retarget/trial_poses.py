"""Poses and robots that the tests of retargeting share."""

from __future__ import annotations

from functools import cache

import numpy as np

from realtime.data import BodyPose
from realtime.retarget.robot_file import RobotFile, load_robot
from realtime.retarget.robot_model import RobotModel, load_model
from realtime.retarget.trial import pose_of, routine
from realtime.solve.forward import joints_from_rotations
from realtime.solve.quaternions import Float64, multiply, unit
from realtime.solve.rest import REST_JOINTS

STATURE_M = 1.75


@cache
def robot(name: str) -> tuple[RobotModel, RobotFile]:
    """A packaged robot."""
    file = load_robot(name)
    return load_model(file), file


@cache
def walk(frames: int = 130) -> tuple[BodyPose, ...]:
    """The beginning of the synthetic routine at 30 frames per second: standing, then walking."""
    return tuple(routine(frames / 30))


def wild_pose(seed: int, far_m: float = 1.0) -> BodyPose:
    """Bones turned any way, anywhere; contacts at random."""
    random = np.random.default_rng(seed)
    local = unit(random.normal(size=(21, 4)) + np.array([0, 0, 0, random.uniform(0.0, 4.0)]))
    root = random.normal(size=3) * far_m
    joints = joints_from_rotations(local, (REST_JOINTS - REST_JOINTS[0]) * STATURE_M, root)
    return pose_of(joints, local, random.integers(0, 2, 4).astype(float), STATURE_M)


def moved(pose: BodyPose, yaw: float, shift: tuple[float, float]) -> BodyPose:
    """The pose turned about the world's vertical, then shifted over the floor."""
    c, s = np.cos(yaw), np.sin(yaw)
    R = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
    joints = pose.joints_world @ R.T + [shift[0], 0.0, shift[1]]
    rotations: Float64 = pose.bone_rotations.astype(np.float64)
    rotations[0] = multiply(np.array([0.0, np.sin(yaw / 2), 0.0, np.cos(yaw / 2)]), rotations[0])
    return pose_of(joints, rotations, pose.contacts, pose.height_m)
