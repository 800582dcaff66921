"""Soles of a turned skeleton put where they belong: rotations alone leave them a centimetre away.

A foot is rigid for rotations, and what joints can do is limited; so bones that follow the joints of a figure
end up near them, not on them. For a foot at rest that is a slide. Here each leg is bent once more so that its
sole lies where the figure has it; the foot keeps its orientation. Plain floats: two legs are too few for
arrays.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES, SEALCAP26
from realtime.solve.leg_ik import TINY, Vector, add, bend_leg, norm, scale, sub
from realtime.solve.plain_turns import Quaternion, multiply

Float64 = NDArray[np.float64]

NEAR_M = 2e-4
"""A sole this near to its place is left alone."""
FREE = 0.05
"""What a point that is free counts against one that is held."""

_LEGS = [
    SEALCAP26.indices(*(f"{side}_{part}" for part in ("hip", "knee", "ankle", "heel", "toe")))
    for side in ("left", "right")
]
_ROWS = np.array(_LEGS)
_BONES = np.array(
    [
        [BONES.index(part) for part in ("Hips", f"{side}UpperLeg", f"{side}LowerLeg", f"{side}Foot")]
        for side in ("Left", "Right")
    ]
)


def put_soles(local: Float64, joints: Float64, wanted: Float64, held: list[bool]) -> None:
    """Change `local` (21,4) and `joints` (26,3), which say the same, so that soles are where `wanted` (26,3)
    has them: exactly a heel or toe that alone is `held` (4), in the order of `CONTACTS`; else both equally
    well."""
    places, goals = joints[_ROWS].tolist(), wanted[_ROWS].tolist()
    for i in (0, 1):
        hip, knee, ankle, heel, toe = map(tuple, places[i])
        off = _off((heel, toe), goals[i][3:], held[2 * i : 2 * i + 2])
        if norm(off) < NEAR_M:
            continue
        forward = sub(toe, heel)
        forward = scale(forward, 1.0 / max(norm(forward), TINY))
        new_knee, new_ankle = bend_leg((hip, knee, ankle), add(ankle, off), forward)
        moved = sub(new_ankle, ankle)
        joints[_ROWS[i, 1:]] = new_knee, new_ankle, add(heel, moved), add(toe, moved)
        thigh = _swing(sub(knee, hip), sub(new_knee, hip))
        shank = _swing(sub(ankle, knee), sub(new_ankle, new_knee))
        _turn_leg(local, _BONES[i], thigh, shank)


def _off(points: tuple[Vector, Vector], goals: list[list[float]], held: list[bool]) -> Vector:
    """From a sole's points to their goals, held ones first."""
    u, v = (1.0 if on else FREE for on in held)
    heel, toe = (sub((g[0], g[1], g[2]), p) for p, g in zip(points, goals, strict=True))
    return scale(add(scale(heel, u), scale(toe, v)), 1.0 / (u + v))


def _turn_leg(local: Float64, bones: NDArray[np.intp], thigh: Quaternion, shank: Quaternion) -> None:
    """Turn thigh and shank in the world, leave the foot's orientation; rewrite the three local rotations.

    `bones`: hips, thigh, shank, foot.
    """
    rows: list[Quaternion] = local[bones].tolist()
    hips = rows[0]
    upper = multiply(hips, rows[1])
    lower = multiply(upper, rows[2])
    after = (multiply(thigh, upper), multiply(shank, lower), multiply(lower, rows[3]))
    parents = (hips, *after[:2])
    local[bones[1:]] = [multiply((-p[0], -p[1], -p[2], p[3]), q) for p, q in zip(parents, after, strict=True)]


def _swing(a: Vector, b: Vector) -> Quaternion:
    """The smallest turn of a's direction onto b's."""
    size = max(norm(a) * norm(b), TINY)
    x, y, z = a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
    w = size + a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    n = math.sqrt(x * x + y * y + z * z + w * w)
    return (x / n, y / n, z / n, w / n) if n > TINY else (0.0, 0.0, 0.0, 1.0)
