"""Through a gap: where a figure is taken to be while nobody sees it, and what that is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.data import State
from realtime.solve.quaternions import length

Float64 = NDArray[np.float64]

EXTRAPOLATION_S = 0.1
"""A lost figure goes on for at most this long at its last velocity, braking all the while."""
FASTEST_M_S = 2.0
"""No joint and no root is extrapolated faster: the last frames before a loss are often the worst."""


@dataclass(frozen=True)
class Sight:
    """A figure as it was when last seen: metres and metres per second, camera axes."""

    time_ns: int
    joints_cam: Float64
    """(26,3) relative to mid-hip."""
    joints_velocity: Float64
    """(26,3)"""
    root_cam: Float64 | None
    """(3,) None where the distance was unknown."""
    root_velocity: Float64
    """(3,)"""


@dataclass(frozen=True)
class Guess:
    """Where the figure is taken to be now."""

    state: State
    joints_cam: Float64
    """(26,3) relative to mid-hip; links are not of constant length."""
    root_cam: Float64 | None
    """(3,)"""
    trust: float
    """Factor 0..1 on confidences: 1 at the last sight, 0 when lost."""
    rest: float
    """How far to ease to a pose of rest, where that is wished: 0 until long HELD, 1 when LOST."""


@dataclass(frozen=True)
class Coasting:
    """PREDICTED (braking from the last velocity), then HELD (standing still), then LOST, then gone."""

    predict_s: float
    """Since the last sight, until when it is PREDICTED,"""
    hold_s: float
    """until when it is HELD,"""
    lost_s: float
    """and for how long it is reported as LOST after that."""

    def guess(self, sight: Sight, time_ns: int) -> Guess | None:
        """The figure at `time_ns`; None when it is gone for good."""
        unseen_s = max((time_ns - sight.time_ns) * 1e-9, 0.0)
        state = self._state(unseen_s)
        if state is None:
            return None
        ahead_s = EXTRAPOLATION_S * -math.expm1(-min(unseen_s, self.predict_s) / EXTRAPOLATION_S)
        joints = sight.joints_cam + _at_most(sight.joints_velocity, FASTEST_M_S) * ahead_s
        root = sight.root_cam
        root = None if root is None else root + _at_most(sight.root_velocity, FASTEST_M_S) * ahead_s
        trust = max(1.0 - unseen_s / self.hold_s, 0.0)
        return Guess(state, joints, root, trust, self._rest(unseen_s))

    def _rest(self, unseen_s: float) -> float:
        """A smooth step over the second half of the time in which the figure is HELD."""
        begin = 0.5 * (self.predict_s + self.hold_s)
        x = min(max((unseen_s - begin) / max(self.hold_s - begin, 1e-6), 0.0), 1.0)
        return x * x * (3.0 - 2.0 * x)

    def _state(self, unseen_s: float) -> State | None:
        if unseen_s <= self.predict_s:
            return State.PREDICTED
        if unseen_s <= self.hold_s:
            return State.HELD
        return State.LOST if unseen_s <= self.hold_s + self.lost_s else None


def _at_most(velocity: Float64, limit: float) -> Float64:
    """Velocities (...,3), the fast ones shortened to `limit`."""
    return velocity * np.minimum(1.0, limit / np.maximum(length(velocity), 1e-9))[..., None]
