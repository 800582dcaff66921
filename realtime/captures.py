"""The captures of a run: usually one; one more each time the source is switched, with the books of all."""

from __future__ import annotations

import threading

from lifting.errors import SealcapError
from realtime.capture import Capture, Captured
from realtime.sources import Source

CLOSE_S = 1.5
"""How long the end of a run waits for captures that were switched away from a moment ago."""


class Captures:
    """The present capture. What it counts goes on over switches."""

    def __init__(self, source: Source, *, lossless: bool) -> None:
        self.lossless = lossless
        self._now = Capture(source, lossless=lossless)
        self._past: list[Capture] = []
        self._closers: list[threading.Thread] = []

    @property
    def source(self) -> Source:
        """Where frames come from now."""
        return self._now.source

    @property
    def error(self) -> SealcapError | None:
        """Why the present source ended; what became of earlier ones does not matter any more."""
        return self._now.error

    @property
    def captured(self) -> int:
        """Frames taken from all sources."""
        return sum(capture.captured for capture in self._all)

    @property
    def missed(self) -> int:
        """Frames that the sources themselves had to give up."""
        return sum(capture.source.missed for capture in self._all)

    @property
    def overwritten(self) -> int:
        """Frames that a newer one replaced before inference was free."""
        return sum(capture.overwritten for capture in self._all)

    @property
    def unprocessed(self) -> int:
        """Frames that nobody took before their source was closed."""
        return sum(capture.unprocessed for capture in self._all)

    @property
    def ended(self) -> bool:
        """True when the present source is exhausted and every frame of it was taken."""
        return self._now.ended

    def start(self) -> None:
        """Begin to take frames."""
        self._now.start()

    def next(self, timeout: float) -> Captured | None:
        """The newest frame, or None after `timeout` seconds or at the end: ask `ended`."""
        return self._now.next(timeout)

    def switch(self, source: Source) -> None:
        """Take frames from an open source from now on. The old one closes in a thread of its own: a driver
        that hangs must not stop the run."""
        before, self._now = self._now, Capture(source, lossless=self.lossless)
        self._past.append(before)
        self._now.start()
        closer = threading.Thread(target=before.close, name="close source", daemon=True)
        closer.start()
        self._closers.append(closer)

    def close(self) -> None:
        """Stop, and count what nobody took."""
        self._now.close()
        for closer in self._closers:
            closer.join(CLOSE_S)

    @property
    def _all(self) -> list[Capture]:
        return [*self._past, self._now]
