"""From what a session stores back to what travels through the pipeline."""

from __future__ import annotations

import numpy as np

from lifting.skeleton import BODY21, SEALCAP26
from realtime.data import BodyPose, Float32, Keypoints, State
from realtime.sinks.wire import KeypointsMap, PersonPose, Points2DMap

MAX_SIDE_PX = 8192
DEFAULT_SIZE = 1280, 720
"""Taken for the picture's size where a session does not tell a possible one."""

_UNKNOWN = np.full((len(SEALCAP26), 3), np.nan, np.float32)
_UNKNOWN.flags.writeable = False


def body_pose(person: PersonPose) -> BodyPose:
    """A stored person as sinks want it. What sessions do not hold, joints in camera space, is NaN."""
    return BodyPose(
        person_id=person.id,
        state=State(person.state),
        joints_world=person.joints,
        joints_cam=_UNKNOWN,
        raw_joints_cam=_UNKNOWN,
        root_cam=_UNKNOWN[0],
        root_world=person.root_position,
        root_rotation=person.root_rotation,
        bone_rotations=person.bone_rotations,
        confidence=person.confidence,
        observed=person.observed > 0.5,
        contacts=person.contacts,
        height_m=person.height_m,
    )


def keypoints(stored: KeypointsMap | None) -> tuple[Keypoints, ...]:
    """The 2D joints of a frame; none where the session has none."""
    return () if stored is None else tuple(map(_keypoints, stored.persons))


def _keypoints(person: Points2DMap) -> Keypoints:
    points = _floats(person.points).reshape(len(BODY21), 2)
    confidence = np.clip(np.nan_to_num(_floats(person.c)), 0.0, 1.0)
    usable = np.asarray(np.isfinite(points).all(axis=1))
    return Keypoints(
        person_id=person.id,
        points_px=np.where(usable[:, None], points, 0.0).astype(np.float32),
        confidence=np.where(usable, confidence, 0.0).astype(np.float32),
        box=np.nan_to_num(_floats(person.box)),
        restarted=person.restarted,
    )


def picture_size(stored: KeypointsMap | None) -> tuple[int, int]:
    """(width, height) in pixels; a usual one where what is stored cannot be."""
    if stored is None or not (1 < stored.width <= MAX_SIDE_PX and 1 < stored.height <= MAX_SIDE_PX):
        return DEFAULT_SIZE
    return stored.width, stored.height


def _floats(data: bytes) -> Float32:
    return np.frombuffer(data, "<f4").astype(np.float32)
