"""Sinks in threads: nobody waits, every frame is accounted for."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from lifting.errors import ConfigError, SinkError
from realtime.data import Motion
from realtime.sinks.runner import SinkRunner
from tests.realtime.sinks.motions import make_motion


class Gate:
    """A sink whose writes wait for `go`, and that can be told to fail."""

    name = "gate"
    never_waits: bool
    pause_s: float | None

    def __init__(
        self, queue: int = 1, fail: Exception | None = None, fail_open: Exception | None = None
    ) -> None:
        self.queue = queue
        self.go, self.writing = threading.Event(), threading.Event()
        self.calls: list[str] = []
        self.written: list[Motion] = []
        self.threads: set[int] = set()
        self._fail, self._fail_open = fail, fail_open

    def open(self) -> None:
        self._note("open")
        if self._fail_open:
            raise self._fail_open

    def write(self, motion: Motion) -> None:
        self.threads.add(threading.get_ident())
        self.writing.set()
        self.go.wait(10)
        if self._fail:
            raise self._fail
        self.written.append(motion)

    def close(self) -> None:
        self._note("close")

    def _note(self, call: str) -> None:
        self.threads.add(threading.get_ident())
        self.calls.append(call)


@pytest.fixture(autouse=True, params=["own thread", "courier", "in no hurry"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whoever does the writing, every law here holds."""
    kind: str = request.param
    monkeypatch.setattr(Gate, "never_waits", kind == "courier", raising=False)
    monkeypatch.setattr(Gate, "pause_s", 0.05 if kind == "in no hurry" else None, raising=False)
    return kind


def started(sink: Gate, **options: bool) -> SinkRunner:
    runner = SinkRunner(sink, **options)
    runner.start()
    return runner


def test_all_calls_come_from_one_other_thread(kind: str) -> None:
    """open, write and close run in the sink's thread, in this order, once; the courier only writes."""
    sink = Gate()
    runner = started(sink)
    sink.go.set()
    runner.submit(make_motion())
    assert runner.close()
    assert runner.close()
    assert sink.calls == ["open", "close"]
    assert len(sink.written) == 1
    assert runner._thread.ident in sink.threads
    assert len(sink.threads) <= 1 + (kind == "courier")
    assert threading.get_ident() not in sink.threads


def test_the_newest_frame_wins_behind_a_slow_sink() -> None:
    """While one write hangs, only the newest frame waits; the rest is counted as dropped."""
    sink = Gate()
    runner = started(sink)
    runner.submit(make_motion(0))
    assert sink.writing.wait(5)
    for seq in range(1, 100):
        runner.submit(make_motion(seq))
    sink.go.set()
    assert runner.close()
    assert [m.seq for m in sink.written] == [0, 99]
    counters = runner.counters
    assert (counters.received, counters.sent, counters.dropped, counters.failed) == (100, 2, 98, 0)


def test_submit_never_waits_for_a_hanging_sink() -> None:
    """p99 of submit stays under half a millisecond while the sink hangs."""
    sink = Gate()
    runner = started(sink)
    motion, times = make_motion(), []
    for _ in range(2000):
        begin = time.perf_counter()
        runner.submit(motion)
        times.append(time.perf_counter() - begin)
    sink.go.set()
    runner.close()
    assert float(np.percentile(times, 99)) < 0.5e-3


def test_a_deep_queue_keeps_the_oldest_and_is_written_at_the_end() -> None:
    """A recorder loses the newest when full, writes all that waits on close, and holds no pictures."""
    sink = Gate(queue=10)
    runner = started(sink)
    runner.submit(make_motion(0))
    assert sink.writing.wait(5)
    for seq in range(1, 31):
        runner.submit(make_motion(seq))
    assert runner.counters.waiting == 10
    sink.go.set()
    assert runner.close(5)
    assert [m.seq for m in sink.written] == list(range(11))
    assert runner.counters.dropped == 20
    assert sink.written[3].frame.size == make_motion(0).frame.size
    assert sink.written[3].frame.image.strides == (0, 0, 0)


