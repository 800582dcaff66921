"""Frames as the real senders send them, from takes with known content."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from lifting.skeleton import SEALCAP26
from realtime.data import BodyPose, Frame, Motion, State
from realtime.solve.forward import place_joints, world_rotations
from realtime.solve.quaternions import to_matrix
from realtime.solve.rest import REST_JOINTS
from realtime.takes.take import Take
from tests.realtime.sinks.motions import make_pose

START_WALL_NS = 1_700_000_000_000_000_000
MIDDLE_REST_M = 1.7 * (REST_JOINTS - REST_JOINTS[SEALCAP26.index("pelvis")])
"""(26,3) the standard body, pelvis at 0."""


class Sink(Protocol):
    """What all outputs have in common."""

    def write(self, motion: Motion) -> None:
        """Send one frame."""


def symmetric(take: Take, stature: float = 1.7) -> Take:
    """The take with the standard body: bones in the T-pose point exactly where they should."""
    rest = MIDDLE_REST_M * stature / 1.7
    joints = place_joints(to_matrix(world_rotations(take.bone_rotations)), rest, take.joints_world[:, 0])
    return replace(take, rest_joints=rest, joints_world=joints)


def on_the_spot(take: Take) -> Take:
    """The take without its way forward."""
    return replace(take, joints_world=take.joints_world - take.joints_world[:, :1] * (0, 0, 1))


def pose_at(take: Take, index: int, person_id: int, state: State = State.TRACKING) -> BodyPose:
    """One frame of a take."""
    blank = make_pose(np.random.default_rng(0), person_id, state)
    local = take.bone_rotations[index].astype(np.float32)
    joints = take.joints_world[index].astype(np.float32)
    return replace(
        blank,
        joints_world=joints,
        root_world=joints[0],
        root_rotation=local[0],
        bone_rotations=local,
        confidence=np.full(26, 0.9, np.float32),
        height_m=take.height_m,
    )


def motion_at(takes: Sequence[Take], index: int, state: State = State.TRACKING) -> Motion:
    """Frame `index` with a person 1, 2 ... per take."""
    media_ns = round(index * 1e9 / takes[0].fps)
    now = time.monotonic_ns()
    return Motion(
        seq=index,
        frame=Frame(np.zeros((4, 4, 3), np.uint8), index, media_ns, now, START_WALL_NS),
        keypoints=(),
        people=tuple(pose_at(take, index, i + 1, state) for i, take in enumerate(takes)),
        publish_ns=now,
        fps=takes[0].fps,
    )


def send(sink: Sink, takes: Sequence[Take], frames: int) -> None:
    """Frames at the takes' rate by the clock, as a camera would."""
    begin = time.perf_counter()
    for index in range(frames):
        time.sleep(max(0.0, begin + index / takes[0].fps - time.perf_counter()))
        sink.write(motion_at(takes, index))
