"""A robot's button that must be held, for the page: the press arms, every message after it is a heartbeat.

Whoever pressed holds the token. When a heartbeat comes too late the press is used up: the messages that still
come, perhaps old ones out of a network that hung, arm nothing. Only after a release can a press arm again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from realtime.retarget.robot_pose import RobotCommand, RobotState
from realtime.retarget.steady.loop import SteadyLoop
from realtime.retarget.steady.outlet import Outlet
from realtime.sinks.robot_track import RobotTrack


def _leaves(outlet: Outlet) -> bool:
    """What is only kept for a take goes nowhere."""
    return not isinstance(outlet.transport, RobotTrack)


@dataclass(frozen=True)
class RobotView:
    """How the robot's output is now."""

    state: RobotState
    reason: str
    held: bool
    """Somebody at the page keeps it armed."""
    late: int
    """Ticks that came more than 2 ms late."""
    outlets: tuple[tuple[str, int, int, str], ...]
    """Name, commands sent, dropped, and failure of each transport."""


class RobotSwitch:
    """Arms, stops and stops at once. From any thread."""

    def __init__(self, name: str, loop: SteadyLoop, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self.name = name
        self._loop, self._clock_ns = loop, clock_ns
        self._lock = threading.Lock()
        self._holder: int | None = None
        self._token = ""
        self._spent: set[int] = set()
        """Visitors whose press is used up until they release."""

    @property
    def last(self) -> RobotCommand | None:
        """The newest command."""
        return self._loop.last

    @property
    def view(self) -> RobotView:
        """For the panel."""
        with self._loop.output() as output:
            state, reason, held = output.state, output.reason, bool(self._token)
        outlets = tuple(
            (o.transport.name, o.sent, o.dropped, o.failure) for o in self._loop.outlets if _leaves(o)
        )
        return RobotView(state, reason, held, self._loop.punctuality.late, outlets)

    def hold(self, visitor: int) -> str:
        """The button is down: arm, or keep armed. Why it could not, empty when it could."""
        with self._lock:
            if visitor in self._spent:
                return "release the button, then hold it again"
            if self._holder == visitor:
                return self._beat(visitor)
            if self._holder is not None:
                self._spent.add(visitor)
                return "somebody else holds it"
            return self._arm(visitor)

    def release(self, visitor: int) -> None:
        """The button is up, or the visitor gone: brake and stand, when it was they who armed."""
        with self._lock:
            self._spent.discard(visitor)
            if self._holder == visitor:
                self._holder, self._token = None, ""
                with self._loop.output() as output:
                    output.stop("button released")

    def stop(self) -> None:
        """Brake, then stand; whoever asks."""
        self._end()
        with self._loop.output() as output:
            output.stop("stopped at the page")

    def estop(self) -> None:
        """Emergency stop; whoever asks."""
        self._end()
        with self._loop.output() as output:
            output.estop("emergency stop at the page")

    def reset(self) -> None:
        """Out of the emergency stop."""
        with self._loop.output() as output:
            output.reset()

    def _arm(self, visitor: int) -> str:
        with self._loop.output() as output:
            token, refusal = output.arm(self._clock_ns())
        if refusal:
            self._spent.add(visitor)
            return refusal
        self._holder, self._token = visitor, token
        return ""

    def _beat(self, visitor: int) -> str:
        with self._loop.output() as output:
            live = output.heartbeat(self._token, self._clock_ns())
        if live:
            return ""
        self._holder, self._token = None, ""
        self._spent.add(visitor)
        return "release the button, then hold it again"

    def _end(self) -> None:
        with self._lock:
            if self._holder is not None:
                self._spent.add(self._holder)
            self._holder, self._token = None, ""