@pytest.mark.parametrize("kind", ["in no hurry"], indirect=True)
def test_a_sink_in_no_hurry_finds_frames_together_and_is_woken_before_its_box_is_full() -> None:
    """With a pause of a minute nothing is written, until half the box is full, or the end."""
    Gate.pause_s = 60.0
    sink = Gate(queue=20)
    sink.go.set()
    runner = started(sink)
    for seq in range(9):
        runner.submit(make_motion(seq))
    time.sleep(0.05)
    assert not sink.written
    runner.submit(make_motion(9))
    assert sink.writing.wait(5)
    until = time.monotonic() + 5
    while len(sink.written) < 10 and time.monotonic() < until:
        time.sleep(0.002)
    runner.submit(make_motion(10))
    assert runner.close(5)
    assert [m.seq for m in sink.written] == list(range(11))
    assert runner.counters.dropped == 0


def test_lossless_drops_nothing() -> None:
    """With every frame wanted, submit waits for the sink."""
    sink = Gate()
    sink.go.set()
    runner = started(sink, lossless=True)
    for seq in range(300):
        runner.submit(make_motion(seq))
    assert runner.close(5)
    assert [m.seq for m in sink.written] == list(range(300))
    assert runner.counters.dropped == 0


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize(
    "error",
    [SinkError("The disk is gone."), OSError(5, "Input/output error"), ValueError("odd"), KeyError("k")],
)
def test_a_failing_sink_is_marked_and_told_once(
    error: Exception, lossless: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Its message is logged once, it is closed, and later submits return at once and are counted."""
    sink = Gate(fail=error)
    sink.go.set()
    runner = started(sink, lossless=lossless)
    for seq in range(50):
        runner.submit(make_motion(seq))
    runner.close()
    assert runner.failure is not None
    assert str(error.args[-1]) in runner.failure
    assert len(caplog.records) == 1
    counters = runner.counters
    assert counters.received == counters.sent + counters.dropped + counters.failed == 50
    assert counters.sent == 0
    assert sink.calls == ["open", "close"]


@pytest.mark.parametrize("error", [SinkError("Port 1 is taken."), OSError(13, "Permission denied")])
def test_a_sink_that_does_not_open_stops_the_start(error: Exception) -> None:
    """start raises a SinkError in the caller's thread; what was half open is closed."""
    sink = Gate(fail_open=error)
    runner = SinkRunner(sink)
    with pytest.raises(SinkError, match=str(error.args[-1])):
        runner.start()
    runner.submit(make_motion())
    assert runner.close()
    assert sink.calls == ["open", "close"]
    assert runner.counters.failed == 1


def test_a_sink_that_hangs_is_left_behind() -> None:
    """close returns in about the time allowed, and says so."""
    sink = Gate()
    runner = started(sink)
    runner.submit(make_motion())
    assert sink.writing.wait(5)
    begin = time.monotonic()
    assert runner.close(0.1) is False
    assert time.monotonic() - begin < 1
    assert runner.failure is not None
    sink.go.set()
    runner._thread.join(5)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("queue", [1, 10])
@pytest.mark.parametrize("error", [SinkError("gone"), AssertionError("nobody thought of this"), None])
def test_the_report_accounts_for_every_frame(queue: int, error: Exception | None) -> None:
    """sent + dropped + failed = offered, whether the sink works, fails, has a bug, or hangs at the end."""
    sink = Gate(queue=queue, fail=error)
    runner = started(sink)
    runner.submit(make_motion(0))
    assert sink.writing.wait(5)
    for seq in range(1, 30):
        runner.submit(make_motion(seq))
    if error is not None:
        sink.go.set()
        runner._thread.join(5)
        runner.submit(make_motion(30))
    if queue == 1:
        runner.close(0.05)
    else:
        runner._box.close()
        runner.leave()
    report = runner.report
    assert report.sent + report.dropped + report.failed == 30 + (error is not None)
    assert report.failed >= 1
    sink.go.set()
    runner._thread.join(5)
    report = runner.report
    assert report.sent + report.dropped + report.failed == 30 + (error is not None)
    assert (report.failed == 0) == (error is None)


def test_closing_what_never_started_is_fine() -> None:
    """A pipeline that failed before this sink still closes it."""
    assert SinkRunner(Gate()).close()


def test_other_library_errors_become_sink_errors() -> None:
    """Whatever of our own a sink raises on opening, the caller sees one kind."""
    with pytest.raises(SinkError, match="--lan"):
        SinkRunner(Gate(fail_open=ConfigError("Add --lan."))).start()
