"""Does a figure stand, and which way is up for it?"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import SEALCAP26

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]

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


def _cosine(a: Float64, b: Float64) -> float:
    return float(a @ b) / max(_length(a) * _length(b), 1e-12)


def _length(a: Float64) -> float:
    return math.sqrt(a @ a)
