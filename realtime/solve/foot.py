"""Placing one foot: sole points where they are pinned or free to be, ankle above, knee between."""

from __future__ import annotations

import math
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

    def rigid(self, sole_m: float) -> Leg:
        """The leg with heel and toe so far apart; the ankle and its distances to both stay."""
        sole = sub(self.toe, self.heel)
        toe = add(self.heel, scale(sole, self.possible_sole(sole_m) / max(norm(sole), TINY)))
        shift = sub(self.ankle, ankle_over(self[2:], self.heel, toe))
        return self._replace(heel=add(self.heel, shift), toe=add(toe, shift))

    def possible_sole(self, wanted_m: float) -> float:
        """The heel-toe distance nearest to this one for which there is an ankle."""
        to_heel, to_toe = norm(sub(self.ankle, self.heel)), norm(sub(self.ankle, self.toe))
        shortest, longest = abs(to_toe - to_heel) * CLOSES[0], (to_toe + to_heel) * CLOSES[1]
        return min(max(wanted_m, shortest), max(longest, shortest))

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
    sole = _sole(leg, wanted[0], wanted[1], (heel.pin is not None, toe.pin is not None), floor_m)
    ankle = ankle_over(leg[2:], *sole)
    forward = add(scale(sub(leg.toe, leg.heel), 1.0 / max(norm(sub(leg.toe, leg.heel)), TINY)), ahead)
    knee, reached = bend_leg(leg[:3], ankle, forward)
    short = sub(reached, ankle)
    return (knee, reached, add(sole[0], short), add(sole[1], short)), sub(ankle, reached)


def _above(point: Vector, floor_m: float) -> Vector:
    return point if point[1] >= floor_m - SUNK_M else (point[0], floor_m - SUNK_M, point[2])


def _sole(
    leg: Leg, heel: Vector, toe: Vector, pinned: tuple[bool, bool], floor_m: list[float]
) -> tuple[Vector, Vector]:
    """Heel and toe at a possible distance: that of their pins, else their own. Pinned points stay."""
    apart = sub(toe, heel) if all(pinned) else sub(leg.toe, leg.heel)
    length = leg.possible_sole(norm(apart))
    if pinned[1] and not pinned[0]:
        return at_distance(toe, heel, length, floor_m[0], sub(leg.heel, leg.toe)), toe
    return heel, at_distance(heel, toe, length, floor_m[1], sub(leg.toe, leg.heel))


def at_distance(anchor: Vector, point: Vector, length: float, floor_m: float, otherwise: Vector) -> Vector:
    """The place nearest to `point` so far from `anchor` and, where possible, not below the floor."""
    apart = sub(point, anchor)
    size = norm(apart)
    if size < TINY:
        apart, size = otherwise, max(norm(otherwise), TINY)
    x, y, z = scale(apart, length / size)
    deepest = floor_m - SUNK_M - anchor[1]
    level = math.hypot(x, z)
    if y < deepest <= 0.0 and deepest * deepest < length * length and level > TINY:
        wider = math.sqrt(length * length - deepest * deepest) / level
        x, y, z = x * wider, deepest, z * wider
    return add(anchor, (x, y, z))
