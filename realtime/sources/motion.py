"""What the synthetic figure does: a smooth routine as a function of time, so that any rate shows the same.

In order: stand, walk once round a circle, turn a full turn on the spot, sit down and get up, wave. The
root's path over the floor comes first; feet are planted where the root is in the middle of each stance
and fly from plant to plant, so they neither slide nor sink in. Walking, turning and standing are thereby
one rule: a foot whose next plant is where it stands does not lift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROUTINE_S = 26.0
"""Length of the routine; it ends as it began and starts again."""
WALK_S, TURN_S, SIT_S, RISE_S, WAVE_S = (1.0, 9.0), (9.0, 15.5), (16.5, 18.0), (19.5, 21.0), (21.5, 25.0)
CIRCLE_RADIUS_M = 0.75
CYCLE_S = 0.9
"""One step of each foot."""
STANCE = 0.62
"""Part of the cycle in which a foot stands."""
HIP_HALF_WIDTH, SEAT_BACK, SEAT_DROP, WALK_DROP = 0.053, 0.21, 0.235, 0.026
"""Fractions of stature: foot from the middle, way back and down to the seat, lower pelvis when walking."""
LIFT_M, SWING_PITCH = 0.11, 0.45


@dataclass(frozen=True)
class Foot:
    """Where one foot is. Metres, radians."""

    ankle: Floats
    """(3,) world, with y above the height of the ankle of a standing foot."""
    yaw: float
    pitch: float
    """Positive = toes down."""


@dataclass(frozen=True)
class Posture:
    """All that the figure's joints follow from. Angles in radians."""

    pelvis: Floats
    """(3,) world; y is relative to standing height."""
    yaw: float
    """Heading: 0 faces world +Z, positive turns to the person's left."""
    lean: float
    """Trunk bent forward."""
    twist: float
    """Chest turned to the left against the pelvis."""
    swing: float
    """Left arm forward, right arm back, -1..1."""
    sit: float
    """0 stands, 1 sits."""
    wave: float
    """0 right arm hangs, 1 right arm is up."""
    wave_angle: float
    """Forearm to and fro while waving."""
    left: Foot
    right: Foot


def posture(time_s: float, stature_m: float) -> Posture:
    """The posture at a time. Twice continuously differentiable but for the moments a foot touches down."""
    t = time_s % ROUTINE_S
    x, z, yaw = _root(t)
    sit = _step(t, SIT_S) - _step(t, RISE_S)
    moving = _window(t, WALK_S, 0.8) + 0.5 * _window(t, TURN_S, 0.8)
    stride = _window(t, WALK_S, 0.8) * np.sin(2 * np.pi * t / CYCLE_S - 0.3 * np.pi)
    wave = _window(t, WAVE_S, 0.9)
    back = -SEAT_BACK * stature_m * sit
    down = -stature_m * (SEAT_DROP * sit + WALK_DROP * moving)
    breath = 0.01 * np.sin(2 * np.pi * t / 6.5)
    bow = 16 * (sit * (1 - sit)) ** 2
    return Posture(
        pelvis=np.array([x + back * np.sin(yaw), down, z + back * np.cos(yaw)]),
        yaw=yaw,
        lean=0.05 + breath + 0.05 * moving + 0.55 * bow,
        twist=0.08 * stride,
        swing=-0.45 * stride,
        sit=sit,
        wave=wave,
        wave_angle=0.4 * wave * np.sin(2 * np.pi * 1.2 * (t - WAVE_S[0])),
        left=_foot(t, stature_m, 1, 0.0),
        right=_foot(t, stature_m, -1, 0.5),
    )


def _root(t: float) -> tuple[float, float, float]:
    """Floor position x, z and heading, without sitting. The circle lies behind the starting point."""
    round_ = 2 * np.pi * _ramp(t, WALK_S)
    # Heading must be tangent to the circle while walking: turn a quarter while starting, back while ending.
    tangent = 0.5 * np.pi * (_step(t, (WALK_S[0], WALK_S[0] + 1.6)) - _step(t, (WALK_S[1] - 1.6, WALK_S[1])))
    x = CIRCLE_RADIUS_M * np.sin(round_)
    z = CIRCLE_RADIUS_M * (np.cos(round_) - 1)
    return x, z, round_ + tangent - 2 * np.pi * _ramp(t, TURN_S)


def _foot(t: float, stature_m: float, side: int, phase: float) -> Foot:
    """`side` is 1 for left, -1 for right; `phase` shifts its cycle."""
    cycles = t / CYCLE_S + phase
    number, part = int(np.floor(cycles)), float(cycles % 1.0)
    here, yaw = _plant(number, stature_m, side, phase)
    if part <= STANCE:
        return Foot(here, yaw, 0.0)
    there, next_yaw = _plant(number + 1, stature_m, side, phase)
    u = (part - STANCE) / (1 - STANCE)
    travel = np.hypot(*(there - here)[[0, 2]]) + 0.3 * abs(next_yaw - yaw)
    effort = 1 - np.exp(-((travel / 0.12) ** 2))
    bump = np.sin(np.pi * u) ** 2
    ankle = here + _smooth(u) * (there - here)
    ankle[1] = LIFT_M * effort * bump
    pitch = SWING_PITCH * effort * bump * np.sin(2 * np.pi * u)
    return Foot(ankle, yaw + _smooth(u) * (next_yaw - yaw), float(pitch))


def _plant(number: int, stature_m: float, side: int, phase: float) -> tuple[Floats, float]:
    """Floor position and heading of a foot in its stance `number`: where the root is in the middle of it."""
    middle = (number + 0.5 * STANCE - phase) * CYCLE_S
    x, z, yaw = _root(float(np.clip(middle, 0.0, ROUTINE_S)))
    out = side * HIP_HALF_WIDTH * stature_m
    return np.array([x + out * np.cos(yaw), 0.0, z - out * np.sin(yaw)]), yaw


def _smooth(u: float) -> float:
    """0 → 1 with flat first and second derivatives at both ends."""
    u = min(max(u, 0.0), 1.0)
    return u**3 * (u * (6 * u - 15) + 10)


def _step(t: float, span: tuple[float, float]) -> float:
    return _smooth((t - span[0]) / (span[1] - span[0]))


def _window(t: float, span: tuple[float, float], edge_s: float) -> float:
    """0 outside a span, 1 inside, with soft edges inside it."""
    start, end = span
    return _step(t, (start, start + edge_s)) - _step(t, (end - edge_s, end))


def _ramp(t: float, span: tuple[float, float], edge: float = 0.25) -> float:
    """0 → 1 over a span at constant speed, but for soft starting and stopping."""
    u = min(max((t - span[0]) / (span[1] - span[0]), 0.0), 1.0)
    if u > 0.5:
        return 1 - _rise(1 - u, edge)
    return _rise(u, edge)


def _rise(u: float, edge: float) -> float:
    """Integral of a speed that grows smoothly to its full value within `edge`."""
    x = min(u / edge, 1.0)
    gained = edge * (x**3 - x**4 / 2)
    return (gained + max(0.0, u - edge)) / (1 - edge)
