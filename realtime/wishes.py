"""The place in the picture that somebody chose: whoever stands there is to be followed."""

from __future__ import annotations

import threading

WISH_NS = 1_000_000_000
"""So long somebody is looked for at the place that was chosen."""


class Wish:
    """One place at most, the latest; set from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._place: tuple[float, float] | None = None
        self._until: int | None = None

    def set(self, x_px: float, y_px: float) -> None:
        """Choose a place; its time begins when it is first asked for."""
        with self._lock:
            self._place, self._until = (x_px, y_px), None

    def current(self, now: int) -> tuple[float, float] | None:
        """The place that was chosen, for as long as it is tried."""
        with self._lock:
            if self._place is not None and self._until is None:
                self._until = now + WISH_NS
            if self._until is not None and now > self._until:
                self._place = self._until = None
            return self._place

    def fulfil(self) -> None:
        """Forget the place."""
        with self._lock:
            self._place = self._until = None
