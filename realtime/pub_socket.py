"""A ZeroMQ PUB socket that binds; a receiver that cannot keep up loses messages, the sender never waits."""

from __future__ import annotations

from collections.abc import Callable

import zmq

from lifting.errors import SinkError
from realtime.curve import ServerKeys, apply_server
from realtime.open_files import expect_room

MAX_SUBSCRIPTION_BYTES = 4096
"""All that a receiver sends are topics and keys. libzmq keeps fifty bytes for each of a topic's."""
_WATCHFUL = (
    (zmq.HEARTBEAT_IVL, 1000),
    (zmq.HEARTBEAT_TIMEOUT, 5000),
    (zmq.TCP_KEEPALIVE, 1),
)


class PubSocket:
    """For one thread at a time."""

    def __init__(
        self,
        kind: str,
        endpoint: str,
        complaint: Callable[[str, zmq.ZMQError], str],
        *,
        keys: ServerKeys | None = None,
        linger_ms: int = 0,
        watchful: bool = True,
    ) -> None:
        """`kind` stands before the endpoint in the name; `complaint`: what to say of an endpoint that cannot
        be bound; `keys`: of who may connect, None for everybody; `linger_ms`: so long the last messages may
        take to leave; `watchful`: notice receivers that are gone, by heartbeats.
        """
        self.endpoint = endpoint
        """After `open`: the address in use, with the port the system chose."""
        self._kind, self._complaint, self._keys = kind, complaint, keys
        self._options = (
            (zmq.SNDHWM, 4),
            (zmq.LINGER, linger_ms),
            (zmq.MAXMSGSIZE, MAX_SUBSCRIPTION_BYTES),
            *(_WATCHFUL if watchful else ()),
        )
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._socket: zmq.Socket[bytes] | None = None

    @property
    def name(self) -> str:
        """For counters and messages."""
        return f"{self._kind} {self.endpoint}"

    def open(self) -> None:
        """Bind. Raises SinkError with the complaint."""
        expect_room(self.name)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUB)
        for option, value in (*self._options, (zmq.IPV6, int("[" in self.endpoint))):
            self._socket.setsockopt(option, value)
        try:
            if self._keys is not None:
                apply_server(self._socket, self._keys)
            self._socket.bind(self.endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise SinkError(self._complaint(self.endpoint, error)) from error
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def send(self, *messages: bytes) -> None:
        """Publish them in order, unless there is no room. Raises SinkError when closed or broken."""
        if self._socket is None:
            raise SinkError(f"{self.name} is not open.")
        try:
            # Asking for events makes libzmq take note of what receivers have read. Left to itself it does so
            # about once a millisecond, and takes a short burst for a receiver that is too slow.
            self._socket.getsockopt(zmq.EVENTS)
            for message in messages:
                self._socket.send(message, zmq.NOBLOCK)
        except zmq.Again:
            return  # PUB drops for slow receivers by itself; nothing may ever make us wait
        except zmq.ZMQError as error:
            raise SinkError(f"{self.name} stopped working: {error}.") from error

    def close(self) -> None:
        """Release the port; idempotent."""
        if self._socket is not None:
            self._socket.close()
        if self._context is not None:
            self._context.term()
        self._socket = self._context = None
