"""Receive poses in Python. Needs only pyzmq, msgspec and numpy.

with Subscriber() as poses:
    for message in poses:
        print(message.seq, message.people[0].joints[0] if message.people else "nobody")
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import zmq

from lifting.errors import ConfigError, WireError
from realtime.sinks.wire import (
    MAX_BYTES,
    META_TOPIC,
    POSE_TOPIC,
    MetaMap,
    PoseMessage,
    decode_meta,
    decode_pose,
)

QUEUE_ALL = 1000
"""Messages that may wait when every frame is wanted: half a minute at 30 fps."""


class Subscriber:
    """Receives poses from `sealcap run --zmq`. The sender may start later, end and come back."""

    def __init__(
        self,
        endpoint: str = "tcp://127.0.0.1:5570",
        *,
        newest_only: bool = True,
        timeout: float | None = None,
    ) -> None:
        """`newest_only`: skip what is older than the newest that has arrived, for display and control;
        False gives every frame, for recording. `timeout`: seconds without a frame after which iteration
        ends; None waits for ever. Raises ConfigError for an endpoint that is none.
        """
        self.meta: MetaMap | None = None
        """Skeleton, bones and rest pose; known within a second of the first frame."""
        self.lost = 0
        """Frames that were sent and did not arrive (with `newest_only`, that were skipped too)."""
        self.rejected = 0
        """Messages that were not poses of this format."""
        self._timeout, self._newest_only = timeout, newest_only
        self._last_seq: int | None = None
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._configure()
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise ConfigError(
                f"{endpoint!r} is no address to receive from; give one like tcp://127.0.0.1:5570."
            ) from error

    def receive(self, timeout: float | None = None) -> PoseMessage | None:
        """The next frame (the newest, with `newest_only`), or None when none came within `timeout`
        seconds (None: wait for ever)."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not self._socket.poll(None if left is None else int(left * 1000)):
                return None
            message = self._take_newest() if self._newest_only else self._take()
            if message is not None:
                self._count(message.seq)
                return message

    def __iter__(self) -> Iterator[PoseMessage]:
        """Frames as they come, until `timeout` passes without one."""
        while (message := self.receive(self._timeout)) is not None:
            yield message

    def close(self) -> None:
        """Disconnect; idempotent."""
        self._socket.close()
        self._context.term()

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _configure(self) -> None:
        for option, value in (
            (zmq.RCVHWM, 4 if self._newest_only else QUEUE_ALL),
            (zmq.LINGER, 0),
            (zmq.MAXMSGSIZE, MAX_BYTES + len(POSE_TOPIC)),
            (zmq.HEARTBEAT_IVL, 1000),
            (zmq.HEARTBEAT_TIMEOUT, 5000),
            (zmq.TCP_KEEPALIVE, 1),
            (zmq.RECONNECT_IVL_MAX, 2000),
            (zmq.IPV6, 1),
        ):
            self._socket.setsockopt(option, value)
        for topic in (POSE_TOPIC, META_TOPIC):
            self._socket.setsockopt(zmq.SUBSCRIBE, topic)

    def _take(self) -> PoseMessage | None:
        """One message that waits; None when it was the meta message, or not one of ours."""
        data = self._socket.recv(zmq.NOBLOCK)
        try:
            if data.startswith(POSE_TOPIC):
                return decode_pose(data[len(POSE_TOPIC) :])
            self.meta = decode_meta(data[len(META_TOPIC) :])
        except WireError:
            self.rejected += 1
        return None

    def _take_newest(self) -> PoseMessage | None:
        newest = None
        while self._socket.poll(0):
            newest = self._take() or newest
        return newest

    def _count(self, seq: int) -> None:
        """A number that does not grow means that the sender started anew: nothing is known to be lost."""
        if self._last_seq is not None and seq > self._last_seq:
            self.lost += seq - self._last_seq - 1
        self._last_seq = seq
