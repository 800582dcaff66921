"""ZeroMQ output: one PUB socket, one frame per message, newest wins for slow receivers."""

from __future__ import annotations

import logging
import time

import zmq

from lifting.errors import SinkError
from realtime.curve import apply_server
from realtime.data import Motion
from realtime.exposure import Listener, check_binding
from realtime.open_files import expect_room
from realtime.sinks.wire import META_TOPIC, POSE_TOPIC, StreamInfo, encode_meta, encode_pose, sendable

log = logging.getLogger(__name__)

DEFAULT_ENDPOINT = "tcp://127.0.0.1:5570"
META_PERIOD_NS = 1_000_000_000
MAX_SUBSCRIPTION_BYTES = 4096
"""All that a receiver sends are topics and keys."""


class ZmqSink:
    """Publishes poses; a receiver that cannot keep up loses frames, the sender never waits."""

    queue = 1

    def __init__(
        self,
        endpoint: str = DEFAULT_ENDPOINT,
        *,
        lan: bool = False,
        insecure: bool = False,
        info: StreamInfo | None = None,
    ) -> None:
        """`endpoint`: tcp://HOST:PORT to bind (port * = any), or ipc://PATH.

        A host that other machines can reach needs `lan`, and keys of those who may connect; with `insecure`
        anyone may. Raises ConfigError when something of that is missing, and for another form.
        """
        self.endpoint = endpoint
        """After `open`: the address in use, with the port the system chose."""
        self._info = info or StreamInfo()
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._socket: zmq.Socket[bytes] | None = None
        self._meta_due_ns = 0
        self._warned = False
        self._binding = check_binding("--zmq", endpoint, DEFAULT_ENDPOINT, lan=lan, insecure=insecure)

    @property
    def name(self) -> str:
        """For counters and messages."""
        return f"zmq {self.endpoint}"

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """This socket, when other machines can reach it."""
        return (self._binding.listener("poses", "sealcap listen zmq"),) if self._binding.open else ()

    def open(self) -> None:
        """Bind. Raises SinkError naming the port when it is taken."""
        expect_room(self.name)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUB)
        for option, value in (
            (zmq.SNDHWM, 4),
            (zmq.LINGER, 0),
            (zmq.MAXMSGSIZE, MAX_SUBSCRIPTION_BYTES),
            (zmq.HEARTBEAT_IVL, 1000),
            (zmq.HEARTBEAT_TIMEOUT, 5000),
            (zmq.TCP_KEEPALIVE, 1),
            (zmq.IPV6, int("[" in self.endpoint)),
        ):
            self._socket.setsockopt(option, value)
        if self._binding.keys is not None:
            apply_server(self._socket, self._binding.keys)
        try:
            self._socket.bind(self.endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise SinkError(_bind_message(self.endpoint, error)) from error
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def write(self, motion: Motion) -> None:
        """Publish one frame, and the meta message when a second has passed. Raises SinkError."""
        if self._socket is None:
            raise SinkError(f"{self.name} is not open.")
        try:
            # Asking for events makes libzmq take note of what receivers have read. Left to itself it does so
            # about once a millisecond, and takes a short burst for a receiver that is too slow.
            self._socket.getsockopt(zmq.EVENTS)
            now_ns = time.monotonic_ns()
            if now_ns >= self._meta_due_ns:
                self._meta_due_ns = now_ns + META_PERIOD_NS
                self._socket.send(META_TOPIC + encode_meta(self._info, motion), zmq.NOBLOCK)
            self._socket.send(POSE_TOPIC + encode_pose(motion), zmq.NOBLOCK)
        except zmq.Again:
            return  # PUB drops for slow receivers by itself; nothing may ever make us wait
        except zmq.ZMQError as error:
            raise SinkError(f"{self.name} stopped working: {error}.") from error
        if not self._warned and not all(sendable(pose) for pose in motion.people):
            self._warned = True
            log.warning("%s: a pose with numbers that are not finite was left out.", self.name)

    def close(self) -> None:
        """Release the port; idempotent."""
        if self._socket is not None:
            self._socket.close()
        if self._context is not None:
            self._context.term()
        self._socket = self._context = None


def _bind_message(endpoint: str, error: zmq.ZMQError) -> str:
    if error.errno == zmq.EADDRINUSE:
        base, _, port = endpoint.rpartition(":")
        other = f"{base}:{int(port) % 65535 + 1}" if port.isdecimal() else f"{endpoint}2"
        return f"{endpoint} is taken, perhaps by another run. Choose another one: --zmq {other}."
    return f"Cannot publish on {endpoint}: {error}. Choose another address: --zmq {DEFAULT_ENDPOINT}."
