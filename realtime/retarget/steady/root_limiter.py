"""The base of a floating robot: speed and acceleration, straight and turning, limited as one vector each.

As for joints, limits hold for differences of what is published, one period apart. There is no range: the
room is not known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from realtime.retarget.robot_pose import Float64
from realtime.retarget.steady.limiter import MARGIN, tracking_velocity
from realtime.retarget.steady.rotation import between, turned


@dataclass(frozen=True, slots=True)
class RootLimits:
    """What the base may do; all four are lengths of vectors."""

    velocity: float = 2.5
    """Metres per second: somebody who runs a little."""
    acceleration: float = 12.0
    """Metres per second squared: a little more than falling."""
    angular_velocity: float = 5.0
    """Radians per second."""
    angular_acceleration: float = 40.0
    """Radians per second squared."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value) or value <= 0:
                raise ValueError(f"{field.name} of the root must be a positive number, got {value}")


class RootLimiter:
    """Where the base is and how it moves."""

    def __init__(self, limits: RootLimits, position: Float64, rotation: Float64, period_s: float) -> None:
        """Begins at rest. `position` (3,) metres, `rotation` (4,) xyzw."""
        self.position: Float64 = position.astype(np.float64)
        self.rotation: Float64 = rotation / np.linalg.norm(rotation)
        self._period_s = period_s
        self._straight = _Vector(limits.velocity, limits.acceleration, period_s)
        self._turning = _Vector(limits.angular_velocity, limits.angular_acceleration, period_s)

    @property
    def at_rest(self) -> bool:
        """True when nothing moves."""
        return not (self._straight.velocity.any() or self._turning.velocity.any())

    def follow(
        self, position: Float64, rotation: Float64, velocity: Float64, spin: Float64, scale: float = 1.0
    ) -> None:
        """One tick towards a base that is there now, and moves so (m/s, rad/s)."""
        self._straight.follow(position - self.position, velocity, scale)
        self._turning.follow(between(self.rotation, rotation), spin, scale)
        self._move()

    def brake(self) -> None:
        """One tick towards rest."""
        self._straight.brake()
        self._turning.brake()
        self._move()

    def _move(self) -> None:
        if self._straight.velocity.any():
            self.position = self.position + self._straight.velocity * self._period_s
        if self._turning.velocity.any():
            self.rotation = turned(self.rotation, self._turning.velocity * self._period_s)


class _Vector:
    """A velocity (3,) whose length and change are limited."""

    def __init__(self, speed: float, acceleration: float, period_s: float) -> None:
        self.velocity: Float64 = np.zeros(3)
        self._speed, self._period_s = speed * (1 - MARGIN), period_s
        self._step = acceleration * period_s * (1 - MARGIN)

    def follow(self, error: Float64, lead: Float64, scale: float) -> None:
        lead = _no_longer(np.where(np.isfinite(lead), lead, 0.0), self._speed)
        error = np.where(np.isfinite(error), error, 0.0)
        wanted = tracking_velocity(self.velocity, error, lead, self._period_s)
        ahead = error - lead * self._period_s
        wanted = lead + self._no_overshoot(wanted - lead, ahead, scale * self._step)
        self._change(_no_longer(wanted, scale * self._speed), scale * self._step)

    def brake(self) -> None:
        self._change(np.zeros(3), self._step)

    def _no_overshoot(self, approach: Float64, ahead: Float64, step: float) -> Float64:
        """Not faster towards the target than can be braked before it."""
        distance = _length(ahead)
        if distance < 1e-9:
            return approach
        towards = ahead / distance
        speed, most = float(approach @ towards), _stopping_speed(distance, step, self._period_s)
        return approach - towards * max(0.0, speed - most)

    def _change(self, wanted: Float64, step: float) -> None:
        """The second cut cannot undo the first: moving two points into a ball moves them no further apart."""
        self.velocity = _no_longer(self.velocity + _no_longer(wanted - self.velocity, step), self._speed)


def _stopping_speed(distance: float, step: float, period_s: float) -> float:
    """`limiter.stopping_speed` for one number."""
    ticks = distance / period_s
    n = max(math.ceil((math.sqrt(1 + 8 * ticks / step) - 1) / 2), 1)
    return ticks / n + step * (n - 1) / 2


def _length(vector: Float64) -> float:
    return math.sqrt(float(vector @ vector))


def _no_longer(vector: Float64, most: float) -> Float64:
    length = _length(vector)
    return vector if length <= most else vector * (most / length)
