"""Critically damped following: no overshoot, no jump of velocity, any step length."""

from __future__ import annotations

import math


def follow(
    value: float, rate: float, target: float, stiffness: float, dt_s: float, fastest: float = math.inf
) -> tuple[float, float]:
    """Value and rate after `dt_s` (exact for a resting target), moved by at most `fastest` per second.

    `stiffness` per second: 95 % of the way are done after 4.7 of its inverse.
    """
    if dt_s <= 0:
        return value, rate
    decay, gap = math.exp(-stiffness * dt_s), value - target
    push = rate + stiffness * gap
    new, new_rate = target + (gap + push * dt_s) * decay, (rate - stiffness * push * dt_s) * decay
    limit = fastest * dt_s
    if abs(new - value) <= limit:
        return new, min(max(new_rate, -fastest), fastest)
    step = math.copysign(limit, new - value)
    return value + step, math.copysign(fastest, step)
