"""One heel or toe: pinned to the floor while it rests there, let go softly."""

from __future__ import annotations

from realtime.solve.follower import follow
from realtime.solve.leg_ik import ZERO, Vector, add, sub

SETTLE = 20.0
"""Stiffness with which a pinned point sinks or rises to its resting height."""
BAND_M = (0.004, 0.015)
"""A resting point may stay this far below or above its resting height: knees near straight would bend by
centimetres for millimetres."""
RELEASE = 25.0
"""Stiffness with which an opened lock's offset fades: 95 % in 0.19 s."""
FASTEST_M_S = 1.0
"""A fading offset moves a point no faster."""


class SolePoint:
    """Offset of a point from where the moved body would have it, and where it is pinned if it is."""

    def __init__(self) -> None:
        self.pin: Vector | None = None
        """World place it is held at."""
        self.offset: Vector = ZERO
        self.tired = False
        """Its lock was torn open; it is not pinned again before its offset has faded."""
        self.held_s = 0.0
        """For how long it has been pinned."""
        self._rate: Vector = ZERO
        self._sink_rate = 0.0

    def hold(
        self, point: Vector, rest_m: float, dt_s: float, vague_m: float = 0.0, lifted_m: float = 0.0
    ) -> None:
        """Keep the point where it was put down (now, if not yet pinned), settling to height `rest_m`.

        Up to `vague_m` above that it stays at the height it is seen at: `point` less the `lifted_m` that the
        body was raised by (or what feet ask for would raise them again, without end).
        """
        if self.pin is None:
            self._fade(ZERO, dt_s)
            self.pin, self._sink_rate, self.held_s = add(point, self.offset), 0.0, 0.0
        self.held_s += dt_s
        x, y, z = self.pin
        settled = min(max(point[1] - lifted_m, rest_m - BAND_M[0]), rest_m + max(BAND_M[1], vague_m))
        y, self._sink_rate = follow(y, self._sink_rate, settled, SETTLE, dt_s, FASTEST_M_S)
        self.pin = x, y, z
        self._set(sub(self.pin, point), dt_s)

    def tie(self, place: Vector) -> None:
        """Move the pin to a place where the rigid foot can have it."""
        if self.pin is not None:
            self.offset, self.pin = add(self.offset, sub(place, self.pin)), place

    def body_moved(self, shift: Vector, dt_s: float) -> None:
        """The whole body was moved after `hold`; a pinned point stays."""
        if self.pin is not None:
            offset = sub(self.offset, shift)
            self._rate = sub(self._rate, (shift[0] / dt_s, shift[1] / dt_s, shift[2] / dt_s))
            self.offset = offset

    def release(self, target: Vector, dt_s: float) -> None:
        """Let the offset go over to `target`: 0, or that of the foot's pinned point."""
        self.pin = None
        self._fade(target, dt_s)

    def drag(self, by: Vector, dt_s: float) -> None:
        """Move the pin along the floor after a body that pulls too hard."""
        if self.pin is not None:
            x, _, z = by
            self.pin = add(self.pin, (x, 0.0, z))
            self.offset = add(self.offset, (x, 0.0, z))
            self._rate = add(self._rate, (x / dt_s, 0.0, z / dt_s))

    def tear(self) -> None:
        """Open a lock that would pull too hard."""
        self.pin, self.tired = None, True

    def _set(self, offset: Vector, dt_s: float) -> None:
        """The new offset; its rate is bounded so that no lock opens with a jerk."""
        limit, rate = FASTEST_M_S, sub(offset, self.offset)
        u, v, w = (min(max(r / dt_s, -limit), limit) for r in rate)
        self.offset, self._rate = offset, (u, v, w)

    def _fade(self, target: Vector, dt_s: float) -> None:
        if self.offset == target == self._rate:  # all zero
            return
        (x, u), (y, v), (z, w) = (
            follow(o, r, t, RELEASE, dt_s, FASTEST_M_S)
            for o, r, t in zip(self.offset, self._rate, target, strict=True)
        )
        self.offset, self._rate = (x, y, z), (u, v, w)
