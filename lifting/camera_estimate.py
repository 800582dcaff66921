"""The one place for what is known about the camera: field of view, tilt, height above the floor.

Lifter and solver read it; the solver feeds it with every solved figure. Three ways to the tilt:

given       the user said it; it stays.
measured    camera height and person height are given: the rays through eyes and ankles of an upright
            person fix the pitch (within 0.1-3° when the field of view is right).
probed      nothing given: "up" as the lifter sees it without the ears (`lifting.tilt_probe`), averaged; it is
            told back to the lifter with its uncertainty.
assumed     before that, and for a solver without probes: the mean direction of the lifted body while it
            stands upright. It sets the world frame only.
"""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lifting.camera import (
    Intrinsics,
    gravity_from_pitch,
    gravity_trust,
    pitch_of_gravity,
    world_from_cam,
)
from lifting.running import RunningEstimate
from lifting.skeleton import BODY21, SEALCAP26
from lifting.stance import pitch_from_upright, stance_of
from lifting.tilt_probe import TiltProbe

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
GIVEN_SD_DEG, MEASURED_SD_DEG = 0.0, 2.0
"""Standard deviation of a given tilt and of one measured from heights."""
GLIDE_S = 0.4
"""Time constant with which `gravity_cam` follows what was learned."""
MIN_EVIDENCE_S = 0.5
"""So much upright standing makes a measured pitch trustworthy."""
WALKING_WEIGHT = 0.1
"""What a step counts for against standing still, where the pitch is measured."""
SEEN = 0.3

_EYES = BODY21.indices("left_eye", "right_eye")
_ANKLES = BODY21.indices("left_ankle", "right_ankle")
_FEET21 = BODY21.indices("left_heel", "right_heel", "left_toe", "right_toe")
_FEET = SEALCAP26.indices("left_heel", "right_heel", "left_toe", "right_toe")
_COS_NOT_LYING = math.cos(math.radians(45))


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
        self._probe = TiltProbe()
        self._sole = RunningEstimate(np.zeros(3), memory_s=10, clip=np.inf)
        self._feet_seen = False
        self._time_ns: int | None = None
        self._target: Float64 | None = None
        self._set_gravity(gravity_from_pitch(pitch_deg or 0.0, roll_deg))

    @property
    def tilt_sd_deg(self) -> float:
        """Standard deviation of `gravity_cam`; infinite while it is only assumed."""
        if self._pitch_deg is not None:
            return GIVEN_SD_DEG
        if self._measured:
            return MEASURED_SD_DEG
        return self._probe.sd_deg if self._probe.up is not None else math.inf

    @property
    def gravity_known(self) -> bool:
        """True when the tilt is good enough to be trusted by the lifter by half or more."""
        return gravity_trust(self.tilt_sd_deg) >= 0.5

    @property
    def gravity_input(self) -> NDArray[np.float32]:
        """(4,) for the lifter: unit direction of gravity in camera axes and how far to trust it, or all 0."""
        if math.isinf(self.tilt_sd_deg):
            return np.zeros(4, np.float32)
        return np.append(self.gravity_cam, gravity_trust(self.tilt_sd_deg)).astype(np.float32)

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
        pitch = Source.ASSUMED if math.isinf(self.tilt_sd_deg) else Source.ESTIMATED
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

    def probe_due(self, time_ns: int) -> bool:
        """Whether `learn_tilt` wants another look; never when the tilt was given."""
        return self._pitch_deg is None and self._probe.due(time_ns)

    def learn_tilt(self, joints_cam: Floats, confidence: Floats, time_ns: int) -> None:
        """Learn from people (P,26,3) whom the lifter saw `without_ears` and told nothing about gravity;
        confidence (P,21) of BODY21 in their newest frame."""
        self._probe.add(joints_cam, confidence, time_ns)
        if self._probe.up is not None and self._pitch_deg is None and not self._measured:
            self._turn_to(-self._probe.up)

    @property
    def _measured(self) -> bool:
        return bool(self._pitch.evidence_s >= MIN_EVIDENCE_S)

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
            self._learn_upright(rays, confidence, joints_cam, dt_s)
            self._glide(dt_s)
        if np.isfinite(root_cam).all():
            self._learn_floor(confidence, joints_cam + root_cam, dt_s)

    def _learn_upright(self, rays: Floats, confidence: Floats, joints_cam: Floats, dt_s: float) -> None:
        """Pitch from eyes and ankles when both heights are known, else "up" of the standing body."""
        stance = stance_of(joints_cam)
        if stance is None or -stance[0] @ self.gravity_cam < _COS_NOT_LYING:
            return
        up, still = stance
        if self.person_height_m is not None and self._given_height_m is not None:
            pitch = self._pitch_from_rays(rays, confidence, pitch_of_gravity(-up))
            if pitch is not None:
                self._pitch.add(pitch, dt_s, 1.0 if still else WALKING_WEIGHT)
                self._turn_to(gravity_from_pitch(float(self._pitch.value), self._roll_deg))
                return
        if self._measured or self._probe.up is not None:
            return
        if min(confidence[_ANKLES]) > SEEN:
            self._up.add(up, dt_s)
            self._turn_to(-self._up.value)

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

    def _turn_to(self, direction: Float64) -> None:
        """From now on glide to this direction; the first one is taken at once."""
        if self._target is None:
            self._set_gravity(direction)
        self._target = direction / np.linalg.norm(direction)

    def _glide(self, dt_s: float) -> None:
        """The world must not jump when the tilt becomes known better."""
        if self._target is not None:
            share = -math.expm1(-max(dt_s, 0.0) / GLIDE_S)
            self._set_gravity(self.gravity_cam + share * (self._target - self.gravity_cam))

    def _set_gravity(self, direction: Float64) -> None:
        self.gravity_cam = direction / np.linalg.norm(direction)
        self.R_world_from_cam = world_from_cam(self.gravity_cam)


def _check(what: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not low <= value <= high:
        raise ValueError(f"{what} must lie between {low} and {high}, got {value}")
