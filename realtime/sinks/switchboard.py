"""Which outputs are fed, and what became of those that were switched off on the way.

Only the pipeline's own thread changes the list, by putting another in its place, so that whoever reads it
needs no lock. Outputs are opened before they come in and closed after they have gone, by other threads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from realtime.sinks.runner import SinkRunner
from realtime.timing import SinkReport


class Switchboard:
    """The outputs of a run."""

    def __init__(self, runners: Iterable[SinkRunner]) -> None:
        self.runners = list(runners)
        """Never changed in place."""
        self._begin = dict.fromkeys(self.runners, 0)
        self._gone: list[tuple[SinkRunner, int]] = []

    def plug_in(self, runner: SinkRunner, published: int) -> None:
        """Feed one more, after so many frames were published."""
        self._begin[runner] = published
        self.runners = [*self.runners, runner]

    def unplug(self, runner: SinkRunner, published: int) -> None:
        """Feed one less; nothing when it is none of them."""
        if runner in self.runners:
            self.runners = [other for other in self.runners if other is not runner]
            self._gone.append((runner, published - self._begin.pop(runner)))

    def reports(self, published: int) -> tuple[SinkReport, ...]:
        """The account of every output that was ever on, when so many frames were published in all."""
        offered = [*self._gone, *((r, published - self._begin[r]) for r in self.runners)]
        return tuple(replace(runner.report, away=published - count) for runner, count in offered)
