"""ZeroMQ output: one PUB socket, one frame per message, newest wins for slow receivers."""

from __future__ import annotations

import logging
import time
from functools import partial

from realtime.bind_error import bind_error
from realtime.data import Motion
from realtime.exposure import Listener, check_binding
from realtime.pub_socket import PubSocket
from realtime.sinks.wire import META_TOPIC, POSE_TOPIC, StreamInfo, encode_meta, encode_pose, sendable

log = logging.getLogger(__name__)

DEFAULT_ENDPOINT = "tcp://127.0.0.1:5570"
META_PERIOD_NS = 1_000_000_000


class ZmqSink:
    """Publishes poses; a receiver that cannot keep up loses frames, the sender never waits."""

    queue = 1
    never_waits = True

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
        self._info = info or StreamInfo()
        self._meta_due_ns = 0
        self._warned = False
        self._binding = check_binding("--zmq", endpoint, DEFAULT_ENDPOINT, lan=lan, insecure=insecure)
        self._socket = PubSocket("zmq", endpoint, partial(bind_error, "--zmq"), keys=self._binding.keys)

    @property
    def endpoint(self) -> str:
        """After `open`: the address in use, with the port the system chose."""
        return self._socket.endpoint

    @property
    def name(self) -> str:
        """For counters and messages."""
        return self._socket.name

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """This socket, when other machines can reach it."""
        return (self._binding.listener("poses", "sealcap listen zmq"),) if self._binding.open else ()

    def open(self) -> None:
        """Bind. Raises SinkError naming the port when it is taken."""
        self._socket.open()

    def write(self, motion: Motion) -> None:
        """Publish one frame, and the meta message when a second has passed. Raises SinkError."""
        messages = [POSE_TOPIC + encode_pose(motion)]
        now_ns = time.monotonic_ns()
        if now_ns >= self._meta_due_ns:
            self._meta_due_ns = now_ns + META_PERIOD_NS
            messages.insert(0, META_TOPIC + encode_meta(self._info, motion))
        self._socket.send(*messages)
        if not self._warned and not all(sendable(pose) for pose in motion.people):
            self._warned = True
            log.warning("%s: a pose with numbers that are not finite was left out.", self.name)

    def close(self) -> None:
        """Release the port; idempotent."""
        self._socket.close()
