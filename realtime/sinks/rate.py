"""How often a receiver is sent to."""

from __future__ import annotations

BURST = 3.0
"""Frames that may follow each other faster than the rate: a stream at exactly this rate jitters."""
SLACK = 1.02
"""Two clocks never agree; without it a stream at exactly this rate would lose a frame now and then."""


class RateLimit:
    """At most so many frames a second, evenly; a stream at or below the rate loses none."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz * SLACK
        self._credit, self._last_s = BURST, 0.0

    def allows(self, now_s: float) -> bool:
        """Whether a frame may go now."""
        self._credit = min(self._credit + (now_s - self._last_s) * self._rate_hz, BURST)
        self._last_s = now_s
        if self._credit < 1.0:
            return False
        self._credit -= 1.0
        return True
