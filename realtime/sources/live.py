"""What cameras and network streams have in common: one thread reads, the newest frame wins, losses mend.

OpenCV's reads block and its buffers hold old frames. A private thread therefore reads as fast as frames
come and keeps only the newest; `close` never waits for it, so a device that hangs cannot hang us.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from threading import Event, Lock, Thread

from lifting.errors import SourceError
from realtime.data import Frame
from realtime.mailbox import Mailbox
from realtime.sources.opencv import VideoCapture, grab, retrieve, wall_offset_ns

log = logging.getLogger(__name__)

BACKOFF_S = (0.2, 5.0)
"""First and longest pause between attempts to reconnect; it doubles in between."""
MISSES = 5
"""Failed reads in a row after which the connection counts as lost."""
JOIN_S = 0.3
"""How long `close` waits for the reading thread before leaving it to end by itself."""


class LiveReader(ABC):
    """Reads one live capture in a thread of its own, reconnecting when it is lost.

    A subclass says how to connect, how to stamp and how to explain a failure; it calls this constructor
    last, because that starts the thread.
    """

    live = True
    fps: float | None = None

    def __init__(self, name: str, *, start_s: float = 10.0, stall_s: float = 3.0) -> None:
        """No frame for `stall_s` counts as frozen. Raises SourceError when none came within `start_s`."""
        self.name = name
        self._stall_s = stall_s
        self._box: Mailbox[Frame] = Mailbox()
        self._closed, self._started = Event(), Event()
        self._failure = "it gives no picture"
        self._duplicates, self._index, self._last_ns = 0, 0, -1
        self._lost, self._lost_lock = False, Lock()
        self._wall_offset_ns = wall_offset_ns()
        self._thread = Thread(target=self._run, name=f"read {name}", daemon=True)
        self._thread.start()
        try:
            answered = self._started.wait(start_s)
        except BaseException:
            self.close()
            raise
        if not answered or self._index == 0:
            self.close()
            raise SourceError(self._explain(self._failure))

    @abstractmethod
    def _connect(self) -> VideoCapture | None:
        """Open the device or address; None when that fails."""

    @abstractmethod
    def _stamp(self, capture: VideoCapture, received_ns: int) -> int:
        """VideoCapture time of the picture just grabbed; the same as the last one's for a duplicate."""

    @abstractmethod
    def _explain(self, reason: str) -> str:
        """Message for a source that does not start."""

    @property
    def missed(self) -> int:
        """Frames replaced by a newer one before anybody took them, duplicates, and unreadable ones."""
        return self._box.dropped + self._duplicates

    def frames(self) -> Iterator[Frame]:
        """The newest frame each time, as soon as there is one."""
        while not self._closed.is_set():
            frame = self._box.get(self._stall_s)
            if frame is not None:
                if not self._closed.is_set():
                    yield frame
            elif not self._closed.is_set():
                self._say_lost("has stopped delivering pictures")

    def close(self) -> None:
        """End `frames` and the reading thread; a thread stuck inside a driver releases the device later."""
        self._closed.set()
        self._box.close()
        self._thread.join(JOIN_S)

    def _run(self) -> None:
        pause_s = BACKOFF_S[0]
        while not self._closed.is_set():
            capture = self._connect()
            if capture is not None:
                received = self._index
                self._read(capture)
                capture.release()
                if self._index > received:
                    pause_s = BACKOFF_S[0]
            else:
                self._failure = "it cannot be opened"
            if not self._started.is_set():
                self._started.set()
                return
            if self._closed.is_set():
                return
            self._say_lost("is gone")
            self._closed.wait(pause_s)
            pause_s = min(2 * pause_s, BACKOFF_S[1])

    def _read(self, capture: VideoCapture) -> None:
        """Read until the capture fails `MISSES` times in a row or we are closed."""
        misses = 0
        while misses < MISSES and not self._closed.is_set():
            if not grab(capture):
                misses += 1
                self._closed.wait(0.05)
                continue
            received_ns = time.monotonic_ns()
            capture_ns = self._stamp(capture, received_ns)
            image = retrieve(capture)
            if image is None or capture_ns <= self._last_ns:
                self._duplicates += 1
                misses += image is None
                continue
            misses = 0
            self._last_ns = capture_ns
            self._deliver(Frame(image, self._index, capture_ns, received_ns, self._wall_offset_ns))

    def _deliver(self, frame: Frame) -> None:
        self._index = frame.index + 1
        if not self._closed.is_set():
            self._box.put(frame)
        with self._lost_lock:
            was_lost, self._lost = self._lost, False
        if was_lost:
            log.warning("%s is back (%d×%d).", self.name, *frame.size)
        self._started.set()

    def _say_lost(self, what: str) -> None:
        with self._lost_lock:
            was_lost, self._lost = self._lost, True
        if not was_lost:
            log.warning("%s %s; waiting for it to come back.", self.name, what)

    def __enter__(self) -> LiveReader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
