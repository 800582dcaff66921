"""The capture thread: takes frames from a source and leaves the newest in a mailbox."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from lifting.errors import SealcapError, SourceError
from realtime.data import Frame
from realtime.mailbox import Mailbox
from realtime.sources import Source


class Captured(NamedTuple):
    """A frame on its way to inference."""

    frame: Frame
    handed_ns: int
    """time.monotonic_ns() when it was decoded and put into the mailbox."""


class Capture:
    """Runs a source in a thread of its own. `lossless` waits for the reader in place of dropping."""

    def __init__(self, source: Source, *, lossless: bool) -> None:
        self.source = source
        self.captured = 0
        self.error: SealcapError | None = None
        self.unprocessed = 0
        self._lossless = lossless
        self._box: Mailbox[Captured] = Mailbox(depth=2 if lossless else 1)
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    @property
    def overwritten(self) -> int:
        """Frames that a newer one replaced before inference was free."""
        return self._box.dropped

    def start(self) -> None:
        """Begin to take frames."""
        self._thread.start()

    def next(self, timeout: float) -> Captured | None:
        """The newest frame, or None after `timeout` seconds or at the end: ask `ended`."""
        return self._box.get(timeout)

    @property
    def ended(self) -> bool:
        """True when the source is exhausted and every frame was taken."""
        return self._box.closed and not len(self._box)

    def close(self, timeout: float = 1.0) -> None:
        """Stop the source and the thread, and count what nobody took."""
        self.source.close()
        self._box.close()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        while self._box.get(0) is not None:  # only now can the thread put nothing more behind our back
            self.unprocessed += 1

    def _run(self) -> None:
        unforeseen = True
        try:
            for frame in self.source.frames():
                if not self._hand_over(Captured(frame, time.monotonic_ns())):
                    break
            unforeseen = False
        except SealcapError as error:
            self.error, unforeseen = error, False
        finally:
            if unforeseen:  # the traceback is on its way to stderr; the run must not look like a success
                self.error = SourceError(f"{self.source.name} stopped unexpectedly.")
            self._box.close()

    def _hand_over(self, item: Captured) -> bool:
        """False when nobody will take frames any more."""
        self.captured += 1
        if self._lossless:
            taken = self._box.put_wait(item)
            self.unprocessed += not taken
            return taken
        if self._box.closed:
            self.unprocessed += 1
            return False
        self._box.put(item)
        return True
