"""What a 2D detector makes of a moving person: joints in camera axes become noisy rays with confidences.

Effects, in the order in which they happen: another definition of the joints (a mean per detector family and
a random part per window), projection, slow and fast jitter, covered limbs, outliers, missing points, sides
swapped, points outside the picture, and a focal length that is not the assumed one.
"""

from __future__ import annotations

import math

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, field_validator
from torch import Generator, Tensor

from lifting.skeleton import BODY21
from training.detector_tables import (
    BODY21_IN_26,
    COVERED,
    EARS,
    FEET,
    GROUPS,
    HIPS,
    IS_FOOT,
    IS_RIGHT,
    JITTER,
    JOINTS_OF_FRAME,
    LIMB_END,
    LIMB_START,
    SHOULDERS,
    SWAPPED,
    TWIN,
    VAGUE,
)
from training.joint_offsets import PROFILES, offset_rows

Range = tuple[float, float]
NEAREST_M = 0.2
TRUNK_M = 0.49
"""Mid-hip to mid-shoulder of a person of 1.70 m; offsets grow with it."""


class DetectorNoise(BaseModel):
    """Strength of every effect. Sizes are relative to the figure's radius (rms distance from its centre)."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    profiles: dict[str, float] = {"blazepose": 0.7, "coco": 0.3}
    """How often each detector family is imitated (training.joint_offsets.PROFILES)."""
    offset_share: Range = (0.5, 1.5)
    """Share of a family's mean joint offsets, drawn per window."""
    offset_sd_m: float = Field(default=0.011, ge=0)
    """Random joint offset per window, the same on both sides; more where shoes, hair or clothes hide it."""
    offset_side_sd_m: float = Field(default=0.004, ge=0)
    """Random joint offset per window, for each side alone."""
    ears_lower_m: tuple[float, float] = (0.0, 0.0)
    """Mean and standard deviation of a drop of both ears, along the head: detectors guess them under hair."""
    along_limb_sd: float = Field(default=0.035, ge=0)
    """Random offset of elbows, wrists, knees, ankles towards the joint before, in lengths of the bone."""
    jitter: tuple[PositiveFloat, PositiveFloat] = (0.005, 0.03)
    """Standard deviation of the noise on each coordinate, logarithmic."""
    correlation: Range = (0.65, 0.97)
    """From frame to frame at 30 fps, of the slow part of the noise."""
    white: Range = (0.1, 0.5)
    """Share of the noise that is new in every frame."""
    covered: float = Field(default=0.3, ge=0, le=1)
    """Chance of each of three events in which a body part is covered."""
    covered_frames: Range = (2.0, 60.0)
    """Length of such an event."""
    covered_jitter: Range = (0.02, 0.2)
    """Additional noise of a point that is covered completely."""
    covered_lost: float = Field(default=0.25, ge=0, le=1)
    """Share of these events in which the points are gone (confidence 0)."""
    unseen: dict[str, float] = {}
    """Chance that a group of joints (training.detector_tables.GROUPS) is missing in a whole window, so that
    nothing rests on it alone."""
    lost: float = Field(default=0.01, ge=0, le=1)
    """Largest share of single points that are missing."""
    outlier: float = Field(default=0.002, ge=0, le=1)
    """Share of points that are somewhere else."""
    swap: float = Field(default=0.02, ge=0, le=1)
    """Chance that left and right are exchanged for a while."""
    swap_from_behind: float = Field(default=0.05, ge=0, le=1)
    """Additional chance for people seen from behind."""
    swap_frames: Range = (1.0, 12.0)
    """How long."""
    wrong_focal: float = Field(default=0.6, ge=0, le=1)
    """Share of windows whose camera has another focal length than assumed."""
    focal_spread: float = Field(default=0.35, ge=0)
    """Largest logarithm of that ratio."""

    @field_validator("profiles")
    @classmethod
    def _known_profiles(cls, profiles: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(profiles) - set(PROFILES))
        if unknown:
            raise ValueError(f"no profile is called {', '.join(unknown)}; there are {', '.join(PROFILES)}")
        if not sum(profiles.values()) > 0 or min(profiles.values()) < 0:
            raise ValueError("profiles need weights of 0 or more, and one above it, such as {coco: 1.0}")
        return profiles

    @field_validator("unseen")
    @classmethod
    def _known_groups(cls, unseen: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(unseen) - set(GROUPS))
        if unknown:
            raise ValueError(f"no group is called {', '.join(unknown)}; there are {', '.join(GROUPS)}")
        return unseen


