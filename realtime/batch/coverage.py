"""How well people were seen in a video, counted while it is worked on."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from realtime.data import Motion, State

PERIOD_S = 0.5


class Coverage:
    """A sink (see `realtime.sinks.Sink`) that counts, and keeps a small file saying how far it is."""

    name, queue = "coverage", 64

    def __init__(self, progress: Path, expected: int) -> None:
        """`expected` frames, by the video's index; 0 for unknown."""
        self.frames = self.tracked = 0
        self._people: set[int] = set()
        self._longest_ns = 0
        self._first_ns: int | None = None
        self._last_ns = self._seen_ns = 0
        self._progress, self._expected, self._due_s = progress, expected, 0.0

    def open(self) -> None:
        """Nothing to open."""

    def write(self, motion: Motion) -> None:
        """Count one frame."""
        now_ns = motion.frame.capture_time_ns
        if self._first_ns is None:
            self._first_ns = self._seen_ns = now_ns
        seen = [person.person_id for person in motion.people if person.state is State.TRACKING]
        if seen:
            self._longest_ns, self._seen_ns = max(self._longest_ns, now_ns - self._seen_ns), now_ns
        self._people.update(seen)
        self._last_ns = now_ns
        self.frames += 1
        self.tracked += bool(seen)
        if time.monotonic() >= self._due_s:
            self._tell()

    def close(self) -> None:
        """Nothing to close."""

    @property
    def people(self) -> int:
        """Different ones that were seen."""
        return len(self._people)

    @property
    def tracked_percent(self) -> float:
        """Share of the frames with somebody seen."""
        return 100 * self.tracked / self.frames if self.frames else 0.0

    @property
    def media_s(self) -> float:
        """From the first frame to the last."""
        return (self._last_ns - (self._first_ns or 0)) / 1e9

    @property
    def longest_gap_s(self) -> float:
        """Longest time between frames with somebody seen, beginning and end of the video included."""
        longest_ns = max(self._longest_ns, self._last_ns - self._seen_ns)
        usual_s = self.media_s / (self.frames - 1) if self.frames > 1 else 0.0
        return longest_ns / 1e9 if longest_ns / 1e9 > 1.5 * usual_s else 0.0

    def _tell(self) -> None:
        with contextlib.suppress(OSError):  # progress is a courtesy
            self._progress.write_text(f"{self.frames} {self._expected}\n", encoding="utf-8")
        self._due_s = time.monotonic() + PERIOD_S
