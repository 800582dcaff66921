"""The captures of a run: usually one; one more each time the source is switched, with the books of all.

A run has one clock, that of its first source: cameras count from when the machine started, files from 0, and
neither a filter nor a recording can go on across such a jump.
"""

from __future__ import annotations

import threading
from dataclasses import replace

from lifting.errors import SealcapError
from realtime.capture import Capture, Captured
from realtime.data import Frame
from realtime.sources import Source

CLOSE_S = 1.5
"""How long the end of a run waits for captures that were switched away from a moment ago."""
SAME_CLOCK_NS = 1_000_000_000
"""Two sources that disagree by less about the time between their frames have the same clock."""


class Captures:
    """The present capture. What it counts goes on over switches."""

    def __init__(self, source: Source, *, lossless: bool) -> None:
        self.lossless = lossless
        self._now = Capture(source, lossless=lossless)
        self._past: list[Capture] = []
        self._closers: list[threading.Thread] = []
        self._last_ns: tuple[int, int] | None = None
        """When the last frame was captured and received."""
        self._switched, self._shift_ns = False, 0

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
        captured = self._now.next(timeout)
        if captured is None:
            return None
        frame = self._on_one_clock(captured.frame)
        self._last_ns = frame.capture_time_ns, frame.received_ns
        return captured if frame is captured.frame else captured._replace(frame=frame)

    def switch(self, source: Source) -> None:
        """Take frames from an open source from now on. The old one closes in a thread of its own: a driver
        that hangs must not stop the run."""
        before, self._now = self._now, Capture(source, lossless=self.lossless)
        self._past.append(before)
        self._switched = True
        self._now.start()
        closer = threading.Thread(target=before.close, name="close source", daemon=True)
        closer.start()
        self._closers.append(closer)

    def close(self) -> None:
        """Stop, and count what nobody took."""
        self._now.close()
        for closer in self._closers:
            closer.join(CLOSE_S)

    def _on_one_clock(self, frame: Frame) -> Frame:
        """The frame as the first source would have stamped it; its wall-clock time stays."""
        if self._switched:
            self._switched, self._shift_ns = False, self._find_shift(frame)
        if not self._shift_ns:
            return frame
        return replace(
            frame,
            capture_time_ns=frame.capture_time_ns + self._shift_ns,
            wall_offset_ns=frame.wall_offset_ns - self._shift_ns,
        )

    def _find_shift(self, frame: Frame) -> int:
        """What to add to the times of a source whose first frame this is."""
        if self._last_ns is None:
            return 0
        captured_ns, received_ns = self._last_ns
        passed_ns = max(frame.received_ns - received_ns, 1)
        step_ns = frame.capture_time_ns - captured_ns
        same = step_ns > 0 and abs(step_ns - passed_ns) < SAME_CLOCK_NS
        return 0 if same else passed_ns - step_ns

    @property
    def _all(self) -> list[Capture]:
        return [*self._past, self._now]
