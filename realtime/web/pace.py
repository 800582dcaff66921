"""How fast something may be done: so many times a second on average, with a reserve for bursts."""

from __future__ import annotations


class Pace:
    """A bucket of permissions that fills at a steady rate. Knows no clock: times are handed in."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s, self._burst = per_s, burst
        self._left = burst
        self._at_s: float | None = None

    def take(self, now_s: float) -> float:
        """Use one permission; seconds to wait until it is due, 0 when one was left."""
        if self._at_s is not None:
            self._left = min(self._burst, self._left + max(0.0, now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        self._left -= 1.0
        return max(0.0, -self._left / self._per_s)