def observe(joints_cam: Tensor, half_tan: Tensor, noise: DetectorNoise, rng: Generator) -> Tensor:
    """joints_cam (B,T,26,3) metres and half_tan (B,2) -> keypoints (B,T,21,3): x/z, y/z, confidence."""
    draw = _Draw(rng)
    body = joints_cam[:, :, BODY21_IN_26]
    profile = draw.choice(list(noise.profiles.values()), len(body))
    placed = _redefine(body, profile, noise, draw)
    depth = placed[..., 2]
    rays = placed[..., :2] / depth[..., None].clamp(min=NEAREST_M)
    inside = (rays.abs() < half_tan[:, None, None]).all(dim=-1) & (depth > NEAREST_M)

    centre = rays.mean(dim=2, keepdim=True)
    radius = (rays - centre).square().sum(dim=-1).mean(dim=(1, 2)).sqrt()[:, None, None]  # (B,1,1)
    confidence = _clear_view(profile, rays.shape[1], noise, draw)
    sigma = draw.log_uniform(*noise.jitter, len(body))[:, None, None] * JITTER
    sigma, confidence = _cover(sigma.expand_as(confidence), confidence, noise, draw)
    rays = rays + _coloured(rays.shape, noise, draw) * (sigma * radius)[..., None]
    stray = draw.chance(noise.outlier, confidence.shape)[..., None]
    rays = rays + stray * draw.normal(rays.shape) * (0.5 * radius)[..., None]
    rays, confidence = _swap_sides(rays, confidence, body, noise, draw)
    for group, chance in noise.unseen.items():
        confidence = torch.where(draw.chance(chance, (len(body), 1, 1)) & GROUPS[group], 0.0, confidence)
    gone = draw.chance(noise.lost, confidence.shape, draw.uniform(0, 1, len(body))[:, None, None])
    confidence = (confidence * inside * ~gone).clamp(0, 1)
    return torch.cat([rays * _focal_error(noise, len(body), draw), confidence[..., None]], dim=-1)


def body_frames(body: Tensor) -> Tensor:
    """(…,21,3) BODY21 positions -> (…,4,3,3) axes left, up, forward (as columns) of FRAMES."""
    hips = body[..., HIPS, :].mean(dim=-2)
    shoulders = body[..., SHOULDERS, :].mean(dim=-2)
    across = (
        body[..., HIPS[0], :]
        - body[..., HIPS[1], :]
        + body[..., SHOULDERS[0], :]
        - body[..., SHOULDERS[1], :]
    )
    ears = body[..., EARS[0], :] - body[..., EARS[1], :]
    gaze = body[..., 0, :] - body[..., EARS, :].mean(dim=-2)
    frames = [_axes(across, shoulders - hips), _axes(ears, torch.linalg.cross(gaze, ears, dim=-1))]
    for knee, ankle, heel, toe in FEET:
        shank = body[..., knee, :] - body[..., ankle, :]
        ahead = body[..., toe, :] - body[..., heel, :]
        frames.append(
            _axes(
                torch.linalg.cross(shank, ahead, dim=-1),
                torch.linalg.cross(ahead, torch.linalg.cross(shank, ahead, dim=-1), dim=-1),
            )
        )
    return torch.stack(frames, dim=-3)


def _axes(left: Tensor, up: Tensor) -> Tensor:
    """Orthonormal columns (left, up made perpendicular, forward)."""
    left = left / left.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    up = up - (up * left).sum(dim=-1, keepdim=True) * left
    up = up / up.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    return torch.stack([left, up, torch.linalg.cross(left, up, dim=-1)], dim=-1)


def _redefine(body: Tensor, profile: Tensor, noise: DetectorNoise, draw: _Draw) -> Tensor:
    """Move joints (B,T,21,3) to where the detector family says they are, give or take."""
    count = len(body)
    table = torch.tensor([offset_rows(PROFILES[name]) for name in noise.profiles])  # (P,21,3)
    share = draw.uniform(*noise.offset_share, count)[:, None, None]
    both = draw.normal((count, len(BODY21), 3)) * noise.offset_sd_m
    both = torch.where(IS_RIGHT[:, None], both[:, TWIN] * torch.tensor([-1.0, 1.0, 1.0]), both)
    both = both * VAGUE[:, None]
    own = draw.normal((count, len(BODY21), 3)) * noise.offset_side_sd_m
    trunk = body[:, :, SHOULDERS].mean(dim=2) - body[:, :, HIPS].mean(dim=2)
    size = trunk.norm(dim=-1).amax(dim=1)[:, None, None] / TRUNK_M
    offset = table[profile] * share + both + own  # (B,21,3)
    if any(noise.ears_lower_m):
        mean, sd = noise.ears_lower_m
        offset[:, EARS, 1] -= mean + sd * draw.normal((count, 1))
    offset = offset * size
    frames, moved = body_frames(body), body.clone()
    for frame, joints in enumerate(JOINTS_OF_FRAME):
        moved[:, :, joints] += torch.einsum("btik,bjk->btji", frames[:, :, frame], offset[:, joints])
    along = (draw.normal((count, 1, 4, 1)) * noise.along_limb_sd).repeat_interleave(2, dim=2)
    return moved.index_add(2, LIMB_END, (body[:, :, LIMB_START] - body[:, :, LIMB_END]) * along)


