"""The one place for what is known about the camera: field of view, tilt, height above the floor.

Lifter and solver read it; the solver feeds it with every solved figure. Three ways to the tilt:

given       the user said it; it stays.
measured    camera height and person height are given: the rays through eyes and ankles of an upright
            person fix the pitch (within 0.1-3° when the field of view is right).
assumed     nothing given: "up" is the running mean direction of the lifted body while it stands upright.
            Lifters underestimate pitch from 2D alone, so this only sets the world frame and is never
            told to the lifter as gravity.
"""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lifting.camera import Intrinsics, gravity_from_pitch, pitch_of_gravity, world_from_cam
from lifting.running import RunningEstimate
from lifting.skeleton import BODY21, SEALCAP26

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]

DEFAULT_CAMERA_HEIGHT_M = 1.2
EYE_HEIGHT = 0.938
"""Eyes above the sole, in statures."""
ANKLE_HEIGHT = 0.043
HEEL_TOE_HEIGHT = np.array([0.010, 0.010, 0.008, 0.008])
"""Heel and toe joints above the sole, in statures, in the order of `_FEET`."""

JUMP_M = 0.08
"""Feet further from the floor so far count less towards it."""
STEP_M = 0.3
MAX_TILT_DEG = 50.0
MIN_EVIDENCE_S = 0.5
"""So much upright standing makes a measured pitch trustworthy."""
WALKING_WEIGHT = 0.1
"""What a step counts for against standing still, where the pitch is measured."""
SEEN = 0.3

_EYES = BODY21.indices("left_eye", "right_eye")
_ANKLES = BODY21.indices("left_ankle", "right_ankle")
_FEET21 = BODY21.indices("left_heel", "right_heel", "left_toe", "right_toe")
_FEET = SEALCAP26.indices("left_heel", "right_heel", "left_toe", "right_toe")
_NECK, _PELVIS = SEALCAP26.indices("neck", "pelvis")
_HIPS = SEALCAP26.indices("left_hip", "right_hip")
_KNEES = SEALCAP26.indices("left_knee", "right_knee")
_ANKLES26 = SEALCAP26.indices("left_ankle", "right_ankle")


_COS_STRAIGHT, _COS_ALIGNED, _COS_NOT_LYING = (math.cos(math.radians(deg)) for deg in (30, 20, 45))


class Source(StrEnum):
    """Where a number comes from."""

    GIVEN = "given"
    ESTIMATED = "estimated"
    ASSUMED = "assumed"


