"""Moments of the synthetic figure with its exact 2D and 3D truth in place of what a pipeline would find."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest

from lifting.skeleton import BODY21, BONES, SEALCAP26
from realtime.data import BodyPose, Frame, Image, Keypoints, Motion, State, Truth
from realtime.sources.figure import figure_at
from realtime.sources.synthetic import SyntheticSource

SHARED = SEALCAP26.indices(*BODY21.joints)
HIDDEN = SEALCAP26.indices("left_wrist", "left_elbow")

MakeMotion = Callable[..., Motion]


@lru_cache
def camera(width: int, height: int) -> SyntheticSource:
    """The synthetic source for pictures of one size."""
    return SyntheticSource(size=(width, height))


def make_pose(truth: Truth, state: State) -> BodyPose:
    """The figure as the solver would hand it over, with the left forearm inferred."""
    observed = np.ones(26, bool)
    observed[HIDDEN] = False
    unit = np.array([0, 0, 0, 1], np.float32)
    return BodyPose(
        person_id=0,
        state=state,
        joints_world=truth.joints_world,
        joints_cam=truth.joints_cam,
        raw_joints_cam=truth.joints_cam,
        root_cam=truth.root_cam,
        root_world=truth.joints_world[0],
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
    """Frame `seq` of the figure's routine; `image` is the picture of that moment, plain grey by default."""
    picture = np.full((720, 1280, 3), 40, np.uint8) if image is None else image
    truth = camera(picture.shape[1], picture.shape[0]).truth(figure_at(seq / fps))
    pose, points = make_pose(truth, state), truth.points_px
    margin = 0.12 * np.ptp(points[:, 1])
    box = np.concatenate([points.min(0) - margin, points.max(0) + margin / 2]).astype(np.float32)
    received_ns = 10**9 + seq * 33_333_333
    return Motion(
        seq=seq,
        frame=Frame(picture, seq, seq * 33_333_333, received_ns, 0),
        keypoints=(Keypoints(0, points, pose.confidence[SHARED], box),),
        people=(pose,),
        publish_ns=received_ns + 24_000_000 + 1_000_000 * (seq % 7),
        fps=fps,
        stage_ms={"capture": 3.1, "wait": 0.4, "detect": 17.6, "lift": 1.6, "correct": 0.3, "solve": 0.9},
    )


@pytest.fixture
def motion_at() -> MakeMotion:
    """Makes the moment with a given number."""
    return make_motion
