"""One foot of the robot on the floor: where the person's rests, the robot's stays put, sole on the floor.

While heel or toe are in contact, the point of the robot's sole that is (heel, toe or the middle between)
keeps its place; the free target may drift away from it by a few centimetres, since hips of other width turn
about the same middle. What was drifted is given back while the foot is in the air.
"""

from __future__ import annotations

import numpy as np

from realtime.retarget.anatomy import Leg
from realtime.solve.quaternions import Float64, from_matrix, same_sign, to_matrix, unit

CONTACT = 0.5
MOST_DRIFT_M = 0.08
"""Further a planted foot does not stay behind; it is dragged along then."""
GIVE_BACK_S = 0.12
LAND_S, FLATTEN_S = 0.05, 0.08
"""How fast a foot in contact comes down to the floor, and its sole onto it."""


class FootPlant:
    """The target of one foot from frame to frame."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self.reset()

    def reset(self) -> None:
        """Forget where it stood."""
        self._touching: tuple[bool, bool] = (False, False)
        self._anchor = np.zeros(2)
        self._shift = np.zeros(2)
        self._down = self._flat = 0.0
        self._started = False

    def update(self, ankle: Float64, R: Float64, contacts: Float64, dt_s: float) -> tuple[Float64, Float64]:
        """The free target of the ankle (3,) and of its rotation from standing (3,3), contacts of heel and toe
        (2,) → the target's (3,) and the rotation of the ankle's link (3,3)."""
        heel, toe = bool(contacts[0] > CONTACT), bool(contacts[1] > CONTACT)
        self._ease(heel, toe, dt_s)
        R_foot = _flattened(R, self._flat) @ self._leg.R_ankle
        point = self._touching_point(heel, toe, R_foot)
        self._hold((heel, toe), (ankle + point)[:2], dt_s)
        out = ankle.copy()
        out[:2] += self._shift
        lowest = min((R_foot @ self._leg.heel)[2], (R_foot @ self._leg.toe)[2]) + out[2]
        out[2] -= lowest * self._down if lowest > 0 else lowest
        return out, R_foot

    def _ease(self, heel: bool, toe: bool, dt_s: float) -> None:
        """Coming down and flattening take a moment, but for the very first frame."""
        down, flat = float(heel or toe), float(heel and toe)
        if not self._started:
            self._down, self._flat, self._started = down, flat, True
        self._down += (down - self._down) * (1 - np.exp(-dt_s / LAND_S))
        self._flat += (flat - self._flat) * (1 - np.exp(-dt_s / FLATTEN_S))

    def _touching_point(self, heel: bool, toe: bool, R_foot: Float64) -> Float64:
        """(3,) from the ankle to what touches, in the world."""
        if heel and not toe:
            return R_foot @ self._leg.heel
        if toe and not heel:
            return R_foot @ self._leg.toe
        return np.asarray(R_foot @ (self._leg.heel + self._leg.toe) / 2)

    def _hold(self, touching: tuple[bool, bool], free: Float64, dt_s: float) -> None:
        if not any(touching):
            self._shift *= np.exp(-dt_s / GIVE_BACK_S)
        else:
            if touching != self._touching:
                self._anchor = free + self._shift
            shift = self._anchor - free
            far = float(np.linalg.norm(shift)) / MOST_DRIFT_M
            self._shift = shift / max(far, 1.0)
            self._anchor = free + self._shift
        self._touching = touching


def _flattened(R: Float64, share: float) -> Float64:
    """A foot's rotation (3,3) on the way to the one about the vertical alone."""
    if share < 1e-3:
        return R
    heading = np.arctan2(R[1, 0], R[0, 0])
    level = np.array([0.0, 0.0, np.sin(heading / 2), np.cos(heading / 2)])
    q = same_sign(from_matrix(R), level)
    return to_matrix(unit((1 - share) * q + share * level))
