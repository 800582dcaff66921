"""Directions that give way to others along arcs, never through the middle of the circle.

Bones that are blended point by point get short, and where old and new point apart their direction flips in
one frame. So what is shown is what is seen, turned by rotation vectors that fade like a critically damped
spring: from rest by (1 + ωt) exp(-ωt).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from realtime.solve.quaternions import cross, length, unit

Float64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

FASTEST = 5.0
"""Radians per second: what has far to go takes longer for it."""
FADED = 1e-3


class FadingTurns:
    """Turns (N,3) of N directions from what is seen to what is shown, on their way to none."""

    def __init__(self, count: int) -> None:
        self._turn, self._rate = np.zeros((count, 3)), np.zeros((count, 3))
        self._quickness = np.ones(count)

    def __bool__(self) -> bool:
        """True while any of them is under way."""
        return bool(self._turn.any())

    def left(self) -> Float64:
        """(N,) radians still to go."""
        return length(self._turn)

    def begin(
        self, which: Bools, seen: Float64, shown: Float64, speed: Float64, quickness: float | Float64
    ) -> None:
        """Start those of `which` (N,) anew: unit vectors (N,3) seen and shown, the latter's speed (N,3) in
        1/s, and ω in 1/s."""
        turn = turn_between(seen, shown)
        # From rest the greatest speed is angle × ω / e.
        slower = np.minimum(quickness, math.e * FASTEST / np.maximum(length(turn), 1e-9))
        self._turn = np.where(which[:, None], turn, self._turn)
        self._rate = np.where(which[:, None], cross(shown, speed), self._rate)
        self._quickness = np.where(which, slower, self._quickness)

    def end(self, which: Bools) -> None:
        """No turn any more for those of `which` (N,)."""
        self._turn = np.where(which[:, None], 0.0, self._turn)
        self._rate = np.where(which[:, None], 0.0, self._rate)

    def fade(self, dt_s: float) -> None:
        """Let `dt_s` seconds pass."""
        self._turn, self._rate = spring(self._turn, self._rate, self._quickness[:, None], dt_s)
        self.end(np.abs(self._turn).max(axis=1) < FADED)

    def apply(self, seen: Float64) -> Float64:
        """What is shown of the directions (N,3) seen now."""
        return turned(seen, self._turn) if self else seen


def spring(y: Float64, v: Float64, omega: float | Float64, dt_s: float) -> tuple[Float64, Float64]:
    """A critically damped spring after `dt_s` seconds, exact for steps of any length: offset and speed."""
    decay = np.exp(-omega * dt_s)
    pull = v + omega * y
    return (y + pull * dt_s) * decay, (v - omega * pull * dt_s) * decay


def turn_between(a: Float64, b: Float64) -> Float64:
    """Rotation vectors (...,3) of the smallest turns from unit vectors a to unit vectors b."""
    axis = cross(a, b)
    sine = length(axis)
    any_axis = cross(a, np.eye(3)[np.argmin(np.abs(a), axis=-1)])
    angle = np.arctan2(sine, np.vecdot(a, b))
    turn: Float64 = unit(np.where(sine[..., None] > 1e-9, axis, any_axis)) * angle[..., None]
    return turn


def turned(a: Float64, turn: Float64) -> Float64:
    """Vectors (...,3) turned by rotation vectors (...,3)."""
    angle = length(turn)[..., None]
    k = turn / np.maximum(angle, 1e-12)
    along = k * np.vecdot(k, a)[..., None]
    out: Float64 = along + np.cos(angle) * (a - along) + np.sin(angle) * cross(k, a)
    return out
