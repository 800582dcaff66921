"""Rotations as quaternions (x, y, z, w) in plain Python: what is needed before Blender comes into it."""

from __future__ import annotations

import math

Vec = tuple[float, float, float]
Quat = tuple[float, float, float, float]

IDENTITY: Quat = (0.0, 0.0, 0.0, 1.0)


def multiply(a: Quat, b: Quat) -> Quat:
    """First b, then a."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def inverse(q: Quat) -> Quat:
    """Of a unit quaternion."""
    return -q[0], -q[1], -q[2], q[3]


def rotate(q: Quat, v: Vec) -> Vec:
    """The vector turned by q."""
    x, y, z, w = q
    vx, vy, vz = v
    tx, ty, tz = 2 * (y * vz - z * vy), 2 * (z * vx - x * vz), 2 * (x * vy - y * vx)
    return (
        vx + w * tx + y * tz - z * ty,
        vy + w * ty + z * tx - x * tz,
        vz + w * tz + x * ty - y * tx,
    )


def unit(q: Quat) -> Quat | None:
    """The same rotation with length 1; None for what is none (not finite, or of no length)."""
    length = math.sqrt(sum(c * c for c in q))
    if not 1e-6 < length < 1e6:  # also false for NaN
        return None
    return q[0] / length, q[1] / length, q[2] / length, q[3] / length


def slerp(a: Quat, b: Quat, share: float) -> Quat:
    """From a (share 0) to b (share 1) the shorter way round."""
    cos = sum(p * q for p, q in zip(a, b, strict=True))
    sign = 1.0 if cos >= 0 else -1.0
    angle = math.acos(min(abs(cos), 1.0))
    if angle < 1e-4:
        wa, wb = 1 - share, sign * share
    else:
        wa = math.sin((1 - share) * angle) / math.sin(angle)
        wb = sign * math.sin(share * angle) / math.sin(angle)
    mixed = (wa * a[0] + wb * b[0], wa * a[1] + wb * b[1], wa * a[2] + wb * b[2], wa * a[3] + wb * b[3])
    return unit(mixed) or a


def add(a: Vec, b: Vec) -> Vec:
    """a + b."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def subtract(a: Vec, b: Vec) -> Vec:
    """a - b."""
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def mix(a: Vec, b: Vec, share: float) -> Vec:
    """The point `share` of the way from a to b."""
    return (
        a[0] + share * (b[0] - a[0]),
        a[1] + share * (b[1] - a[1]),
        a[2] + share * (b[2] - a[2]),
    )
