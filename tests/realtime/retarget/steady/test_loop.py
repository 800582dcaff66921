"""The ticking thread: schedule, slow and broken transports, last words."""

from __future__ import annotations

import sys
import threading
import time

import numpy as np
import pytest

from lifting.errors import SinkError
from realtime.retarget.robot_pose import RobotCommand, RobotState
from realtime.retarget.steady.loop import LAST_WORDS, SteadyLoop
from realtime.retarget.steady.output import SteadyOutput
from tests.realtime.retarget.steady.poses import LIMITS, N, make_pose


class Basket:
    """A transport that keeps what it gets."""

    name = "basket"

    def __init__(
        self, *, wait_s: float = 0.0, fail_after: int | None = None, fail_open: bool = False
    ) -> None:
        self.commands: list[RobotCommand] = []
        self.closed = threading.Event()
        self._wait_s, self._fail_after, self._fail_open = wait_s, fail_after, fail_open

    def open(self) -> None:
        if self._fail_open:
            raise SinkError("basket has no bottom")

    def send(self, command: RobotCommand) -> None:
        time.sleep(self._wait_s)
        self.commands.append(command)
        if self._fail_after is not None and len(self.commands) >= self._fail_after:
            raise SinkError("basket broke")

    def close(self) -> None:
        self.closed.set()


def self_armed() -> SteadyOutput:
    """Follows whoever is there."""
    return SteadyOutput(LIMITS, np.zeros(N), self_arming=True)


def feed(loop: SteadyLoop, seconds: float) -> None:
    """A person who swings all joints, 50 pictures a second."""
    begin = time.monotonic()
    while (t := time.monotonic() - begin) < seconds:
        loop.offer(make_pose(t, 0.5 * np.sin(4 * t)), time.monotonic_ns())
        time.sleep(0.02)


def until(condition: object, seconds: float = 5.0) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:  # type: ignore[operator]
        time.sleep(0.01)
    assert condition()  # type: ignore[operator]


def test_keeps_its_rate_on_average() -> None:
    """Ticks made and left out add up to the time that passed: the schedule does not drift."""
    loop = SteadyLoop(SteadyOutput(LIMITS, np.zeros(N)), [])
    begin = time.monotonic()
    loop.start()
    time.sleep(1.0)
    books = loop.punctuality
    due = (time.monotonic() - begin) * 100
    assert books.ticks + books.missed == pytest.approx(due, abs=8)
    assert loop.close()


def test_threads_take_turns_often_while_it_runs() -> None:
    """No other thread of Python's keeps the loop waiting for half a period; afterwards all is as before."""
    before_s = sys.getswitchinterval()
    loop = SteadyLoop(SteadyOutput(LIMITS, np.zeros(N)), [])
    loop.start()
    until(lambda: loop.punctuality.ticks > 3)
    assert sys.getswitchinterval() <= 0.001 < before_s
    assert loop.close()
    assert sys.getswitchinterval() == before_s


def test_ends_with_braking_and_last_words() -> None:
    """Closed while it moves: braked within the limits, then `stopped` several times, the transport closed."""
    basket = Basket()
    loop = SteadyLoop(self_armed(), [basket])
    loop.start()
    feed(loop, 1.0)
    moving = len(basket.commands)
    assert loop.close()
    assert basket.closed.is_set()
    last = basket.commands[-2:]  # a busy machine may drop the others
    assert all(c.state is RobotState.STOPPED and not c.velocity.any() for c in last)
    assert last[-1].reason == "the program ended"
    steps = np.diff([c.velocity for c in basket.commands], axis=0)
    ticks = np.diff([c.tick for c in basket.commands])
    assert (np.abs(steps).max(axis=1) <= 30.0 * 0.01 * ticks).all()
    assert len(basket.commands) > moving
    loop.close()  # once more does nothing


def test_a_slow_transport_holds_up_nobody() -> None:
    """One that takes 0.1 s a command gets the newest ones; the other gets nearly all."""
    slow, quick = Basket(wait_s=0.1), Basket()
    loop = SteadyLoop(SteadyOutput(LIMITS, np.zeros(N)), [slow, quick])
    loop.start()
    until(lambda: len(quick.commands) > 60)
    assert len(slow.commands) < 20
    assert quick.commands[-1].tick - slow.commands[-1].tick < 60
    loop.close()


def test_a_broken_transport_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """The others go on, and it is told once."""
    broken, whole = Basket(fail_after=3), Basket()
    loop = SteadyLoop(SteadyOutput(LIMITS, np.zeros(N)), [broken, whole])
    loop.start()
    until(lambda: len(whole.commands) > 30)
    assert broken.closed.is_set()
    assert loop.outlets[0].failure == "basket broke"
    assert [r.message for r in caplog.records if "basket broke" in r.message] != []
    loop.close()


def test_a_transport_that_does_not_open_stops_the_start() -> None:
    """The error comes out, and the transports that were open are closed again."""
    good = Basket()
    loop = SteadyLoop(SteadyOutput(LIMITS, np.zeros(N)), [good, Basket(fail_open=True)])
    with pytest.raises(SinkError, match="bottom"):
        loop.start()
    assert good.closed.is_set()
    assert loop.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_unforeseen_error_ends_in_an_emergency_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the core itself fail, receivers are told to stand, several times; and the operator hears it."""
    output, basket = self_armed(), Basket()
    loop = SteadyLoop(output, [basket])
    loop.start()
    until(lambda: len(basket.commands) > 5)

    def fail(now_ns: int) -> RobotCommand:
        raise AssertionError("a bug")

    monkeypatch.setattr(output, "tick", fail)
    until(basket.closed.is_set)
    assert [c.state for c in basket.commands[-LAST_WORDS:]] == [RobotState.ESTOP] * LAST_WORDS
    with loop.output() as failed:
        assert (failed.state, failed.reason) == (RobotState.ESTOP, "the output failed")
    loop.close()


def test_stalls_are_not_made_up_for() -> None:
    """A loop whose lock is taken for a quarter of a second leaves those ticks out."""
    basket = Basket()
    loop = SteadyLoop(SteadyOutput(LIMITS, np.zeros(N)), [basket])
    loop.start()
    until(lambda: len(basket.commands) > 10)
    with loop.output():
        time.sleep(0.25)
    time.sleep(0.1)
    loop.close()
    times = np.array([c.time_ns for c in basket.commands]) / 1e9
    assert loop.punctuality.missed >= 20
    windows = np.searchsorted(times, times + 0.05) - np.arange(len(times))
    assert windows.max() <= 7