def _clear_view(profile: Tensor, frames: int, noise: DetectorNoise, draw: _Draw) -> Tensor:
    """Confidences (B,T,21) of joints that nothing covers."""
    count = len(profile)
    ranges = torch.tensor([PROFILES[name].confidence for name in noise.profiles])[profile]  # (B,2)
    level = torch.lerp(ranges[:, :1], ranges[:, 1:], draw.uniform(0, 1, count, len(BODY21)))
    wobble = 0.3 * (ranges[:, 1:] - ranges[:, :1])[:, :, None] * draw.normal((count, frames, len(BODY21)))
    feet = torch.tensor([PROFILES[name].feet for name in noise.profiles])[profile]
    confidence = (level[:, None] + wobble).clamp(0.1, 1.0)
    return torch.where(feet[:, None, None] | ~IS_FOOT, confidence, 0.0)


def _cover(sigma: Tensor, confidence: Tensor, noise: DetectorNoise, draw: _Draw) -> tuple[Tensor, Tensor]:
    """Three chances of a body part being covered for a while: confidence falls, noise grows; (B,T,21)."""
    count, frames, _ = confidence.shape
    for _ in range(3):
        group = COVERED[draw.choice([1.0] * len(COVERED), count)]  # (B,21)
        length = draw.uniform(*noise.covered_frames, count)
        start = draw.uniform(0, 1, count) * (frames + length) - length
        during = _interval(start, length, frames) & draw.chance(noise.covered, (count, 1))
        event = during[:, :, None] & group[:, None]
        left = draw.uniform(0.0, 0.8, count)[:, None, None]  # share of the confidence that is left
        lost = draw.chance(noise.covered_lost, (count, 1, 1))
        extra = (1 - left) ** 1.5 * draw.uniform(*noise.covered_jitter, count)[:, None, None]
        sigma = torch.where(event, sigma + extra, sigma)
        confidence = torch.where(event, torch.where(lost, 0.0, confidence * left), confidence)
    return sigma, confidence


def _coloured(shape: torch.Size, noise: DetectorNoise, draw: _Draw) -> Tensor:
    """Unit noise (B,T,21,2): a slow autoregressive part and a part that is new in every frame."""
    count, frames = shape[:2]
    fresh = draw.normal((2, *shape))
    rho = draw.uniform(*noise.correlation, count)[:, None, None]
    slow = [fresh[0, :, 0]]
    for t in range(1, frames):
        slow.append(rho * slow[-1] + (1 - rho * rho).sqrt() * fresh[0, :, t])
    white = draw.uniform(*noise.white, count)[:, None, None, None]
    return torch.stack(slow, dim=1) * (1 - white * white).sqrt() + fresh[1] * white


def _swap_sides(
    rays: Tensor, confidence: Tensor, body: Tensor, noise: DetectorNoise, draw: _Draw
) -> tuple[Tensor, Tensor]:
    """Exchange left and right of the whole figure, its legs or its arms for some frames."""
    count, frames, _ = confidence.shape
    facing_away = (body[:, :, SHOULDERS[0], 0] < body[:, :, SHOULDERS[1], 0]).float().mean(dim=1)
    on = draw.uniform(0, 1, count) < noise.swap + noise.swap_from_behind * facing_away
    length = draw.uniform(*noise.swap_frames, count)
    during = _interval(draw.uniform(0, 1, count) * frames, length, frames) & on[:, None]
    which = SWAPPED[draw.choice([0.33, 0.47, 0.2], count)]  # (B,21)
    event = during[:, :, None] & which[:, None]
    some = on.nonzero()[:, 0]  # few: only these are copied
    rays, confidence = rays.clone(), confidence.clone()
    rays[some] = torch.where(event[some][..., None], rays[some][:, :, TWIN], rays[some])
    confidence[some] = torch.where(event[some], confidence[some][:, :, TWIN], confidence[some])
    return rays, confidence


def _focal_error(noise: DetectorNoise, count: int, draw: _Draw) -> Tensor:
    """(B,1,1,1) true focal length over the assumed one."""
    ratio = torch.exp(draw.uniform(-noise.focal_spread, noise.focal_spread, count))
    return torch.where(draw.chance(noise.wrong_focal, (count,)), ratio, 1.0)[:, None, None, None]


def _interval(start: Tensor, length: Tensor, frames: int) -> Tensor:
    """(B,T) frames within start..start+length."""
    t = torch.arange(frames)
    return (t >= start[:, None]) & (t <= (start + length)[:, None])


class _Draw:
    """Random numbers from one generator."""

    def __init__(self, rng: Generator) -> None:
        self._rng = rng

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=self._rng)

    def log_uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return torch.exp(self.uniform(math.log(low), math.log(high), *shape))

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=self._rng)

    def chance(self, share: float, shape: tuple[int, ...], factor: Tensor | float = 1.0) -> Tensor:
        return torch.rand(shape, generator=self._rng) < share * factor

    def choice(self, weights: list[float], count: int) -> Tensor:
        return torch.multinomial(torch.tensor(weights), count, replacement=True, generator=self._rng)
