"""Moments of the synthetic figure, filmed by a plain camera in front of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lifting.camera import Intrinsics
from lifting.skeleton import BODY21, BONES, SEALCAP26
from realtime.data import BodyPose, Frame, Image, Keypoints, Motion, State
from realtime.sources.figure import figure_at

EYE_WORLD = np.array([0.0, 1.1, 3.6])
SHARED = SEALCAP26.indices(*BODY21.joints)
HIDDEN = SEALCAP26.indices("left_wrist", "left_elbow")

MakeMotion = Callable[..., Motion]


def make_pose(time_s: float, *, state: State = State.TRACKING, person_id: int = 0) -> BodyPose:
    """The routine's figure as the solver would hand it over, with the left forearm inferred."""
    joints = figure_at(time_s).joints_world.astype(np.float32)
    cam = ((joints - joints[0]) * (1, -1, -1)).astype(np.float32)
    observed = np.ones(26, bool)
    observed[HIDDEN] = False
    unit = np.array([0, 0, 0, 1], np.float32)
    return BodyPose(
        person_id=person_id,
        state=state,
        joints_world=joints,
        joints_cam=cam,
        raw_joints_cam=cam,
        root_cam=((joints[0] - EYE_WORLD) * (1, -1, -1)).astype(np.float32),
        root_world=joints[0],
        root_rotation=unit,
        bone_rotations=np.tile(unit, (len(BONES), 1)),
        confidence=np.where(observed, 0.95, 0.3).astype(np.float32),
        observed=observed,
        contacts=np.zeros(4, np.float32),
        height_m=1.70,
    )


def make_motion(
    seq: int, *, fps: float = 30.0, image: Image | None = None, state: State = State.TRACKING
) -> Motion:
    """Frame `seq` of the routine with keypoints where a camera at `EYE_WORLD` sees the joints."""
    picture = np.full((720, 1280, 3), 40, np.uint8) if image is None else image
    pose = make_pose(1.0 + seq / fps, state=state)
    height, width = picture.shape[:2]
    pixels = Intrinsics.from_fov(width, height).project((pose.joints_world - EYE_WORLD) * (1, -1, -1))
    points = pixels[SHARED].astype(np.float32)
    box = np.concatenate([points.min(0) - 30, points.max(0) + 30]).astype(np.float32)
    keypoints = Keypoints(0, points, pose.confidence[SHARED], box)
    received_ns = 10**9 + seq * 33_333_333
    return Motion(
        seq=seq,
        frame=Frame(picture, seq, seq * 33_333_333, received_ns, 0),
        keypoints=(keypoints,),
        people=(pose,),
        publish_ns=received_ns + 24_000_000 + 1_000_000 * (seq % 7),
        fps=fps,
        stage_ms={"capture": 3.1, "wait": 0.4, "detect": 17.6, "lift": 1.6, "solve": 0.9},
    )


@pytest.fixture
def motion_at() -> MakeMotion:
    """Makes the moment with a given number."""
    return make_motion
