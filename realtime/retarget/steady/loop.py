"""The thread that ticks: an absolute schedule on the monotonic clock, one command a period, never a burst."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from realtime.retarget.robot_pose import RobotCommand, RobotPose, RobotState
from realtime.retarget.steady.outlet import Outlet
from realtime.retarget.steady.output import SteadyOutput
from realtime.retarget.transports.description import Transport

log = logging.getLogger(__name__)

LATE_S = 0.002
FAILED = "the output failed"
LAST_WORDS = 5
"""Messages with the final state when the output ends, so that one that is lost does no harm."""
LAST_WORDS_GAP_S = 0.02
"""So that a transport on a busy machine sends each of them, and not the newest only."""
BRAKE_TIMEOUT_S = 10.0
"""A robot that is not at rest by then has limits that make no sense."""
SWITCH_S = 0.001
"""Python lets one thread run for 5 ms before another gets its turn: half a period, and a pose on its way to
the robot waits for three turns. With a pipeline that is busy beside it, one tick in twenty was left out."""


@dataclass(slots=True)
class Punctuality:
    """How well the schedule is kept."""

    ticks: int = 0
    late: int = 0
    """Ticks that began more than 2 ms after their time."""
    missed: int = 0
    """Ticks that were left out because their time was over."""
    worst_ms: float = 0.0
    """The most that a tick came late."""


class SteadyLoop:
    """Runs a SteadyOutput and hands its commands to transports. Everything here is for any thread."""

    def __init__(self, output: SteadyOutput, transports: Sequence[Transport]) -> None:
        self.outlets = [Outlet(transport) for transport in transports]
        self.punctuality = Punctuality()
        self.last: RobotCommand | None = None
        """The newest command."""
        self._output, self._lock = output, threading.Lock()
        self._closing = threading.Event()
        # Not a daemon: a program that ends waits until the robot has been braked.
        self._thread = threading.Thread(target=self._run, name="robot", daemon=False)

    def start(self) -> None:
        """Open the transports and begin to tick. Raises SinkError, with all of them closed again."""
        try:
            for outlet in self.outlets:
                outlet.start()
        except BaseException:
            self._close_outlets()
            raise
        self._thread.start()

    def offer(self, pose: RobotPose, seen_ns: int | None = None) -> None:
        """As SteadyOutput.offer."""
        with self._lock:
            self._output.offer(pose, seen_ns)

    def forget(self) -> None:
        """As SteadyOutput.forget."""
        with self._lock:
            self._output.forget()

    @contextlib.contextmanager
    def output(self) -> Iterator[SteadyOutput]:
        """The output, for as short as possible: the loop waits meanwhile. For arming and the like."""
        with self._lock:
            yield self._output

    def close(self, timeout_s: float = 1.2) -> bool:
        """Brake, say so, and end. Idempotent. False when braking takes longer; it then goes on to its end."""
        self._closing.set()
        if self._thread.ident is None:
            self._close_outlets()
            return True
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        orderly, before_s = False, sys.getswitchinterval()
        sys.setswitchinterval(min(before_s, SWITCH_S))
        try:
            self._tick_until_closed()
            self._brake()
            orderly = True
        finally:
            sys.setswitchinterval(before_s)
            if not orderly:  # whoever asks the control port hears it, too
                with self._lock:
                    self._output.estop(FAILED)
            self._say_goodbye(orderly)
            self._close_outlets()

    def _tick_until_closed(self) -> None:
        period_ns = round(1e9 / self._output.rate_hz)
        due_ns = time.monotonic_ns()
        while not self._closing.wait(max(0.0, (due_ns - time.monotonic_ns()) / 1e9)):
            due_ns = self._tick_at(due_ns, period_ns)

    def _brake(self) -> None:
        """Until nothing moves; the motion that was under way ends as smoothly as its limits ask."""
        with self._lock:
            self._output.stop("the program ended")
        period_ns = round(1e9 / self._output.rate_hz)
        due_ns = time.monotonic_ns()
        for _ in range(round(BRAKE_TIMEOUT_S * self._output.rate_hz)):
            due_ns = self._tick_at(due_ns, period_ns)
            time.sleep(max(0.0, (due_ns - time.monotonic_ns()) / 1e9))
            with self._lock:
                if self._output.at_rest:
                    return

    def _tick_at(self, due_ns: int, period_ns: int) -> int:
        """One tick; returns when the next is due. Times that have passed are left out, not made up for."""
        now_ns = time.monotonic_ns()
        late_ns = now_ns - due_ns
        books = self.punctuality
        books.ticks += 1
        books.late += late_ns > LATE_S * 1e9
        books.worst_ms = max(books.worst_ms, late_ns / 1e6)
        with self._lock:
            command = self._output.tick(now_ns)
        self._publish(command)
        missed = max(0, late_ns // period_ns)
        books.missed += missed
        return due_ns + (missed + 1) * period_ns

    def _publish(self, command: RobotCommand) -> None:
        self.last = command
        for outlet in self.outlets:
            outlet.put(command)

    def _say_goodbye(self, orderly: bool) -> None:
        """The end, several times. After an error that nobody foresaw: an emergency stop in the last pose."""
        for _ in range(LAST_WORDS):
            last = self.last
            if last is None:
                return
            if orderly:
                with self._lock:
                    self._publish(self._output.tick(time.monotonic_ns()))
            else:
                self._publish(
                    replace(
                        last,
                        tick=last.tick + 1,
                        time_ns=time.monotonic_ns(),
                        state=RobotState.ESTOP,
                        reason=FAILED,
                        velocity=last.velocity * 0.0,
                    )
                )
            time.sleep(max(LAST_WORDS_GAP_S, 1 / self._output.rate_hz))

    def _close_outlets(self) -> None:
        for outlet in self.outlets:
            outlet.close()