class CameraEstimate:
    """What is known about one camera now, and from where.

    `intrinsics` may be replaced when the picture size changes; `gravity_cam` (3,) is the unit direction
    of gravity in camera axes used for the world frame.
    """

    def __init__(
        self,
        intrinsics: Intrinsics,
        *,
        fov_given: bool = False,
        pitch_deg: float | None = None,
        roll_deg: float = 0.0,
        camera_height_m: float | None = None,
        person_height_m: float | None = None,
    ) -> None:
        """Raises ValueError for a pitch outside ±80°, a camera below the floor or an impossible stature."""
        _check("camera pitch in degrees", pitch_deg, -80, 80)
        _check("camera height in metres", camera_height_m, 0, 100)
        _check("person height in metres", person_height_m, 0.5, 2.6)
        self.intrinsics = intrinsics
        self.person_height_m = person_height_m
        self._fov_given, self._pitch_deg, self._roll_deg = fov_given, pitch_deg, roll_deg
        self._given_height_m = camera_height_m
        self._pitch = RunningEstimate(0.0, memory_s=20, clip=4.0)
        self._up = RunningEstimate(-gravity_from_pitch(0.0, roll_deg), memory_s=20, clip=0.15, start_s=0.3)
        self._sole = RunningEstimate(np.zeros(3), memory_s=10, clip=np.inf)
        self._feet_seen = False
        self._time_ns: int | None = None
        self._set_gravity(gravity_from_pitch(pitch_deg or 0.0, roll_deg))

    @property
    def gravity_known(self) -> bool:
        """True when the tilt is good enough to be told to the lifter."""
        return self._pitch_deg is not None or bool(self._pitch.evidence_s >= MIN_EVIDENCE_S)

    @property
    def gravity_input(self) -> NDArray[np.float32]:
        """(4,) for the lifter: unit direction of gravity in camera axes and 1, or all 0 when unknown."""
        if not self.gravity_known:
            return np.zeros(4, np.float32)
        return np.append(self.gravity_cam, 1.0).astype(np.float32)

    @property
    def camera_height_m(self) -> float:
        """Of the lens above the floor: given, or such that standing feet rest on the floor."""
        return self._given_height_m if self._given_height_m is not None else self._height_from_feet_m

    @property
    def resting_level_m(self) -> float:
        """World height at which resting soles are seen: 0 but for errors of a given height or tilt."""
        return self.camera_height_m - self._height_from_feet_m

    @property
    def _height_from_feet_m(self) -> float:
        if not self._sole.evidence_s.any():
            return DEFAULT_CAMERA_HEIGHT_M if self._given_height_m is None else self._given_height_m
        return -float(self.R_world_from_cam[1] @ self._sole.value)

    @property
    def sources(self) -> dict[str, Source]:
        """Of `pitch`, `fov`, `person_height` and `camera_height`."""
        pitch = Source.ESTIMATED if self._pitch.evidence_s >= MIN_EVIDENCE_S else Source.ASSUMED
        height = Source.ESTIMATED if self._feet_seen else Source.ASSUMED
        return {
            "pitch": Source.GIVEN if self._pitch_deg is not None else pitch,
            "fov": Source.GIVEN if self._fov_given else Source.ASSUMED,
            "person_height": Source.GIVEN if self.person_height_m is not None else Source.ESTIMATED,
            "camera_height": Source.GIVEN if self._given_height_m is not None else height,
        }

    def to_world(self, points_cam: Floats) -> Float64:
        """Camera points (...,3) → world: Y up, floor at y = 0, the camera above the origin."""
        points = np.asarray(points_cam, np.float64) @ self.R_world_from_cam.T
        points[..., 1] += self.camera_height_m
        return points

    def update(
        self, rays: Floats, confidence: Floats, joints_cam: Floats, root_cam: Floats, time_ns: int
    ) -> None:
        """Learn from one solved figure.

        rays (21,2) x/z, y/z and confidence (21,) of BODY21; joints_cam (26,3) relative to mid-hip and
        root_cam (3,), metres; a root that is NaN teaches nothing about the floor.
        """
        dt_s = 0.0 if self._time_ns is None else (time_ns - self._time_ns) * 1e-9
        first, self._time_ns = self._time_ns is None, time_ns
        dt_s = 0.03 if first else dt_s
        if self._pitch_deg is None:
            self._learn_tilt(rays, confidence, joints_cam, dt_s)
        if np.isfinite(root_cam).all():
            self._learn_floor(confidence, joints_cam + root_cam, dt_s)

    def _learn_tilt(self, rays: Floats, confidence: Floats, joints_cam: Floats, dt_s: float) -> None:
        """Pitch from eyes and ankles when both heights are known, else "up" of the standing body."""
        stance = _stance(np.asarray(joints_cam, np.float64))
        if stance is None or -stance[0] @ self.gravity_cam < _COS_NOT_LYING:
            return
        up, still = stance
        if self.person_height_m is not None and self._given_height_m is not None:
            pitch = self._pitch_from_rays(rays, confidence, pitch_of_gravity(-up))
            if pitch is not None:
                self._pitch.add(pitch, dt_s, 1.0 if still else WALKING_WEIGHT)
                self._set_gravity(gravity_from_pitch(float(self._pitch.value), self._roll_deg))
                return
        if self.gravity_known:
            return
        if min(confidence[_ANKLES]) > SEEN:
            self._up.add(up, dt_s)
            self._set_gravity(-self._up.value)

    def _pitch_from_rays(self, rays: Floats, confidence: Floats, expected_deg: float) -> float | None:
        if min(confidence[_EYES + _ANKLES]) <= SEEN:
            return None
        stature, camera = self.person_height_m or 0.0, self.camera_height_m
        eyes = rays[_EYES].mean(axis=0, dtype=np.float64)
        ankles = rays[_ANKLES].mean(axis=0, dtype=np.float64)
        drop = camera - stature * EYE_HEIGHT, camera - stature * ANKLE_HEIGHT
        roll = self._roll_deg
        return pitch_from_upright(eyes, ankles, drop, roll_deg=roll, expected_deg=expected_deg)

    def _learn_floor(self, confidence: Floats, joints_cam: Floats, dt_s: float) -> None:
        """The lowest point of the feet rests on the floor most of the time; jumps count little, but nobody
        stands below the floor: feet a step lower make it follow within a second or two.

        The point is averaged in camera axes, so that the height follows at once when the tilt is corrected.
        """
        seen = bool(max(confidence[_FEET21]) > SEEN or max(confidence[_ANKLES]) > SEEN)
        if not seen and self._feet_seen:
            return  # feet that the network only infers say less than those once seen
        if seen and not self._feet_seen:
            self._feet_seen = True
            self._sole = RunningEstimate(np.zeros(3), memory_s=10, clip=np.inf)
        down = -self.R_world_from_cam[1]
        soles = joints_cam[_FEET] + down * (HEEL_TOE_HEIGHT * (self.person_height_m or 1.7))[:, None]
        lowest = soles[np.argmax(soles @ down)]
        below_m = float((lowest - self._sole.value) @ down) if self._sole.evidence_s.any() else 0.0
        if below_m > STEP_M:
            self._sole.evidence_s = np.minimum(self._sole.evidence_s, 0.5)
        self._sole.add(lowest, dt_s, JUMP_M / max(-below_m, JUMP_M))

    def _set_gravity(self, direction: Float64) -> None:
        self.gravity_cam = direction / np.linalg.norm(direction)
        self.R_world_from_cam = world_from_cam(self.gravity_cam)


