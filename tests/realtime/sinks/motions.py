"""Motions with random numbers, for tests of what carries them."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from lifting.skeleton import BODY21, BONES, CONTACTS, SEALCAP26
from realtime.data import BodyPose, Frame, Keypoints, Motion, State


def make_pose(rng: np.random.Generator, person_id: int = 1, state: State = State.TRACKING) -> BodyPose:
    """One person with random numbers and unit quaternions."""

    def floats(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    def unit(*shape: int) -> np.ndarray:
        q = floats(*shape)
        return (q / np.linalg.norm(q, axis=-1, keepdims=True)).astype(np.float32)

    joints = len(SEALCAP26)
    return BodyPose(
        person_id=person_id,
        state=state,
        joints_world=floats(joints, 3),
        joints_cam=floats(joints, 3),
        raw_joints_cam=floats(joints, 3),
        root_cam=np.full(3, np.nan, np.float32),
        root_world=floats(3),
        root_rotation=unit(4),
        bone_rotations=unit(len(BONES), 4),
        confidence=rng.uniform(0, 1, joints).astype(np.float32),
        observed=rng.uniform(0, 1, joints) > 0.5,
        contacts=rng.uniform(0, 1, len(CONTACTS)).astype(np.float32),
        height_m=float(rng.uniform(1.0, 2.1)),
    )


def make_motion(seq: int = 0, people: int = 1, seed: int = 0, fps: float = 30.0) -> Motion:
    """One frame with `people` random people, stamped now."""
    rng = np.random.default_rng([seed, seq])
    now = time.monotonic_ns()
    frame = Frame(
        image=np.full((48, 64, 3), 7, np.uint8),
        index=2 * seq,
        capture_time_ns=now - 5_000_000,
        received_ns=now - 4_000_000,
        wall_offset_ns=time.time_ns() - time.monotonic_ns(),
    )
    keypoints = tuple(
        Keypoints(
            person_id=i + 1,
            points_px=rng.uniform(0, 64, (len(BODY21), 2)).astype(np.float32),
            confidence=rng.uniform(0, 1, len(BODY21)).astype(np.float32),
            box=np.array([0, 0, 64, 48], np.float32),
        )
        for i in range(people)
    )
    poses = tuple(make_pose(rng, i + 1) for i in range(people))
    return Motion(seq, frame, keypoints, poses, now, fps, {"detect": 1.0})


def with_poses(motion: Motion, *poses: BodyPose) -> Motion:
    """The same frame with other people."""
    return replace(motion, people=poses)


def spoiled(pose: BodyPose, field: str, value: float = float("nan")) -> BodyPose:
    """The pose with one number of `field` replaced."""
    old = getattr(pose, field)
    if isinstance(old, float):
        return replace(pose, **{field: value})
    array = old.copy()
    array.flat[array.size // 2] = value
    return replace(pose, **{field: array})


PUBLISHED = (
    "joints_world",
    "root_world",
    "root_rotation",
    "bone_rotations",
    "confidence",
    "contacts",
    "height_m",
)
"""Fields of BodyPose whose numbers leave the machine."""
