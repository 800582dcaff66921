"""Virtual cameras: bodies in world axes (Z up) become joints in camera axes (x right, y down, z ahead)."""

from __future__ import annotations

import math

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat
from torch import Generator, Tensor

Range = tuple[float, float]
Sizes = tuple[PositiveFloat, PositiveFloat]


class CameraVariety(BaseModel):
    """Where cameras stand and how they look at the person. Ranges are uniform unless said otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    height_m: Range = (0.3, 2.5)
    """Above the floor."""
    distance_m: Sizes = (0.9, 6.0)
    """From camera to person along the floor; logarithmic."""
    fov_deg: Sizes = (40.0, 90.0)
    """Angle along the longer side of the picture."""
    aspect: Sizes = (0.5, 1.0)
    """Shorter side over longer side."""
    landscape: float = Field(default=0.6, ge=0, le=1)
    """Share of pictures that are wider than high."""
    aim: float = Field(default=0.5, ge=0)
    """How far from the middle of the picture the person may be, in shares of half the picture's angle."""
    pitch_deg: Range = (-22.0, 38.0)
    """Limits of the camera's tilt; positive looks down."""
    roll_sd_deg: float = Field(default=4.0, ge=0)
    """Standard deviation of the small roll of every camera."""
    roll_deg: float = Field(default=29.0, ge=0)
    """Largest roll of the cameras in `rolled`."""
    rolled: float = Field(default=0.3, ge=0, le=1)
    """Share of cameras that are rolled on purpose."""


def look(joints_world: Tensor, variety: CameraVariety, rng: Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Film each window (B,T,26,3) with a camera of its own.

    Returns joints_cam (B,T,26,3) in metres, half_tan (B,2): tangent of half the picture's width and height,
    and gravity_cam (B,3): unit direction of gravity in camera axes.
    """
    count = len(joints_world)
    uniform = _Uniform(count, rng)
    half_tan = _picture(variety, uniform)
    height = uniform(*variety.height_m)
    distance = torch.exp(uniform(math.log(variety.distance_m[0]), math.log(variety.distance_m[1])))
    middle = joints_world[:, -1].mean(dim=1)  # (B,3)
    yaw = uniform(0.0, 2 * math.pi)
    ahead = torch.stack([yaw.cos(), yaw.sin(), torch.zeros_like(yaw)], dim=-1)
    position = middle * torch.tensor([1.0, 1.0, 0.0]) - distance[:, None] * ahead
    position[:, 2] = height

    half_angle = torch.atan(half_tan)
    down = torch.atan2(height - middle[:, 2], distance)  # the pitch that puts the person in the middle
    pitch = down + half_angle[:, 1] * uniform(-variety.aim, variety.aim)
    pitch = pitch.clamp(math.radians(variety.pitch_deg[0]), math.radians(variety.pitch_deg[1]))
    pan = half_angle[:, 0] * uniform(-variety.aim, variety.aim)
    roll = math.radians(variety.roll_sd_deg) * torch.randn(count, generator=rng)
    on_purpose = uniform(-1.0, 1.0) * math.radians(variety.roll_deg)
    roll = torch.where(uniform(0.0, 1.0) < variety.rolled, on_purpose, roll)

    R_cam_from_world = camera_rotation(yaw + pan, pitch, roll)
    joints_cam = torch.einsum("bij,btkj->btki", R_cam_from_world, joints_world - position[:, None, None])
    return joints_cam, half_tan, -R_cam_from_world[:, :, 2]


def camera_rotation(yaw: Tensor, pitch: Tensor, roll: Tensor) -> Tensor:
    """R_cam_from_world (B,3,3) of cameras that look along `yaw` (about Z, 0 = +X), `pitch` down, radians.

    Roll is positive when the camera is turned clockwise, seen from behind it.
    """
    zero, one = torch.zeros_like(yaw), torch.ones_like(yaw)
    ahead = torch.stack([yaw.cos() * pitch.cos(), yaw.sin() * pitch.cos(), -pitch.sin()], dim=-1)
    right = torch.stack([yaw.sin(), -yaw.cos(), zero], dim=-1)
    level = torch.stack([right, torch.linalg.cross(ahead, right), ahead], dim=1)
    cos, sin = roll.cos(), roll.sin()
    turn = torch.stack([cos, sin, zero, -sin, cos, zero, zero, zero, one], dim=-1).unflatten(-1, (3, 3))
    return torch.matmul(turn, level)


class _Uniform:
    """Draws one uniform number per window."""

    def __init__(self, count: int, rng: Generator) -> None:
        self._count, self._rng = count, rng

    def __call__(self, low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(self._count, generator=self._rng)


def _picture(variety: CameraVariety, uniform: _Uniform) -> Tensor:
    """(B,2) tangents of half the width and half the height."""
    long = torch.tan(torch.deg2rad(uniform(*variety.fov_deg)) / 2)
    short = long * uniform(*variety.aspect)
    wide = uniform(0.0, 1.0) < variety.landscape
    return torch.stack([torch.where(wide, long, short), torch.where(wide, short, long)], dim=-1)