def pitch_from_upright(
    upper: Floats,
    lower: Floats,
    drop_m: tuple[float, float],
    *,
    roll_deg: float = 0.0,
    expected_deg: float = 0.0,
) -> float | None:
    """Degrees a camera looks down, from two points of a vertical line.

    `upper` and `lower` (2,) are their rays x/z, y/z; `drop_m` how far each lies below the camera, metres.
    Both points have the same horizontal depth, so with t = tan(pitch)
    a (1 - u t)(l + t) = b (1 - l t)(u + t), a quadratic in t. Returns the solution that puts both in
    front of the camera, of two the one nearer to `expected_deg`, or None where there is none.
    """
    c, s = np.cos(np.radians(roll_deg)), np.sin(np.radians(roll_deg))
    u, low = float(s * upper[0] + c * upper[1]), float(s * lower[0] + c * lower[1])
    a, b = drop_m
    quadratic, linear, constant = b * low - a * u, (a - b) * (1 - u * low), a * low - b * u
    discriminant = linear**2 - 4 * quadratic * constant
    if discriminant < 0 or linear == 0:
        return None
    q = -0.5 * (linear + np.copysign(np.sqrt(discriminant), linear))
    roots = [constant / q, *([q / quadratic] if abs(quadratic) > 1e-9 else [])]
    limit = np.tan(np.radians(MAX_TILT_DEG))
    fit = [t for t in roots if abs(t) < limit and b * (low + t) > 0 and 1 - low * t > 0 and 1 - u * t > 0]
    pitches = [math.degrees(math.atan(t)) for t in fit]
    return min(pitches, key=lambda deg: abs(deg - expected_deg), default=None)


def _stance(joints: Float64) -> tuple[Float64, bool] | None:
    """Unit direction ankles → neck (3,) of a figure that stands or walks, else None. Frame-free.

    The flag says that it stands still enough for its ankles to lie straight below its eyes: both legs
    straight and near each other.
    """
    hips, knees, ankles = joints[_HIPS], joints[_KNEES], joints[_ANKLES26]
    middle = ankles.sum(axis=0) / 2
    legs, trunk, up = joints[_PELVIS] - middle, joints[_NECK] - joints[_PELVIS], joints[_NECK] - middle
    tall = _length(up)
    bends = [_cosine(knees[i] - hips[i], ankles[i] - knees[i]) for i in (0, 1)]
    apart = ankles[0] - ankles[1]
    spread = _length(apart - up * (apart @ up) / (tall * tall)) / tall
    if max(bends) < _COS_STRAIGHT or _cosine(legs, trunk) < _COS_ALIGNED or spread > 0.5:
        return None
    return up / tall, min(bends) > _COS_STRAIGHT and spread < 0.25


def _cosine(a: Float64, b: Float64) -> float:
    return float(a @ b) / max(_length(a) * _length(b), 1e-12)


def _length(a: Float64) -> float:
    return math.sqrt(a @ a)


def _check(what: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not low <= value <= high:
        raise ValueError(f"{what} must lie between {low} and {high}, got {value}")
