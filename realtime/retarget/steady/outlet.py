"""A transport in a thread of its own behind a mailbox: the loop never waits for one."""

from __future__ import annotations

import logging
import threading

from lifting.errors import SinkError
from realtime.mailbox import Mailbox
from realtime.retarget.robot_pose import RobotCommand
from realtime.retarget.transports.description import Transport

log = logging.getLogger(__name__)

OPEN_TIMEOUT_S, CLOSE_TIMEOUT_S = 10.0, 0.5
DEPTH = 2
"""Commands that may wait; a receiver that is slower gets the newest."""
_FAILURES = (SinkError, OSError, RuntimeError, ValueError, TypeError, LookupError, ArithmeticError)


class Outlet:
    """Opened by `start`, fed by `put`, ended by `close`."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.failure = ""
        """Why it stopped working; empty while it works."""
        self.sent = 0
        self._box: Mailbox[RobotCommand] = Mailbox(DEPTH, "newest")
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"out {transport.name}", daemon=True)

    @property
    def dropped(self) -> int:
        """Commands that were overwritten because the transport was too slow."""
        return self._box.dropped

    def start(self) -> None:
        """Open the transport. Raises SinkError when it fails, or takes too long."""
        self._thread.start()
        if not self._opened.wait(OPEN_TIMEOUT_S):
            self._box.close()
            raise SinkError(f"{self.transport.name} did not open within {OPEN_TIMEOUT_S:.0f} seconds.")
        if self.failure:
            raise SinkError(self.failure)

    def put(self, command: RobotCommand) -> None:
        """Leave a command; never waits."""
        self._box.put(command)

    def close(self) -> None:
        """Send what waits, and close. A transport that hangs is left behind."""
        self._box.close()
        if self._thread.ident is not None:
            self._thread.join(CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        try:
            self.transport.open()
            self._opened.set()
            while (command := self._box.get()) is not None:
                self.transport.send(command)
                self.sent += 1
        except _FAILURES as error:
            self._fail(error)
        finally:
            self._box.close()
            self._close()
            self._opened.set()

    def _close(self) -> None:
        try:
            self.transport.close()
        except _FAILURES as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self.failure:
            return
        kind = "" if isinstance(error, SinkError) else f"{self.transport.name}: {type(error).__name__}: "
        self.failure = f"{kind}{error}"
        if self._opened.is_set():
            log.error("The robot's other outputs go on without this one: %s", self.failure)
