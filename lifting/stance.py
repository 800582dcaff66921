"""Does a figure stand, and which way is up for it? And the tilt of a camera that sees a vertical line."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import SEALCAP26

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]

MAX_TILT_DEG = 50.0
WIDEST_STEP, STANDING_STEP = 0.5, 0.25
"""Ankles further apart than this share of the height neck - ankles: no upright pose; walking."""
COS_STRAIGHT, COS_ALIGNED = (math.cos(math.radians(deg)) for deg in (30, 20))
"""A leg bent less is straight; legs and trunk further apart are no upright body."""

_NECK, _PELVIS = SEALCAP26.indices("neck", "pelvis")
_HIPS = SEALCAP26.indices("left_hip", "right_hip")
_KNEES = SEALCAP26.indices("left_knee", "right_knee")
_ANKLES = SEALCAP26.indices("left_ankle", "right_ankle")


class Stance(NamedTuple):
    """A figure that stands or walks."""

    up: Float64
    """(3,) unit direction ankles → neck."""
    still: bool
    """It stands still enough for its ankles to lie straight below its eyes: both legs straight and close."""


def stance_of(joints: Floats) -> Stance | None:
    """Stance of joints (26,3) in any axes; None when the figure does not stand upright in itself."""
    points = np.asarray(joints, np.float64)
    hips, knees, ankles = points[_HIPS], points[_KNEES], points[_ANKLES]
    middle = ankles.sum(axis=0) / 2
    legs, trunk, up = points[_PELVIS] - middle, points[_NECK] - points[_PELVIS], points[_NECK] - middle
    tall = _length(up)
    bends = [_cosine(knees[i] - hips[i], ankles[i] - knees[i]) for i in (0, 1)]
    apart = ankles[0] - ankles[1]
    spread = _length(apart - up * (apart @ up) / max(tall * tall, 1e-12)) / max(tall, 1e-6)
    upright = max(bends) >= COS_STRAIGHT and _cosine(legs, trunk) >= COS_ALIGNED and spread <= WIDEST_STEP
    if not upright:  # also for NaN
        return None
    return Stance(up / tall, min(bends) > COS_STRAIGHT and spread < STANDING_STEP)


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


def _cosine(a: Float64, b: Float64) -> float:
    return float(a @ b) / max(_length(a) * _length(b), 1e-12)


def _length(a: Float64) -> float:
    return math.sqrt(a @ a)
