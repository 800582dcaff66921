"""A sink behind a mailbox and in another thread: whatever it does, the pipeline does not wait."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from lifting.errors import SealcapError, SinkError
from realtime.data import Motion
from realtime.mailbox import Mailbox
from realtime.sinks import Sink, Steady
from realtime.sinks.courier import COURIER
from realtime.sinks.pictures import without_picture
from realtime.timing import SinkReport

log = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 20.0
FILE_TIMEOUT_S = 10.0
"""A sink with a queue writes a file, which is worth waiting for when the disk is slow: so long for what is
in the queue, and once more for closing the file."""
_FAILURES = (SealcapError, OSError, RuntimeError, ValueError, TypeError, LookupError, ArithmeticError)
"""What a failing output raises; the rest of the pipeline goes on without it."""


@dataclass(frozen=True, slots=True)
class SinkCounters:
    """received = sent + dropped + failed + waiting."""

    received: int
    sent: int
    dropped: int
    """Given up because the sink was too slow, or because there was no time left at the end."""
    failed: int
    """Lost because the sink was broken; also the frame that is just being written."""
    waiting: int


class SinkRunner:
    """Runs one sink. Opened by `start`, fed by `submit`, ended by `close`."""

    def __init__(self, sink: Sink, *, lossless: bool = False) -> None:
        """`lossless`: `submit` waits for room instead of dropping (every frame of a file is wanted).

        A sink with `queue` > 1 gets frames whose picture is black and takes no memory: a queue of real
        pictures would fill the machine within seconds. One that has the attribute `pictures` gets real
        ones while fewer than so many frames wait; poses outlast a stall that pictures do not.

        Every sink is opened and closed in a thread of its own, which also writes. To wake it sixty times a
        second costs more than many a sink's writing, hence two exceptions. A sink with `never_waits` is
        written to by the courier that serves all of them. One with `pause_s` finds all frames of that time
        together, unless every frame is wanted or has its picture.
        """
        self.sink = sink
        self.failure: str | None = None
        """Why the sink stopped working; None while it works."""
        self._lossless = lossless
        self._pictures: int = getattr(sink, "pictures", 0)
        depth = self._pictures if lossless and self._pictures else max(1, sink.queue)
        self._box: Mailbox[Motion] = Mailbox(depth, "newest" if sink.queue <= 1 else "oldest")
        self._by_courier: bool = getattr(sink, "never_waits", False)
        in_no_hurry = not (lossless or self._pictures or self._by_courier)
        self._pause_s: float | None = getattr(sink, "pause_s", None) if in_no_hurry else None
        self._resting = self._by_courier or self._pause_s is not None
        """The sink's own thread need not be woken for a frame."""
        self._steady = sink if isinstance(sink, Steady) else None
        self._customer = self._broken = self._idle = False
        self._wake = threading.Event()
        self._writing = threading.Lock()
        self._opened = threading.Event()
        self._abandon = threading.Event()
        self._open_error: SinkError | None = None
        self._received = self._sent = self._failed = self._abandoned = self._late = 0
        self._thread = threading.Thread(target=self._run, name=f"sink {sink.name}", daemon=True)

    @property
    def name(self) -> str:
        """The sink's name."""
        return self.sink.name

    @property
    def sent(self) -> int:
        """Frames written."""
        return self._sent

    @property
    def dropped(self) -> int:
        """Frames given up because the sink was too slow."""
        return self._box.dropped + self._abandoned

    @property
    def counters(self) -> SinkCounters:
        """The books; exact once `close` has returned True."""
        return SinkCounters(
            self._received, self._sent, self.dropped, self._failed + self._late, len(self._box)
        )

    @property
    def report(self) -> SinkReport:
        """The account of a run that is over; what waits before a sink that hangs counts as failed."""
        books = self.counters
        failed = books.failed + books.waiting
        return SinkReport(self.name, books.sent, books.dropped, self.failure, failed)

    def start(self) -> None:
        """Open the sink. Raises its SinkError, or one when it does not open in time."""
        self._thread.start()
        if not self._opened.wait(OPEN_TIMEOUT_S):
            self._abandon.set()
            self._box.close()
            self.leave()
            raise SinkError(f"{self.name} did not open within {OPEN_TIMEOUT_S:.0f} seconds.")
        if self._open_error is not None:
            raise self._open_error

    def submit(self, motion: Motion) -> None:
        """Offer one frame; never blocks unless `lossless`."""
        self._received += 1
        if self.failure is not None or self._box.closed:
            self._late += 1
            return
        if self._picture_is_too_much():
            motion = without_picture(motion)
        if not self._lossless:
            self._box.put(motion)
        elif not self._box.put_wait(motion):
            self._late += 1
        if self._by_courier:
            COURIER.call(self)
        elif self._pause_s is not None and 2 * len(self._box) >= self._box.depth:
            self._wake.set()

    def remind(self) -> None:
        """There is no frame to submit; never waits. For sinks that want to know."""
        if self._steady is not None and self._by_courier:
            self._idle = True
            COURIER.call(self)

    def _picture_is_too_much(self) -> bool:
        if self.sink.queue <= 1 or (self._lossless and self._pictures):
            return False
        return len(self._box) >= self._pictures

    def close(self, timeout: float = 0.8) -> bool:
        """Write what waits, for up to `timeout` seconds, then close the sink, for as long again. Idempotent.

        Both times FILE_TIMEOUT_S where that is more and the sink is a file. False when the sink hangs and
        had to be left behind; its thread does not keep the program alive.
        """
        self._box.close()
        self.leave()
        if self._thread.ident is None or self._thread is threading.current_thread():
            return True
        if self.sink.queue > 1:
            timeout = max(timeout, FILE_TIMEOUT_S)
        self._thread.join(timeout)
        self._abandon.set()
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._fail(f"{self.name} does not answer and was left behind.")
        return not self._thread.is_alive()

    def serve(self) -> None:
        """For the courier: write the frame that waits."""
        orderly = False
        if not self._writing.acquire(blocking=False):
            return  # left just now; the sink's own thread is at it
        try:
            if self._by_courier and not self._write_next(0.0):
                self._let_idle()
            orderly = True
        finally:
            self._expect(orderly)
            self._writing.release()

    def leave(self) -> None:
        """Let the sink's own thread do the writing from now on."""
        self._by_courier = self._resting = False
        self._wake.set()

    def _run(self) -> None:
        orderly = False
        try:
            if self._open():
                self._rest()
                with self._writing:  # the courier may be at its last frame
                    while self._write_next():
                        pass
            orderly = True
        finally:
            self._expect(orderly)
            self._give_up_waiting()
            self._close_sink()
            self._opened.set()

    def _open(self) -> bool:
        try:
            self.sink.open()
        except _FAILURES as error:
            self._open_error = error if isinstance(error, SinkError) else _as_sink_error(self.name, error)
            self.failure = str(self._open_error)
            return False
        if self._by_courier:
            self._customer = True
            COURIER.join()
        self._opened.set()
        return True

    def _rest(self) -> None:
        """While the courier writes, or between two looks into the box."""
        while self._resting:
            self._wake.wait(self._pause_s)
            self._wake.clear()
            while self._pause_s is not None and len(self._box) and self._write_next():
                pass
        if self._customer:
            COURIER.quit()

    def _write_next(self, timeout: float | None = None) -> bool:
        """One frame; False when the work is over, or none has come in time."""
        motion = None if self._broken else self._box.get(timeout)
        if motion is None:
            return False
        if self._abandon.is_set():
            self._abandoned += 1
            return False
        self._failed += 1  # until it is written: whatever happens now, the frame is in the books
        try:
            self.sink.write(motion)
        except _FAILURES as error:
            self._broken = True
            self._fail(str(_as_sink_error(self.name, error)))
            return False
        self._failed -= 1
        self._sent += 1
        return True

    def _let_idle(self) -> None:
        idle, self._idle = self._idle, False
        if not idle or self._steady is None or self._broken or self._abandon.is_set():
            return
        try:
            self._steady.idle()
        except _FAILURES as error:
            self._broken = True
            self._fail(str(_as_sink_error(self.name, error)))

    def _give_up_waiting(self) -> None:
        self._box.close()
        while self._box.get(0) is not None:
            if self.failure is None:
                self._abandoned += 1
            else:
                self._failed += 1

    def _close_sink(self) -> None:
        closed = False
        try:
            self.sink.close()
            closed = True
        except _FAILURES as error:
            self._fail(str(_as_sink_error(self.name, error)))
        finally:
            if not closed:
                self._fail(f"{self.name} did not close properly.")

    def _expect(self, orderly: bool) -> None:
        if not orderly:  # an error that nobody foresaw is on its way out of this thread
            self._broken = True
            self._fail(f"{self.name} stopped unexpectedly.")

    def _fail(self, message: str) -> None:
        if self.failure is None:
            self.failure = message
            self.leave()
            log.error("The other outputs go on without this one: %s", message)


def _as_sink_error(name: str, error: Exception) -> SinkError:
    """SinkError as it is; anything else with the sink's name and the kind of error before it."""
    if isinstance(error, SealcapError):
        return error if isinstance(error, SinkError) else SinkError(str(error))
    return SinkError(f"{name} failed: {type(error).__name__}: {error}.")
