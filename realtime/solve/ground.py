"""Where the floor lies under a camera, and what becomes of world points when that knowledge changes."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lifting.camera_estimate import CameraEstimate

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]

TRUSTED_M, DISTRUSTED_M = 0.10, 0.25
"""Feet that rest this far above y = 0 do so because a given camera height is a little wrong (up to the
first), or because somebody stands on a stool (from the second on)."""
GIVEN_TILT_DEG, ASSUMED_TILT_DEG = 0.5, 10.0
"""Errors to be expected of a tilt that was given, and of one that nobody knows."""


class Ground(NamedTuple):
    """The world frame of one frame: Y up, the camera at (0, lens_m, 0)."""

    R_world_from_cam: Floats
    """(3,3)"""
    lens_m: float
    """Height of the camera above y = 0."""
    level_m: float = 0.0
    """World height at which resting soles are seen."""
    slope: float = 0.0
    """Tangent of the error that the tilt may have: so much per metre may the floor seem to rise or fall."""

    @classmethod
    def of(cls, camera: CameraEstimate) -> Ground:
        """As the estimate stands now."""
        error_deg = min(max(camera.tilt_sd_deg, GIVEN_TILT_DEG), ASSUMED_TILT_DEG)
        slope = math.tan(math.radians(error_deg))
        return cls(camera.R_world_from_cam, camera.camera_height_m, camera.resting_level_m, slope)

    @property
    def correction_m(self) -> float:
        """What to add to world heights so that people stand on y = 0 (on the stool, if on a stool)."""
        beyond = (self.level_m - TRUSTED_M) / (DISTRUSTED_M - TRUSTED_M)
        return -self.level_m * (1.0 - min(max(beyond, 0.0), 1.0))

    def vague_m(self, point_world: Float64) -> float:
        """How much higher or lower than y = 0 the floor may be below a point (3,), for all that is known."""
        return self.slope * math.hypot(float(point_world[0]), float(point_world[2]))

    def corrected(self) -> Ground:
        """The same camera in the world whose heights have `correction_m` added."""
        up = self.correction_m
        return Ground(self.R_world_from_cam, self.lens_m + up, self.level_m + up, self.slope)

    def to_cam(self, points_world: Float64) -> Float64:
        """World points (N,3) → camera axes."""
        return np.asarray((points_world - (0.0, self.lens_m, 0.0)) @ self.R_world_from_cam)

    def same_frame(self, other: Ground) -> bool:
        """True when no world point has moved between the two."""
        same = self.R_world_from_cam is other.R_world_from_cam or np.array_equal(
            self.R_world_from_cam, other.R_world_from_cam
        )
        return bool(same) and self.lens_m == other.lens_m

    def carry(self, points_world: Float64, since: Ground) -> Float64:
        """Points (N,3) of the earlier world `since` at the same place before the camera in this one."""
        points = since.to_cam(points_world) @ self.R_world_from_cam.T
        points[:, 1] += self.lens_m
        return np.asarray(points)
