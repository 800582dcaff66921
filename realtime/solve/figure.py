"""A figure before the camera and in the world, and what can be no figure at all."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lifting.camera_estimate import CameraEstimate, Source
from realtime.data import BodyPose, Keypoints
from realtime.solve.quaternions import any_true

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]

SMALLEST_M, LARGEST_M = 0.1, 5.0
"""Half-extent of a figure; anything else is no person but a failing network."""


class Figure(NamedTuple):
    """One frame between solving and sending."""

    joints: Float64
    """(26,3) camera axes, relative to mid-hip, before anything changed the world pose."""
    root: Float64 | None
    """(3,) camera axes; None where the distance is unknown."""
    world: Float64
    """(26,3) final."""
    confidence: Floats
    """(26,)"""
    contacts: Floats
    """(4,)"""
    raw: Floats
    """(26,3) the network's word."""

    def in_camera(self, camera: CameraEstimate) -> tuple[Float64, Float64]:
        """joints_cam (26,3) and root_cam (3,) of the final world pose; the given ones where it is theirs."""
        moved = (self.world - place(self.joints, self.root, camera)) @ camera.R_world_from_cam
        return self.joints + moved - moved[0], or_nan(self.root) + moved[0]


def place(joints: Float64, root: Float64 | None, camera: CameraEstimate) -> Float64:
    """World joints (26,3). A figure whose distance is unknown stands at the origin, feet on the floor."""
    if root is not None:
        return camera.to_world(joints + root)
    world = joints @ camera.R_world_from_cam.T
    world[:, 1] -= world[:, 1].min()
    return world


def or_nan(root: Float64 | None) -> Float64:
    """A root (3,), NaN where there is none."""
    return np.full(3, np.nan) if root is None else root


def is_figure(raw: Float64, keypoints: Keypoints) -> bool:
    """Whether lifted joints (26,3) and what they come from can be a person."""
    if 0 in np.isfinite(raw).tobytes():
        return False
    extent = float(np.abs(raw - raw[0]).max())
    seen = keypoints.confidence > 0
    return (
        SMALLEST_M < extent < LARGEST_M
        and 0 not in np.isfinite(keypoints.confidence).tobytes()
        and any_true(seen)
        and 0 not in np.isfinite(keypoints.points_px[seen]).tobytes()
    )


def height_m(root: Float64 | None, camera: CameraEstimate) -> float | None:
    """Of mid-hip above the floor, metres; None unless the floor was given or seen from feet on it."""
    if root is None or camera.camera_height_source is Source.ASSUMED:
        return None
    return float(camera.to_world(root)[1])


def shown(pose: BodyPose) -> tuple[Float64, Float64 | None]:
    """Joints (26,3) relative to mid-hip and root (3,) of a pose, camera axes."""
    root = pose.root_cam.astype(np.float64)
    return pose.joints_cam.astype(np.float64), root if np.isfinite(root).all() else None
