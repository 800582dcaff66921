"""Rotations of the base: quaternions xyzw and rotation vectors (axis times angle, radians), world axes."""

from __future__ import annotations

import math

import numpy as np

from realtime.retarget.robot_pose import Float64
from realtime.solve.quaternions import conjugate, multiply


def turned(q: Float64, rotvec: Float64) -> Float64:
    """`q` turned further by `rotvec`, of unit length."""
    angle = math.sqrt(float(rotvec @ rotvec))
    share = 0.5 if angle < 1e-8 else math.sin(angle / 2) / angle
    moved = multiply(np.append(share * rotvec, math.cos(angle / 2)), q)
    return moved / math.sqrt(float(moved @ moved))


def between(start: Float64, end: Float64) -> Float64:
    """(3,) rotation vector of the shortest turn from `start` to `end`: turned(start, it) is `end`."""
    x, y, z, w = multiply(end, conjugate(start))
    sine = math.sqrt(x * x + y * y + z * z)
    if sine < 1e-12:
        return np.zeros(3)
    angle = 2 * math.atan2(sine, abs(w))
    return np.array([x, y, z]) * (math.copysign(angle, w) / sine)
