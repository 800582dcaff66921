"""How much is under way to a server that may be slower than we are.

A socket takes in megabytes that nobody reads, seconds of frames, and the newest, an emergency stop perhaps,
would wait behind all of them. So each frame is followed by a ping; the pong says that everything before it
was read. While an old ping waits for its pong nothing more is sent.
"""

from __future__ import annotations

import time
from collections import deque
from threading import Event

from websockets.sync.client import ClientConnection

LONGEST_S = 0.15
"""Frames of so much time may be under way: enough for a tunnel to the next building, and all that a robot
can be behind by."""
LOOK_S = 0.02


class UnderWay:
    """Of one connection, for the thread that sends."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._pings: deque[tuple[float, Event]] = deque()
        """When each was sent, oldest first, and whether its pong has come."""

    def mark(self) -> None:
        """A frame was sent. Raises the failures of sending."""
        self._pings.append((time.monotonic(), self._connection.ping()))

    def wait(self, seconds: float) -> bool:
        """Until all but the last `LONGEST_S` was read, for `seconds` at most; whether it was."""
        end_s = time.monotonic() + seconds
        while self._is_much():
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                return False
            self._pings[0][1].wait(min(left_s, LOOK_S))
        return True

    def _is_much(self) -> bool:
        while self._pings and self._pings[0][1].is_set():
            self._pings.popleft()
        return bool(self._pings) and time.monotonic() - self._pings[0][0] > LONGEST_S
