"""One thread for all outputs that never wait: it serves them in turn, and none can hold up another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from lifting.errors import SinkError
from realtime.data import Motion
from realtime.sinks.courier import STUCK_S
from realtime.sinks.runner import SinkRunner
from tests.realtime.sinks.motions import make_motion


class Quick:
    """A sink that promises never to wait, and can be made to break its word."""

    queue, never_waits = 1, True

    def __init__(self, name: str = "quick") -> None:
        self.name = name
        self.go, self.waiting = threading.Event(), threading.Event()
        self.go.set()
        self.error: BaseException | None = None
        self.seqs: list[int] = []
        self.threads: list[int] = []
        self.overlaps = 0
        self.closed = False
        self._busy = threading.Lock()

    def open(self) -> None:
        """Nothing to do."""

    def write(self, motion: Motion) -> None:
        if not self._busy.acquire(blocking=False):
            self.overlaps += 1
            return
        self.threads.append(threading.get_ident())
        self.waiting.set()
        self.go.wait(10)
        self._busy.release()
        if self.error is not None:
            raise self.error
        self.seqs.append(motion.seq)

    def close(self) -> None:
        self.overlaps += self._busy.locked()
        self.closed = True


def started(*sinks: Quick, lossless: bool = False) -> list[SinkRunner]:
    runners = [SinkRunner(sink, lossless=lossless) for sink in sinks]
    for runner in runners:
        runner.start()
    return runners


def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


def play(runners: list[SinkRunner], seqs: range, fps: float = 200.0) -> None:
    for seq in seqs:
        for runner in runners:
            runner.submit(make_motion(seq))
        time.sleep(1 / fps)


def couriers() -> int:
    return sum(thread.name == "outputs" for thread in threading.enumerate())


def test_one_thread_serves_all_and_goes_when_the_last_is_closed() -> None:
    """Three sinks, one thread; each gets the last frame before it is closed, and the thread ends."""
    sinks = [Quick(), Quick(), Quick()]
    runners = started(*sinks)
    play(runners, range(50), 100.0)
    assert len({thread for sink in sinks for thread in sink.threads}) == couriers() == 1
    for runner in runners:
        runner.submit(make_motion(50))
        assert runner.close()
    for sink, runner in zip(sinks, runners, strict=True):
        assert sink.closed
        assert not sink.overlaps
        assert sink.seqs == sorted(set(sink.seqs))
        assert sink.seqs[-1] == 50
        assert runner.counters.sent + runner.counters.dropped == 51
    until(lambda: couriers() == 0)


def test_whoever_waits_after_all_is_left_to_itself() -> None:
    """While one hangs the others go on; when it goes on, it does in its own thread, in order, alone."""
    bad, good = Quick("bad"), Quick("good")
    runners = started(bad, good)
    bad.go.clear()
    play(runners, range(3))
    begin = time.monotonic()
    while not good.seqs:
        play(runners, range(3, 4))
    assert time.monotonic() - begin < 5 * STUCK_S
    before = len(good.seqs)
    play(runners, range(10, 40), 60.0)
    until(lambda: good.seqs[-1] == 39)
    assert len(good.seqs) - before >= 10
    assert bad.seqs == []
    bad.go.set()
    until(lambda: 39 in bad.seqs)
    play(runners, range(40, 60), 60.0)
    assert all(runner.close() for runner in runners)
    for sink, runner in zip((bad, good), runners, strict=True):
        assert not sink.overlaps
        assert sink.seqs == sorted(sink.seqs)
        assert sink.seqs[-1] == 59
        books = runner.counters
        assert runner.failure is None
        assert books.received == books.sent + books.dropped
    assert bad.threads[-1] == runners[0]._thread.ident
    assert good.threads[-1] != runners[1]._thread.ident
    until(lambda: couriers() == 0)


def test_one_that_hangs_for_good_is_left_behind_and_the_rest_closes() -> None:
    """close of the hanging one gives up in time; the others are closed with their last words."""
    bad, good = Quick("bad"), Quick("good")
    runners = started(bad, good)
    bad.go.clear()
    runners[0].submit(make_motion(0))
    assert bad.waiting.wait(5)
    runners[1].submit(make_motion(0))
    begin = time.monotonic()
    assert runners[1].close()
    assert good.seqs == [0]
    assert good.closed
    assert runners[0].close(0.1) is False
    assert time.monotonic() - begin < 1
    assert runners[0].report.failed == 1
    bad.go.set()
    runners[0]._thread.join(5)
    assert bad.closed
    assert not bad.overlaps
    until(lambda: couriers() == 0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("error", [SinkError("gone"), OSError(5, "as if"), AssertionError("a bug")])
def test_a_failing_one_ends_alone(error: BaseException) -> None:
    """It is told of, closed and counted; the others go on, even after an error that nobody foresaw."""
    bad, good = Quick("bad"), Quick("good")
    bad.error = error
    runners = started(bad, good)
    play(runners, range(60), 100.0)
    until(lambda: bad.closed)
    play(runners, range(60, 80), 60.0)
    assert all(runner.close() for runner in runners)
    assert runners[0].failure
    assert not runners[1].failure
    assert good.seqs[-1] == 79
    assert len(good.seqs) >= 20
    report = runners[0].report
    assert (report.sent, report.dropped, report.failed) == (0, 0, 80)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_one_costs_the_others_no_frame() -> None:
    """Where every frame is wanted, an error that nobody foresaw ends one output; the other gets them all."""
    bad, good = Quick("bad"), Quick("good")
    bad.error = AssertionError("a bug")
    runners = started(bad, good, lossless=True)
    play(runners, range(100), 1e6)
    assert all(runner.close(5) for runner in runners)
    assert good.seqs == list(range(100))
    until(lambda: couriers() == 0)


def test_all_frames_are_written_where_all_are_wanted() -> None:
    """Lossless, nothing is lost and nothing overtakes, with two in turn."""
    sinks = [Quick(), Quick()]
    runners = started(*sinks, lossless=True)
    play(runners, range(300), 1e6)
    assert all(runner.close(5) for runner in runners)
    assert sinks[0].seqs == sinks[1].seqs == list(range(300))


def test_switched_on_and_off_while_others_run() -> None:
    """Forty outputs come and go in other threads; nothing is written after its end, nobody else misses it."""
    steady = Quick("steady")
    runners = started(steady)
    done = threading.Event()
    guests: list[Quick] = []

    def come_and_go() -> None:
        while len(guests) < 40:
            guest = Quick("guest")
            (runner,) = started(guest)
            for seq in range(3):
                runner.submit(make_motion(seq))
            assert runner.close()
            guests.append(guest)
        done.set()

    thread = threading.Thread(target=come_and_go)
    thread.start()
    seq = 0
    while not done.is_set():
        play(runners, range(seq, seq + 1))
        seq += 1
    thread.join()
    assert runners[0].close()
    assert steady.seqs[-1] == seq - 1
    assert not steady.overlaps
    assert all(guest.closed and guest.seqs[-1] == 2 and not guest.overlaps for guest in guests)
    until(lambda: couriers() == 0)


class Chatty(Quick):
    """One that wants to know when nothing comes."""

    idles = 0

    def idle(self) -> None:
        self.overlaps += self._busy.locked()
        self.idles += 1
        if self.error is not None:
            raise self.error


def test_who_wants_to_know_is_told_that_nothing_comes() -> None:
    """Once for each time, in place of a frame; others are not, and no frame is counted for it."""
    chatty, quick = Chatty(), Quick()
    runners = started(chatty, quick)
    play(runners, range(3))
    for told in range(1, 4):
        for runner in runners:
            runner.remind()
        until(lambda told=told: chatty.idles == told)  # type: ignore[misc]
    play(runners, range(3, 5))
    for runner in runners:
        assert runner.close()
        runner.remind()
        assert (runner.counters.received, runner.counters.sent + runner.counters.dropped) == (5, 5)
    assert (chatty.idles, chatty.overlaps, chatty.seqs[-1]) == (3, 0, 4)


def test_one_that_fails_while_nothing_comes_has_failed() -> None:
    """As if it had failed at a frame: the others go on."""
    chatty, quick = Chatty(), Quick()
    runners = started(chatty, quick)
    chatty.error = OSError("no network")
    runners[0].remind()
    until(lambda: runners[0].failure)
    play(runners, range(3))
    assert [runner.close() for runner in runners] == [True, True]
    assert chatty.closed
    assert (chatty.seqs, quick.seqs[-1]) == ([], 2)
