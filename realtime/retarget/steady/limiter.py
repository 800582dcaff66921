"""Joints that follow a target and break no limit at any tick, now or later.

Limits hold for finite differences of the positions as published, with the period T of the output:
v[k] = (p[k] - p[k-1]) / T and a[k] = (v[k] - v[k-1]) / T. A joint at speed v that brakes with full
acceleration A, one step of u = A T a tick, still travels T (v + (v - u) + (v - 2u) + ...). No velocity is
chosen whose way to rest would end outside the range; so braking is always allowed, and no later tick can be
forced to break a limit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from realtime.retarget.robot_pose import Float64, JointLimits

FREQUENCY_RAD_S = 35.0
"""Natural frequency of the tracking: an error is gone after about 5 / 35 s."""
MARGIN = 1e-6
"""Share of velocity and acceleration left to the rounding of whoever takes differences."""

Guard = Callable[[Float64, Float64, Float64, Float64], Float64]
"""Positions, the velocities that are wanted, the least and the most that limits allow, (N,) each → velocities
at which nothing meets."""


class JointLimiter:
    """State of all joints: `position` and `velocity`, (N,) each."""

    def __init__(
        self, limits: JointLimits, start: Float64, period_s: float, guard: Guard | None = None
    ) -> None:
        """Begins at rest in `start`, inside the limits. Raises ValueError where it is not (N,) finite."""
        if start.shape != limits.lower.shape or not np.isfinite(start).all():
            raise ValueError(f"start must hold {len(limits.names)} finite numbers, got {start}")
        self.position: Float64 = np.clip(start.astype(np.float64), limits.lower, limits.upper)
        self.velocity: Float64 = np.zeros_like(self.position)
        self._lower, self._upper, self._period_s = limits.lower, limits.upper, period_s
        self._guard = guard
        self._speed = limits.velocity * (1 - MARGIN)
        self._step = limits.acceleration * (period_s * (1 - MARGIN))
        """Change of velocity in a tick, at most."""

    @property
    def at_rest(self) -> bool:
        """True when nothing moves."""
        return not self.velocity.any()

    def follow(self, target: Float64, target_velocity: Float64, scale: float = 1.0) -> None:
        """One tick towards where the target is now. Numbers that are not finite keep that joint where it is.

        `scale` in 0..1 lowers speed and acceleration that are used, not the limits that are kept.
        """
        here = np.isfinite(target)
        target = np.clip(np.where(here, target, self.position), self._lower, self._upper)
        lead = np.where(here & np.isfinite(target_velocity), target_velocity, 0.0)
        lead = np.clip(lead, -self._speed, self._speed)
        error = target - self.position
        wanted = tracking_velocity(self.velocity, error, lead, self._period_s)
        step = scale * self._step
        ahead = error - lead * self._period_s
        most = stopping_speed(np.abs(ahead), step, self._period_s)
        wanted = np.where(ahead > 0, np.minimum(wanted, lead + most), np.maximum(wanted, lead - most))
        wanted = np.clip(wanted, -scale * self._speed, scale * self._speed)
        wanted = self.velocity + np.clip(wanted - self.velocity, -step, step)
        if self._guard is not None:
            wanted = self._guard(self.position, wanted, *self._allowed())
        self._move(wanted)

    def brake(self) -> None:
        """One tick towards rest, with all the acceleration there is."""
        self._move(np.zeros_like(self.velocity))

    def _allowed(self) -> tuple[Float64, Float64]:
        """The least and the most velocity after which no limit need ever be broken."""
        up = stopping_speed(self._upper - self.position, self._step, self._period_s)
        down = stopping_speed(self.position - self._lower, self._step, self._period_s)
        most = np.minimum(np.minimum(self.velocity + self._step, self._speed), up)
        least = np.maximum(np.maximum(self.velocity - self._step, -self._speed), -down)
        return least, most

    def _move(self, wanted: Float64) -> None:
        """The allowed velocity that is nearest to the one that is wanted."""
        least, most = self._allowed()
        self.velocity = np.minimum(np.maximum(wanted, least), most)
        moved = self.position + self.velocity * self._period_s
        self.position = np.clip(moved, self._lower, self._upper)


def tracking_velocity(velocity: Float64, error: Float64, lead: Float64, period_s: float) -> Float64:
    """Next velocity of a critically damped follower: no lag behind a target of constant velocity `lead`.

    `error`: target at this tick minus own position at the last. Backward Euler, so stable at every rate.
    """
    w, t = FREQUENCY_RAD_S, period_s
    pull = w * w * (error - t * velocity) + 2 * w * (lead - velocity)
    return velocity + t * pull / (1 + w * t) ** 2


def stopping_speed(distance: Float64, step: Float64, period_s: float) -> Float64:
    """The highest speed from which braking by `step` a tick ends within `distance`, this tick included.

    From speed v in ((n-1) step, n step] the way is T (n v - step n (n-1) / 2); this is its inverse.
    """
    ticks = np.maximum(distance, 0.0) / period_s
    n = np.maximum(np.ceil((np.sqrt(1 + 8 * ticks / step) - 1) / 2), 1.0)
    speed: Float64 = ticks / n + step * (n - 1) / 2
    return speed
