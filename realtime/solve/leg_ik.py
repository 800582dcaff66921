"""Geometry of one leg in plain floats: where the ankle is above a placed sole, and the knee between.

Single 3-vectors are several times faster as tuples than as small arrays.
"""

from __future__ import annotations

import math

Vector = tuple[float, float, float]
ZERO: Vector = (0.0, 0.0, 0.0)

SOFT_SHARE = 0.985
"""A leg is not stretched beyond this share of its length without resistance ..."""
LONGEST_SHARE = 0.9995
"""... and never beyond this one, unless the pose itself does: a knee near straight moves by centimetres
for millimetres of the ankle."""
FOLDED_SHARE = 0.02
KNEE_STRAIGHT_M, KNEE_BENT_M = 0.01, 0.05
"""Distance of the knee from the line hip-ankle: below the first it tells no bend plane, above the second
it alone tells it."""
TINY = 1e-9


def add(a: Vector, b: Vector) -> Vector:
    """a + b"""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def sub(a: Vector, b: Vector) -> Vector:
    """a - b"""
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def scale(a: Vector, k: float) -> Vector:
    """k a"""
    return k * a[0], k * a[1], k * a[2]


def dot(a: Vector, b: Vector) -> float:
    """a · b"""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def norm(a: Vector) -> float:
    """|a|"""
    return math.sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2])


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _unit(a: Vector, otherwise: Vector) -> Vector:
    size = norm(a)
    return scale(a, 1.0 / size) if size > TINY else otherwise


def _across(a: Vector, axis: Vector) -> Vector:
    """The part of a at right angles to the unit axis."""
    k = dot(a, axis)
    return a[0] - k * axis[0], a[1] - k * axis[1], a[2] - k * axis[2]


def _swung(a: Vector, before: Vector, after: Vector) -> Vector:
    """a turned by the smallest rotation that takes the unit vector `before` to `after`."""
    axis, cos = _cross(before, after), dot(before, after)
    if cos < -0.999:
        return scale(a, -1.0)
    return add(add(scale(a, cos), _cross(axis, a)), scale(axis, dot(axis, a) / (1.0 + cos)))


def ankle_over(foot: tuple[Vector, Vector, Vector], heel: Vector, toe: Vector) -> Vector:
    """Ankle that keeps its distances to heel and toe when these two are placed anew.

    `foot` is ankle, heel, toe before. Exact where the triangle closes; else heel keeps its distance.
    """
    a, h, t = foot
    before, up = sub(t, h), sub(a, h)
    e = _unit(before, (0.0, 0.0, 1.0))
    apart = sub(toe, heel)
    d, to_heel, to_toe = norm(apart), norm(up), norm(sub(a, t))
    if d < TINY:
        return add(heel, up)
    e_new = scale(apart, 1.0 / d)
    along = (to_heel * to_heel - to_toe * to_toe + d * d) / (2.0 * d)
    along = min(max(along, -to_heel), to_heel)
    rise = math.sqrt(max(to_heel * to_heel - along * along, 0.0))
    side = _unit(_swung(_across(up, e), e, e_new), (0.0, 1.0, 0.0))
    return add(heel, add(scale(e_new, along), scale(side, rise)))


def bend_leg(leg: tuple[Vector, Vector, Vector], ankle: Vector, forward: Vector) -> tuple[Vector, Vector]:
    """Knee and ankle of a leg (hip, knee, ankle) whose ankle is moved to `ankle` as far as it reaches.

    Thigh and shank keep their lengths, the knee its bend plane; one that was straight bends `forward`.
    """
    hip, old_knee, old_ankle = leg
    thigh, shank = norm(sub(old_knee, hip)), norm(sub(old_ankle, old_knee))
    old_line, line = sub(old_ankle, hip), sub(ankle, hip)
    old_reach = norm(old_line)
    u = _unit(old_line, (0.0, -1.0, 0.0))
    u_new = _unit(line, u)
    reach = _reach(norm(line), old_reach, thigh, shank)
    along = (thigh * thigh - shank * shank + reach * reach) / (2.0 * max(reach, TINY))
    height = math.sqrt(max(thigh * thigh - along * along, 0.0))
    bend = _across(sub(old_knee, hip), u)
    old_height = norm(bend)
    bend = _swung(bend, u, u_new)
    vague = (KNEE_BENT_M - old_height) / (KNEE_BENT_M - KNEE_STRAIGHT_M)
    if vague > 0.0 and height > old_height:
        ahead = _unit(_across(forward, u_new), ZERO)
        bend = add(bend, scale(ahead, min(vague, 1.0) * (height - old_height)))
    aside = _unit(_across(bend, u_new), _any_across(u_new))
    knee = add(hip, add(scale(u_new, along), scale(aside, height)))
    return knee, add(hip, scale(u_new, reach))


def _reach(wanted: float, old: float, thigh: float, shank: float) -> float:
    """Distance hip-ankle: as wanted, but softly held below a straight leg, and possible at all."""
    full = thigh + shank
    easy = max(SOFT_SHARE * full, old)
    if wanted > easy:
        room = LONGEST_SHARE * full - easy
        wanted = easy + room * -math.expm1((easy - wanted) / room) if room > TINY else easy
    return max(wanted, min(abs(thigh - shank) + FOLDED_SHARE * full, old))


def _any_across(axis: Vector) -> Vector:
    other = (1.0, 0.0, 0.0) if abs(axis[0]) < 0.7 else (0.0, 0.0, 1.0)
    return _unit(_across(other, axis), (0.0, 0.0, 1.0))
