"""Placing one foot: sole points where they are pinned or free to be, ankle above, knee between."""

from __future__ import annotations

from typing import NamedTuple

from realtime.solve.leg_ik import TINY, Vector, add, ankle_over, bend_leg, norm, scale, sub
from realtime.solve.sole_point import SolePoint

SUNK_M = 0.004
"""A sole may be this far below the floor before it is lifted; straight knees would bend for every one."""
CLOSES = (1.02, 0.98)
"""Margins on the shortest and longest heel-toe distance for which an ankle exists."""


class Leg(NamedTuple):
    """World places of one leg's joints."""

    hip: Vector
    knee: Vector
    ankle: Vector
    heel: Vector
    toe: Vector

    def moved(self, by: Vector) -> Leg:
        """The leg, shifted."""
        return Leg(*(add(joint, by) for joint in self))


def place_foot(
    leg: Leg, heel: SolePoint, toe: SolePoint, floor_m: list[float], ahead: Vector
) -> tuple[tuple[Vector, Vector, Vector, Vector], Vector] | None:
    """Knee, ankle, heel, toe with the sole points at their offsets and none below `floor_m` (heel, toe);
    and by how much the leg is too short for that.

    `ahead` is where a straight knee may bend to. None where nothing has to be moved.
    """
    wanted = [_above(add(leg.heel, heel.offset), floor_m[0]), _above(add(leg.toe, toe.offset), floor_m[1])]
    if wanted[0] == leg.heel and wanted[1] == leg.toe:
        return None
    sole = _sole(leg, wanted[0], wanted[1], heel.pin is not None, toe.pin is not None)
    ankle = ankle_over(leg[2:], *sole)
    forward = add(scale(sub(leg.toe, leg.heel), 1.0 / max(norm(sub(leg.toe, leg.heel)), TINY)), ahead)
    knee, reached = bend_leg(leg[:3], ankle, forward)
    short = sub(reached, ankle)
    return (knee, reached, add(sole[0], short), add(sole[1], short)), sub(ankle, reached)


def _above(point: Vector, floor_m: float) -> Vector:
    return point if point[1] >= floor_m - SUNK_M else (point[0], floor_m - SUNK_M, point[2])


def _sole(leg: Leg, heel: Vector, toe: Vector, heel_pinned: bool, toe_pinned: bool) -> tuple[Vector, Vector]:
    """Heel and toe at a possible distance: their own, or that of their pins. Pinned points stay."""
    to_heel, to_toe = norm(sub(leg.ankle, leg.heel)), norm(sub(leg.ankle, leg.toe))
    shortest, longest = abs(to_toe - to_heel) * CLOSES[0], (to_toe + to_heel) * CLOSES[1]
    apart = sub(toe, heel)
    d = norm(apart)
    own = d if heel_pinned and toe_pinned else norm(sub(leg.toe, leg.heel))
    length = min(max(own, shortest), max(longest, shortest))
    if d < TINY:
        apart, d = sub(leg.toe, leg.heel), max(norm(sub(leg.toe, leg.heel)), TINY)
    missing = scale(apart, (length - d) / d)
    if heel_pinned:
        return heel, add(toe, missing)
    if toe_pinned:
        return sub(heel, missing), toe
    return sub(heel, scale(missing, 0.5)), add(toe, scale(missing, 0.5))
