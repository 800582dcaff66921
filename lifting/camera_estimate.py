"""The one place for what is known about the camera: field of view, tilt, height above the floor.

Lifter and solver read it; the solver feeds it with every solved figure. What the user gave stays. The rest is
learned from people who stand or walk and from the picture:

tilt            from vertical lines in the picture (`lifting.plumb_lines`) and from standing people as the
                lifter sees them (`lifting.tilt_probe`), brought together in `lifting.tilt_grid`; better when
                heights are known or people walk to and fro (`lifting.upright`). Told to the lifter with its
                standard deviation. Without either it is "up" of the lifted body, for the world frame only.
                When the pitch is given, the same evidence tells the roll; feet that walk across the picture
                do as well (`lifting.level_floor`).
field of view   60° until the evidence tells it from the tilt, which mostly takes a given pitch.
height          such that standing feet rest on the floor (`lifting.floor`).
"""

from __future__ import annotations

import math
from dataclasses import replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lifting.camera import Intrinsics, gravity_from_pitch, gravity_trust, world_from_cam
from lifting.floor import FloorEstimate
from lifting.level_floor import LevelFloor
from lifting.skeleton import BODY21
from lifting.stance import stance_of
from lifting.tilt_evidence import TiltEvidence
from lifting.upright import Belief, UprightPeople

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]

DEFAULT_CAMERA_HEIGHT_M = 1.2
ANKLE_HEIGHT, SHOULDER_HEIGHT = 0.043, 0.81
"""Above the sole, in statures."""
WALKING_WEIGHT = 0.3
"""What a frame of walking counts for against one of standing still."""
SEEN = 0.3
FIRST_STEP_S = 0.03
GLIDE_S, FOV_GLIDE_S = 0.4, 3.0
"""Time constants with which the direction of gravity and the focal length follow what was learned."""
REFIT_S = 1.0
"""Between two evaluations of the evidence;"""
HASTE_S = 1.0
"""every time there is something new until so much standing has been seen."""

UNKNOWN_SD_DEG = 10.0
"""A tilt less certain than this is assumed, not estimated."""
FOV_SD = 0.15
"""Of the logarithm of the focal length, when the field of view is assumed;"""
FOV_KNOWN_SD = 0.1
"""what it must fall to for the field of view to count as estimated."""
CAMERA_HEIGHT_M, CAMERA_HEIGHT_SD, GIVEN_HEIGHT_SD = 1.25, 1.2, 0.02
"""Of the camera above the ankles when nobody says it, and standard deviations of the logarithm."""
SHOULDERS_M, SHOULDERS_SD_M, GIVEN_SHOULDERS_SD_M = 1.26, 0.085, 0.02
"""Of shoulders above ankles, when the stature is not known and when it is."""

_SHOULDERS = BODY21.indices("left_shoulder", "right_shoulder")
_ANKLES = BODY21.indices("left_ankle", "right_ankle")
_PAIRS = _SHOULDERS + _ANKLES
_COS_NOT_LYING = math.cos(math.radians(45))


class Source(StrEnum):
    """Where a number comes from."""

    GIVEN = "given"
    ESTIMATED = "estimated"
    ASSUMED = "assumed"


