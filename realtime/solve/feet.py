"""Feet on the floor: held where they were put down, never below, let go without a jump.

Every heel and toe in contact is pinned; between contacts its offset fades. The body as a whole is moved
smoothly by what the pinned feet agree on, so that the legs (two-bone, lengths and bend plane kept) need to
give only the rest. A foot may roll: its heel is pinned first, then its toe, then the toe alone. In a jump
nothing is pinned and the pelvis goes where it was seen. A correction of floor or tilt moves the world under
the feet: small ones leave a pinned foot where it stands, jumps carry it along.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import CONTACTS, SEALCAP26
from realtime.solve.confidence import SEEN
from realtime.solve.follower import follow
from realtime.solve.foot import SUNK_M, Leg, at_distance, place_foot
from realtime.solve.ground import Ground
from realtime.solve.leg_ik import ZERO, Vector, add, norm, scale, sub
from realtime.solve.sole_point import SolePoint

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]
FootMode = Literal["auto", "always", "never", "ground"]

REST_HEIGHT = (0.010, 0.008, 0.010, 0.008)
"""Of resting `CONTACTS` above the floor, in statures."""
FAR_M = {"auto": 0.25, "always": 0.35}
"""A pinned point is dragged along so that it stays nearer than this to where its leg would have it;"""
TORN = 2.0
"""so many times further away it is let go."""
CARRY_M = {"auto": 0.30, "always": 1.00, "ground": 0.0}
"""The body is moved sideways by at most this much for its feet."""
ASK = {"auto": (0.75, 0.2), "always": (1.0, 1.0), "ground": (0.0, 0.0)}
"""Share of the sideways shift asked for by one foot that a body takes, standing and walking: lifted strides
are too long or too short, and a body that followed them would walk away from where it is seen."""
WALKING_M_S, WALKING_S = (0.2, 0.4), 0.25
"""A body slower than the first stands, one faster than the second walks; smoothing of its speed."""
RESTED_M = 0.03
"""A torn lock may close again when its offset is this small."""
STIFFNESS, STEADY_STIFFNESS, STEADY_S = 16.0, 60.0, 0.3
"""How closely the body follows its feet sideways: loosely when another point was just pinned or let go, so
that it moves smoothly; so long after that closely, so that legs keep the pose they were seen in."""
UP_STIFFNESS = 15.0
"""The same upwards; not closer, since a jump begins while its feet still count as in contact."""
LEVEL_FADE, UP_FADE = 5.0, 6.0
"""How fast the body goes back to where it was seen when no foot asks for anything."""
CARRIED_M_S = 0.1
"""World corrections that move a pin faster than this carry it along."""

_SOLE = np.array(SEALCAP26.indices(*CONTACTS))
_LEGS = np.array(
    [
        SEALCAP26.indices(*(f"{side}_{part}" for part in ("hip", "knee", "ankle", "heel", "toe")))
        for side in ("left", "right")
    ]
)
_MOVED = _LEGS[:, 1:]


class FootLock:
    """Foot lock of one person.

    auto    feet in contact are pinned; let go when the pull gets strong
    always  the same, stronger: for performers who stand
    ground  nothing is pinned, but no foot goes below the floor
    never   joints pass unchanged
    """

    def __init__(self, mode: FootMode = "auto") -> None:
        self.mode = mode
        self.reset()

    def reset(self) -> None:
        """Forget all pins and offsets."""
        self._points = [SolePoint() for _ in CONTACTS]
        self._shift: Vector = ZERO
        self._rate: Vector = ZERO
        self._short = [ZERO, ZERO]
        self._vague_m = 0.0
        self._pinned: list[bool] = []
        self._unchanged_s = 0.0
        self._place: Vector | None = None
        self._velocity = (0.0, 0.0)
        self._ground: Ground | None = None

    def change(self, mode: FootMode) -> None:
        """Another mode from the next frame on; pins and offsets of the old one are forgotten."""
        self.mode = mode
        self.reset()

    @property
    def held(self) -> list[bool] | None:
        """Which of `CONTACTS` are pinned; None where feet are nobody's business."""
        return None if self.mode == "never" else [point.pin is not None for point in self._points]

    def update(
        self,
        joints_world: Float64,
        contacts: Float64,
        confidence: Floats,
        dt_s: float,
        ground: Ground,
        stature_m: float,
        soles_m: list[float] | None = None,
    ) -> Float64:
        """World joints (26,3), contacts (4,), confidence (26,), seconds since the last frame → (26,3).

        `soles_m`: heel-toe distances of the person's feet, left and right; None = as in the figure.
        """
        if self.mode == "never":
            return joints_world
        up, level = ground.correction_m, ground.corrected()
        floor_m = [max(level.level_m, 0.0) + rest * stature_m for rest in REST_HEIGHT]
        self._vague_m = ground.vague_m(joints_world[0])
        first = self._ground is None
        self._carry(level, dt_s)
        legs = [_leg(rows, up) for rows in joints_world[_LEGS].tolist()]
        if soles_m is not None:
            legs = [leg.rigid(sole_m) for leg, sole_m in zip(legs, soles_m, strict=True)]
        self._watch(legs[0].hip, dt_s)
        if self.mode != "ground" and not first and dt_s > 0:
            moved = [leg.moved(self._shift) for leg in legs]
            self._hold(moved, contacts.tolist(), floor_m, dt_s, soles_m is not None)
        seen = (np.maximum(confidence[_SOLE[::2]], confidence[_SOLE[1::2]]) >= SEEN).tolist()
        if first or dt_s > 0:
            self._move_body(legs, seen, floor_m, dt_s, first)
        return self._applied(joints_world, [leg.moved(self._shift) for leg in legs], floor_m, up)

    def lifted(self, joints_world: Float64) -> Float64:
        """World joints (26,3) raised so that no foot is below y = 0: limits of joints may have turned one."""
        lowest = float(joints_world[_SOLE, 1].min())
        if self.mode == "never" or self._ground is None or lowest >= 0.0:
            return joints_world
        return np.asarray(joints_world - (0.0, lowest, 0.0))

    def _carry(self, ground: Ground, dt_s: float) -> None:
        """Take pins along when the world frame jumps."""
        before, self._ground = self._ground, ground
        pinned = [p for p in self._points if p.pin is not None]
        if before is None or not pinned or ground.same_frame(before):
            return
        old = np.array([p.pin for p in pinned])
        new = ground.carry(old, before)
        if np.abs(new - old).max() > CARRIED_M_S * dt_s:
            for point, (x, y, z) in zip(pinned, new.tolist(), strict=True):
                point.pin = x, y, z

    def _hold(
        self, legs: list[Leg], contacts: list[float], floor_m: list[float], dt_s: float, rigid: bool
    ) -> None:
        """Pin what is in contact, let go what is not."""
        for i, leg in enumerate(legs):
            pair = self._points[2 * i : 2 * i + 2]
            for point, where, on, rest_m in zip(
                pair, leg[3:], contacts[2 * i :], floor_m[2 * i :], strict=False
            ):
                if on > 0 and not point.tired:
                    point.hold(where, rest_m, dt_s, self._vague_m, self._shift[1])
            if rigid:
                _tie(pair, leg, floor_m[2 * i : 2 * i + 2])
            self._let_go(pair, contacts[2 * i : 2 * i + 2], dt_s)

    def _let_go(self, pair: list[SolePoint], contacts: list[float], dt_s: float) -> None:
        """Drag or open pins that are pulled too hard; fade the offsets of a foot's points that are free."""
        pins = [p.offset for p in pair if p.pin is not None]
        worst = max(pins, key=norm, default=ZERO)
        excess = norm(worst) / FAR_M[self.mode]
        for point in pair:
            if excess > TORN:
                point.tear()
            elif excess > 1.0:
                point.drag(scale(worst, 1.0 / excess - 1.0), dt_s)
        for point, other, on in zip(pair, pair[::-1], contacts, strict=True):
            if point.pin is None or not on > 0:
                point.release(ZERO if other.pin is None else other.offset, dt_s)
                point.tired = point.tired and norm(point.offset) > RESTED_M

    def _move_body(
        self, legs: list[Leg], seen: list[bool], floor_m: list[float], dt_s: float, at_once: bool
    ) -> None:
        """Move the body towards where its feet want it: pinned ones all the way, sunken ones up."""
        level: list[tuple[float, float]] = []
        up: list[float] = []
        for i, leg in enumerate(legs):
            pins = [p.offset for p in self._points[2 * i : 2 * i + 2] if p.pin is not None]
            if pins:
                level.append(self._asked([add(pin, self._short[i]) for pin in pins]))
                up.append(max(o[1] for o in pins) + self._short[i][1] + self._shift[1])
            elif seen[i]:
                sunk = max(floor_m[2 * i + k] - leg[3 + k][1] for k in (0, 1)) - SUNK_M
                up.extend([sunk] if sunk > 0 else [])
        before = self._shift
        self._follow(
            _at_most(_mean2(level, self._share(len(level))), CARRY_M[self.mode]),
            bool(level),
            up,
            dt_s,
        )
        if at_once:
            self._shift, self._rate = (0.0, max(up, default=0.0), 0.0), ZERO
        for point in self._points:
            point.body_moved(sub(self._shift, before), dt_s)

    def _asked(self, pulls: list[Vector]) -> tuple[float, float]:
        """Sideways shift of the body that would take the mean pull off a foot."""
        x, _, z = self._shift
        return x + sum(p[0] for p in pulls) / len(pulls), z + sum(p[2] for p in pulls) / len(pulls)

    def _follow(self, level: tuple[float, float], pinned: bool, up: list[float], dt_s: float) -> None:
        (x, y, z), (u, v, w) = self._shift, self._rate
        steady = self._stiffness(dt_s)
        sideways = steady if pinned else LEVEL_FADE
        x, u = follow(x, u, level[0], sideways, dt_s)
        z, w = follow(z, w, level[1], sideways, dt_s)
        y, v = follow(y, v, sum(up) / len(up) if up else 0.0, UP_STIFFNESS if up else UP_FADE, dt_s)
        self._shift, self._rate = (x, y, z), (u, v, w)

    def _share(self, feet: int) -> float:
        """Of the sideways shift that is asked for, by so many feet."""
        standing, walking = ASK[self.mode]
        if feet > 1 and self._unchanged_s > STEADY_S:
            return 1.0  # on both feet for so long nobody walks, but sits down or bows
        slow, fast = WALKING_M_S
        pace = min(max((math.hypot(*self._velocity) - slow) / (fast - slow), 0.0), 1.0)
        standing = 1.0 if feet > 1 else standing
        return standing + pace * (walking - standing)

    def _watch(self, hip: Vector, dt_s: float) -> None:
        """Follow the velocity of the body as it is seen."""
        if self._place is not None and dt_s > 0:
            gain = -math.expm1(-dt_s / WALKING_S)
            (u, w), (x, _, z) = self._velocity, sub(hip, self._place)
            self._velocity = u + gain * (x / dt_s - u), w + gain * (z / dt_s - w)
        self._place = hip

    def _stiffness(self, dt_s: float) -> float:
        """With which to follow, by how long the same points have been pinned."""
        pinned = [point.pin is not None for point in self._points]
        self._unchanged_s = self._unchanged_s + dt_s if pinned == self._pinned else 0.0
        self._pinned = pinned
        return STIFFNESS + (STEADY_STIFFNESS - STIFFNESS) * min(self._unchanged_s / STEADY_S, 1.0)

    def _applied(self, joints_world: Float64, legs: list[Leg], floor_m: list[float], up: float) -> Float64:
        """The moved body with both feet placed. `legs` are already moved."""
        out = joints_world + add(self._shift, (0.0, up, 0.0))
        across = sub(legs[0].hip, legs[1].hip)
        ahead = (-across[2], 0.0, across[0])
        for i, leg in enumerate(legs):
            heel, toe = self._points[2 * i : 2 * i + 2]
            placed = place_foot(leg, heel, toe, floor_m[2 * i : 2 * i + 2], ahead)
            self._short[i] = ZERO if placed is None else placed[1]
            if placed is not None:
                out[_MOVED[i]] = placed[0]
        return np.asarray(out)


def _tie(pair: list[SolePoint], leg: Leg, floor_m: list[float]) -> None:
    """Of two pins of a foot the younger gives way, so that they stay as far apart as heel and toe are."""
    heel, toe = pair
    if heel.pin is None or toe.pin is None:
        return
    sole = sub(leg.toe, leg.heel)
    if heel.held_s >= toe.held_s:
        toe.tie(at_distance(heel.pin, toe.pin, norm(sole), floor_m[1], sole))
    else:
        heel.tie(at_distance(toe.pin, heel.pin, norm(sole), floor_m[0], scale(sole, -1.0)))


def _leg(rows: list[list[float]], up: float) -> Leg:
    hip, knee, ankle, heel, toe = ((x, y + up, z) for x, y, z in rows)
    return Leg(hip, knee, ankle, heel, toe)


def _mean2(points: list[tuple[float, float]], share: float) -> tuple[float, float]:
    if not points:
        return 0.0, 0.0
    k = share / len(points)
    return k * sum(p[0] for p in points), k * sum(p[1] for p in points)


def _at_most(a: tuple[float, float], limit: float) -> tuple[float, float]:
    size = math.hypot(*a)
    return a if size <= limit else (a[0] * limit / size, a[1] * limit / size)
