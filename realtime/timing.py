"""Stage times and frame accounting of a run: one object that every loop reports to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

STAGES = ("capture", "wait", "detect", "lift", "correct", "solve", "publish", "latency")
"""capture: grab to hand-over (decoding); wait: in the mailbox; latency: grab to hand-over to the sinks."""

KEEP = 1 << 16
"""Samples kept per stage, so that a run of days needs no more memory than one of minutes."""


class Samples:
    """The last `KEEP` durations of one stage, milliseconds."""

    def __init__(self) -> None:
        self._ring = np.full(KEEP, np.nan, np.float32)  # all of its memory now, not bit by bit
        self._count = 0

    def add(self, milliseconds: float) -> None:
        """Remember one duration."""
        self._ring[self._count % KEEP] = milliseconds
        self._count += 1

    def percentiles(self, *levels: float) -> NDArray[np.float64]:
        """Values at `levels` (0..100); NaN where nothing was measured."""
        if not self._count:
            return np.full(len(levels), np.nan)
        values: NDArray[np.float64] = np.percentile(self._ring[: self._count], levels)
        return values


class Timings:
    """Durations by stage, the measured rate, and what the current frame spent where."""

    def __init__(self) -> None:
        self.stages = {name: Samples() for name in STAGES}
        self.frame_ms: dict[str, float] = {}
        self._intervals = Samples()
        self._last_publish_ns = 0
        self.fps = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block as one pass of a stage."""
        begin = time.perf_counter_ns()
        yield
        self.record(name, time.perf_counter_ns() - begin)

    def record(self, name: str, nanoseconds: int) -> None:
        """Enter a duration that was measured elsewhere."""
        milliseconds = nanoseconds / 1e6
        self.stages[name].add(milliseconds)
        self.frame_ms[name] = milliseconds

    def published(self, now_ns: int) -> None:
        """One frame went out; keeps a running rate (EMA of intervals, weight 0.05)."""
        if self._last_publish_ns:
            interval = max(now_ns - self._last_publish_ns, 1) / 1e9
            self.fps = 1 / interval if not self.fps else 1 / (0.95 / self.fps + 0.05 * interval)
        self._last_publish_ns = now_ns


@dataclass(frozen=True)
class SinkReport:
    """What became of the frames offered to one output: each was sent, dropped or lost in a failure."""

    name: str
    sent: int
    dropped: int
    """Given up because the output was too slow, or because there was no time left at the end."""
    failure: str | None
    failed: int = 0
    """Lost because the output was broken, or hung when the run ended."""
    away: int = 0
    """Published while the output was off: it came later, or went earlier."""


@dataclass(frozen=True)
class Summary:
    """The account of a run: every captured frame is published or dropped by a named stage."""

    source: str
    seconds: float
    captured: int
    missed: int
    """Frames the source itself had to give up, not counted in `captured`."""
    overwritten: int
    """Captured, but a newer frame arrived before inference was free."""
    unprocessed: int
    """Captured, but the run ended before inference took them."""
    published: int
    with_person: int
    stage_ms: dict[str, tuple[float, float, float]]
    """p50, p95, p99 per stage, milliseconds."""
    sinks: tuple[SinkReport, ...]
    assumptions: dict[str, str] = field(default_factory=dict)
    """Where field of view, tilt and height come from: given, estimated or assumed."""

    @property
    def fps(self) -> float:
        """Published frames per second over the whole run."""
        return self.published / self.seconds if self.seconds > 0 else 0.0

    @property
    def accounted(self) -> bool:
        """True when no frame is missing from the books, neither before inference nor at any output."""
        if self.captured != self.published + self.overwritten + self.unprocessed:
            return False
        return all(
            sink.sent + sink.dropped + sink.failed + sink.away == self.published for sink in self.sinks
        )


def stage_percentiles(timings: Timings) -> dict[str, tuple[float, float, float]]:
    """p50, p95, p99 of every stage."""
    rows: dict[str, tuple[float, float, float]] = {}
    for name, samples in timings.stages.items():
        p50, p95, p99 = (float(v) for v in samples.percentiles(50, 95, 99))
        rows[name] = (p50, p95, p99)
    return rows