class CameraEstimate:
    """What is known about one camera now, and from where.

    `intrinsics` change slowly when the field of view is refined; `gravity_cam` (3,) is the unit direction of
    gravity in camera axes used for the world frame, `R_world_from_cam` (3,3) follows from it.
    """

    def __init__(
        self,
        intrinsics: Intrinsics,
        *,
        fov_given: bool = False,
        pitch_deg: float | None = None,
        roll_deg: float | None = None,
        camera_height_m: float | None = None,
        person_height_m: float | None = None,
    ) -> None:
        """Raises ValueError for a pitch outside ±80°, a camera below the floor or an impossible stature."""
        _check("camera pitch in degrees", pitch_deg, -80, 80)
        _check("camera height in metres", camera_height_m, 0, 100)
        _check("person height in metres", person_height_m, 0.5, 2.6)
        self.intrinsics = intrinsics
        self.person_height_m = person_height_m
        self._assumed, self._fov_given, self._log_k = intrinsics, fov_given, 0.0
        self._pitch_deg = pitch_deg
        self._given_height_m = camera_height_m
        self._set_gravity(gravity_from_pitch(pitch_deg or 0.0, roll_deg or 0.0))
        self._evidence = TiltEvidence(pitch_deg, roll_deg, self.gravity_cam)
        self._upright, self._floor = UprightPeople(), FloorEstimate()
        self._tilt = self._evidence.best(self._focal_sd)
        self._belief = self._before()
        self._target: Float64 | None = None
        self._time_ns: int | None = None
        self._since_fit_s = math.inf

    @property
    def tilt_sd_deg(self) -> float:
        """Standard deviation of `gravity_cam` about a horizontal axis, the mean of pitch and roll; infinite
        while it is only assumed. A given pitch leaves the roll."""
        return math.hypot(self.pitch_sd_deg, self._tilt.roll_sd_deg) / math.sqrt(2.0)

    @property
    def pitch_sd_deg(self) -> float:
        """Standard deviation of the pitch alone: 0 when it was given, infinite while it is assumed."""
        if self._pitch_deg is not None:
            return 0.0
        sd_deg = math.degrees(self._belief.sd[0])
        return sd_deg if sd_deg < UNKNOWN_SD_DEG else math.inf

    @property
    def gravity_known(self) -> bool:
        """True when the tilt is given or estimated, so that the lifter is told."""
        return not math.isinf(self.tilt_sd_deg)

    @property
    def gravity_input(self) -> NDArray[np.float32]:
        """(4,) for the lifter: unit direction of gravity in camera axes and how far to trust it, or all 0."""
        if not self.gravity_known:
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
        drop_m = self._floor.drop_m(-self.R_world_from_cam[1])
        if drop_m is not None:
            return drop_m
        return DEFAULT_CAMERA_HEIGHT_M if self._given_height_m is None else self._given_height_m

    @property
    def sources(self) -> dict[str, Source]:
        """Of `pitch`, `fov`, `person_height` and `camera_height`."""
        return {
            "pitch": _source(self._pitch_deg is not None, self.gravity_known),
            "fov": _source(self._fov_given, self._log_k != 0.0),
            "person_height": _source(self.person_height_m is not None, True),
            "camera_height": self.camera_height_source,
        }

    @property
    def camera_height_source(self) -> Source:
        """As in `sources`."""
        return _source(self._given_height_m is not None, self._floor.feet_seen)

    def to_world(self, points_cam: Floats) -> Float64:
        """Camera points (...,3) → world: Y up, floor at y = 0, the camera above the origin."""
        points = np.asarray(points_cam, np.float64) @ self.R_world_from_cam.T
        points[..., 1] += self.camera_height_m
        return points

    def probe_due(self, time_ns: int) -> bool:
        """Whether `learn_tilt` wants another look; never when pitch and roll were given."""
        return not self._evidence.all_given and self._evidence.probe.due(time_ns)

    def lines_due(self, time_ns: int) -> bool:
        """Whether `learn_lines` wants another picture; never when pitch and roll were given."""
        return not self._evidence.all_given and self._evidence.lines.due(time_ns)

    def learn_lines(self, lines_px: Floats, time_ns: int) -> None:
        """Learn from straight lines (L,4) x1, y1, x2, y2 in a picture, in pixels."""
        rays = self.intrinsics.rays(np.asarray(lines_px).reshape(-1, 2)).reshape(-1, 2, 2)
        self._evidence.lines.add(rays[:, 0], rays[:, 1], time_ns)
        self._since_fit_s = math.inf

    def learn_tilt(self, joints_cam: Floats, confidence: Floats, time_ns: int) -> None:
        """Learn from people (P,26,3) as the lifter sees them that was told nothing about gravity;
        confidence (P,21) of BODY21 in their newest frame."""
        if self._evidence.probe.add(joints_cam, confidence, time_ns):
            # it was seen by a camera that stood otherwise
            self._upright, self._floor.level = UprightPeople(), LevelFloor()
            self._evidence.lines.forget()
        if self._evidence.probe.evidence_s < HASTE_S:
            self._since_fit_s = math.inf

    def update(
        self,
        rays: Floats,
        confidence: Floats,
        joints_cam: Floats,
        root_cam: Floats,
        time_ns: int,
        person_id: int = 0,
    ) -> None:
        """Learn from one solved figure.

        rays (21,2) x/z, y/z and confidence (21,) of BODY21; joints_cam (26,3) relative to mid-hip and
        root_cam (3,), metres; a root that is NaN teaches nothing about the floor. `person_id`
        because people are of different height.
        """
        dt_s = FIRST_STEP_S if self._time_ns is None else max((time_ns - self._time_ns) * 1e-9, 0.0)
        self._time_ns = time_ns
        self._learn_upright(rays, confidence, joints_cam, dt_s, person_id)
        self._since_fit_s += dt_s
        if self._since_fit_s >= REFIT_S:
            self._refit()
        self._glide(dt_s)
        if np.isfinite(root_cam).all():
            down = -self.R_world_from_cam[1]
            joints_cam = joints_cam + root_cam
            self._floor.learn(confidence, joints_cam, down, self.person_height_m, dt_s, person_id)

    def _learn_upright(
        self, rays: Floats, confidence: Floats, joints_cam: Floats, dt_s: float, person_id: int
    ) -> None:
        """Where ankles and shoulders of a standing body are seen, and its "up" while there is no better."""
        shoulders, ankles = (min(confidence[pair].tolist()) > SEEN for pair in (_SHOULDERS, _ANKLES))
        if not ankles or dt_s <= 0.0:
            return
        stance = stance_of(joints_cam)
        if stance is None or -stance.up @ self.gravity_cam < _COS_NOT_LYING:
            return
        self._evidence.learn_lifted(stance.up, dt_s)
        if shoulders:
            level = rays[_PAIRS] @ (self.gravity_cam[:2] / math.hypot(*self.gravity_cam[:2].tolist()))
            upper, lower = (
                level.reshape(2, 2).mean(axis=1) * (self.intrinsics.fy / self._assumed.fy)
            ).tolist()
            weight = 1.0 if stance.still else WALKING_WEIGHT
            self._upright.of(person_id).add(lower, upper, dt_s * weight)

    def _before(self) -> Belief:
        """What is known about the unknowns of `lifting.upright` without its evidence."""
        camera_m, stature_m = self._given_height_m, self.person_height_m
        ankle_m = ANKLE_HEIGHT * (stature_m or 1.7)
        height = (CAMERA_HEIGHT_M, CAMERA_HEIGHT_SD)
        if camera_m is not None:
            height = max(camera_m - ankle_m, 0.05), GIVEN_HEIGHT_SD
        shoulders = (SHOULDERS_M, SHOULDERS_SD_M)
        if stature_m is not None:
            shoulders = (SHOULDER_HEIGHT - ANKLE_HEIGHT) * stature_m, GIVEN_SHOULDERS_SD_M
        pitch_deg, pitch_sd_deg = self._tilt.pitch_deg, self._tilt.pitch_sd_deg
        value = [math.radians(pitch_deg), 0.0, math.log(height[0]), shoulders[0]]
        sd = [math.radians(pitch_sd_deg), self._focal_sd, height[1], shoulders[1]]
        return Belief(np.array(value), np.array(sd))

    @property
    def _focal_sd(self) -> float:
        return 1e-3 if self._fov_given else FOV_SD

    def _refit(self) -> None:
        """All evidence at once; a new direction of gravity to glide to."""
        floor_roll = self._floor.level.roll(self.gravity_cam, self.pitch_sd_deg)
        self._tilt = self._evidence.best(self._focal_sd, floor_roll)
        self._belief, self._since_fit_s = self._upright.update(self._before()), 0.0
        if self._evidence.all_given:
            return
        pitch_deg = math.degrees(self._belief.value[0]) if self._pitch_deg is None else self._pitch_deg
        direction = gravity_from_pitch(pitch_deg, self._tilt.roll_deg)
        if self._target is None:
            self._set_gravity(direction)  # the first one at once
        self._target = direction

    def _glide(self, dt_s: float) -> None:
        """The world must not jump when something becomes known better."""
        if self._target is not None:
            share = -math.expm1(-dt_s / GLIDE_S)
            self._set_gravity(self.gravity_cam + share * (self._target - self.gravity_cam))
        if not self._fov_given and (self._belief.sd[1] < FOV_KNOWN_SD or self._log_k != 0.0):
            self._log_k += -math.expm1(-dt_s / FOV_GLIDE_S) * (float(self._belief.value[1]) - self._log_k)
            zoom = math.exp(-self._log_k)
            self.intrinsics = replace(self._assumed, fx=self._assumed.fx * zoom, fy=self._assumed.fy * zoom)

    def _set_gravity(self, direction: Float64) -> None:
        self.gravity_cam = direction / np.linalg.norm(direction)
        self.R_world_from_cam = world_from_cam(self.gravity_cam)


def _source(given: bool, estimated: bool) -> Source:
    if given:
        return Source.GIVEN
    return Source.ESTIMATED if estimated else Source.ASSUMED


def _check(what: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not low <= value <= high:
        raise ValueError(f"{what} must lie between {low} and {high}, got {value}")
