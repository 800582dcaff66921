"""Hands videos to workers until all are done; a video whose worker dies goes to another."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

import msgspec

from realtime.batch.crew import Crew, Died
from realtime.batch.folder import OutFolder
from realtime.batch.plan import Plan
from realtime.batch.records import Job, Record

MAX_ATTEMPTS = 3
"""A video that kills its worker so often is at fault itself."""
STALLED_S = 900.0
"""Without a new frame for so long a worker hangs."""
POLL_S = 0.1


@dataclass
class _Running:
    job: Job
    before: Record | None
    """What the books said when it began."""
    frames: str = ""
    """What the worker said last."""
    since_s: float = field(default_factory=monotonic)
    """When it said so first."""


class Master:
    """One run over a collection."""

    def __init__(self, plan: Plan, folder: OutFolder, crew: Crew, stalled_s: float = STALLED_S) -> None:
        self.settled: list[Record] = []
        """What ended in this run."""
        self._folder, self._crew, self._stalled_s = folder, crew, stalled_s
        self._waiting = deque(plan.jobs)
        self._running: dict[str, _Running] = {}

    def run(self, stop: threading.Event, tick: Callable[[], None] = lambda: None) -> None:
        """Until everything has ended or `stop` is set; `tick` is called several times a second."""
        try:
            while (self._waiting or self._running) and not stop.is_set():
                self._hand_out()
                for job, outcome in self._crew.finished():
                    self._settle(job, outcome)
                self._look_for_stalled()
                tick()
                stop.wait(POLL_S)
        finally:
            self._crew.stop()

    @property
    def running(self) -> list[Job]:
        """Videos that workers have now."""
        return [running.job for running in self._running.values()]

    def part(self, job: Job) -> float:
        """How much of its video a worker has done, 0..1, as far as that is known."""
        words = self._said(job).split()
        if len(words) != 2 or not all(word.isdecimal() for word in words):
            return 0.0
        done, expected = (int(word) for word in words)
        return min(1.0, done / expected) if expected else 0.0

    def _hand_out(self) -> None:
        free = self._crew.free() if self._waiting else 0
        for _ in range(min(free, len(self._waiting))):
            job = self._waiting.popleft()
            self._folder.progress(job.key).unlink(missing_ok=True)
            self._running[job.key] = _Running(job, self._folder.record(job.key))
            self._crew.start(job)

    def _settle(self, job: Job, outcome: Record | Died) -> None:
        before = self._running.pop(job.key).before
        if isinstance(outcome, Died):
            noted = self._folder.record(job.key)
            if noted is not None and noted != before:
                outcome = noted  # it died after its work was done
            elif job.attempt < MAX_ATTEMPTS:
                self._waiting.append(msgspec.structs.replace(job, attempt=job.attempt + 1))
                return
            else:
                outcome = self._give_up(job, outcome)
        self.settled.append(outcome)

    def _give_up(self, job: Job, died: Died) -> Record:
        known = self._folder.record(job.key) or Record(job.key, job.name, job.stem)
        error = f"Given up after {job.attempt} attempts: {died.reason}."
        record = msgspec.structs.replace(known, status="failed", error=error, attempts=job.attempt)
        self._folder.keep(record)
        return record

    def _look_for_stalled(self) -> None:
        for running in self._running.values():
            said = self._said(running.job)
            if said != running.frames:
                running.frames, running.since_s = said, monotonic()
            elif monotonic() - running.since_s > self._stalled_s:
                running.since_s = monotonic()
                self._crew.kill(running.job)

    def _said(self, job: Job) -> str:
        try:
            return self._folder.progress(job.key).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""
