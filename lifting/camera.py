"""Camera geometry. Camera axes are OpenCV's (x right, y down, z forward); the world is right-handed, Y up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lifting.lens import FastInverse, Lens

Floats = NDArray[np.floating]
N = TypeVar("N", float, NDArray[np.float32])

DEFAULT_FOV_DEG = 60.0
"""Angle seen along the longer image side when nobody says otherwise; typical of webcams and phones."""


@dataclass(frozen=True)
class Intrinsics:
    """Camera of one image size: a pinhole, and where it is known the distortion of its lens.

    All values in pixels, (0, 0) being the middle of the first one.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int
    lens: Lens | None = None
    """None for a camera that draws straight lines straight."""

    @classmethod
    def from_fov(cls, width: int, height: int, fov_deg: float = DEFAULT_FOV_DEG) -> Intrinsics:
        """`fov_deg` is the angle seen along the longer image side. Raises ValueError outside 10..150."""
        if not 10.0 <= fov_deg <= 150.0:
            raise ValueError(f"field of view must lie between 10 and 150 degrees, got {fov_deg}")
        focal = 0.5 * max(width, height) / np.tan(np.radians(fov_deg) / 2)
        return cls(float(focal), float(focal), (width - 1) / 2, (height - 1) / 2, width, height)

    def rays(self, points_px: Floats) -> NDArray[np.float32]:
        """Pixels (...,2) → x/z, y/z on the plane one metre ahead (...,2), distortion taken away."""
        if self.lens is not None:
            return self._straight_rays(points_px)
        shifted = (np.asarray(points_px) - (self.cx, self.cy)) / (self.fx, self.fy)
        return shifted.astype(np.float32)

    def project(self, points_cam: Floats) -> NDArray[np.float64]:
        """Camera points (...,3) in metres → pixels (...,2); NaN for points behind the camera."""
        points = np.asarray(points_cam, np.float64)
        z = np.where(points[..., 2:] > 1e-6, points[..., 2:], np.nan)
        seen = points[..., :2] / z
        seen = seen if self.lens is None else self.lens.distort(seen)
        return seen * (self.fx, self.fy) + (self.cx, self.cy)

    @cached_property
    def _straight_rays(self) -> FastInverse:
        lens = self.lens or Lens("brown", (0.0,) * 5)
        return FastInverse(lens, (self.fx, self.fy), (self.cx, self.cy), (self.width, self.height))


GRAVITY_SD_DEG = 6.0
"""Error at which a told direction of gravity is trusted by half."""


def gravity_trust(sd_deg: N) -> N:
    """How far the lifter is to trust a direction of gravity with this standard deviation: 1/(1+(sd/6°)²)."""
    return 1.0 / (1.0 + (sd_deg / GRAVITY_SD_DEG) ** 2)


def gravity_from_pitch(pitch_deg: float, roll_deg: float = 0.0) -> NDArray[np.float64]:
    """Unit direction of gravity in camera axes (3,) for a camera that looks `pitch_deg` down.

    A level camera sees gravity along +y. Roll is positive when the camera is turned clockwise, seen from
    behind it.
    """
    pitch, roll = np.radians(pitch_deg), np.radians(roll_deg)
    return np.array([np.cos(pitch) * np.sin(roll), np.cos(pitch) * np.cos(roll), np.sin(pitch)])


def pitch_of_gravity(gravity_cam: Floats) -> float:
    """Degrees the camera looks down, from the direction of gravity it sees."""
    g = np.asarray(gravity_cam, np.float64)
    return float(np.degrees(np.arcsin(np.clip(g[2] / np.linalg.norm(g), -1, 1))))


def world_from_cam(gravity_cam: Floats) -> NDArray[np.float64]:
    """R_world_from_cam (3,3): world Y is up, the camera's horizontal viewing direction is world -Z.

    For a level camera this maps (x, y, z) to (x, -y, -z): a person facing the camera faces +Z and has
    their left at +X. Raises ValueError when the camera looks straight up or down (heading undefined).
    """
    x, y, z = (-np.asarray(gravity_cam, np.float64)).tolist()
    norm, level = math.sqrt(x * x + y * y + z * z), math.hypot(x, y)
    if not level >= 1e-3 * norm:  # also for NaN
        raise ValueError("the camera looks along gravity; its heading is undefined")
    x, y, z, level = x / norm, y / norm, z / norm, level / norm
    # Rows: up × back, up, and back = up's z times the level part of up, minus what is left of the axis.
    return np.array([[-y / level, x / level, 0.0], [x, y, z], [z * x / level, z * y / level, -level]])
