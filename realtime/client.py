"""Receive poses in Python. Needs only pyzmq, msgspec and numpy.

with Subscriber() as poses:
    for message in poses:
        print(message.seq, message.people[0].joints[0] if message.people else "nobody")
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from realtime.curve import ClientKeys

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
        keys: ClientKeys | None = None,
    ) -> None:
        """`newest_only`: skip what is older than the newest that has arrived, for display and control;
        False gives every frame, for recording. `timeout`: seconds without a frame after which iteration
        ends; None waits for ever. `keys`: for a sender on another machine (`realtime.curve.client_keys`).
        Raises ConfigError for an endpoint that is none.
        """
        self.meta: MetaMap | None = None
        """Skeleton, bones and rest pose; known within a second of the first frame."""
        self.lost = 0
        """Frames that were sent and did not arrive (with `newest_only`, that were skipped too)."""
        self.rejected = 0
        """Messages that were not poses of this format."""
        self._timeout = timeout
        self._last_seq: int | None = None
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        # A socket per topic: the one that holds only the newest message would lose poses to meta messages.
        self._poses, self._metas = self._socket(POSE_TOPIC), self._socket(META_TOPIC)
        if keys is not None:
            from realtime.curve import apply_client

            apply_client(self._poses, keys)
            apply_client(self._metas, keys)
        self._poses.setsockopt(zmq.CONFLATE, int(newest_only))
        try:
            self._poses.connect(endpoint)
            self._metas.connect(endpoint)
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
            left_ms = None if deadline is None else max(0, round((deadline - time.monotonic()) * 1000))
            arrived = self._poses.poll(left_ms)
            self._take_meta()
            if not arrived:
                return None
            message = self._take_pose()
            if message is not None or left_ms == 0:
                return message

    def __iter__(self) -> Iterator[PoseMessage]:
        """Frames as they come, until `timeout` passes without one."""
        while (message := self.receive(self._timeout)) is not None:
            yield message

    def close(self) -> None:
        """Disconnect; idempotent."""
        self._poses.close()
        self._metas.close()
        self._context.term()

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _socket(self, topic: bytes) -> zmq.Socket[bytes]:
        socket = self._context.socket(zmq.SUB)
        for option, value in (
            (zmq.RCVHWM, QUEUE_ALL),
            (zmq.LINGER, 0),
            (zmq.MAXMSGSIZE, MAX_BYTES + len(POSE_TOPIC)),
            (zmq.HEARTBEAT_IVL, 1000),
            (zmq.HEARTBEAT_TIMEOUT, 5000),
            (zmq.TCP_KEEPALIVE, 1),
            (zmq.RECONNECT_IVL_MAX, 2000),
            (zmq.IPV6, 1),
        ):
            socket.setsockopt(option, value)
        socket.setsockopt(zmq.SUBSCRIBE, topic)
        return socket

    def _take_pose(self) -> PoseMessage | None:
        """The message that waits; None when it was not one of ours."""
        data = self._poses.recv(zmq.NOBLOCK)
        try:
            message = decode_pose(data.removeprefix(POSE_TOPIC))
        except WireError:
            self.rejected += 1
            return None
        self._count(message.seq)
        return message

    def _take_meta(self) -> None:
        while self._metas.poll(0):
            data = self._metas.recv(zmq.NOBLOCK)
            try:
                self.meta = decode_meta(data.removeprefix(META_TOPIC))
            except WireError:
                self.rejected += 1

    def _count(self, seq: int) -> None:
        """A number that does not grow means that the sender started anew: nothing is known to be lost."""
        if self._last_seq is not None and seq > self._last_seq:
            self.lost += seq - self._last_seq - 1
        self._last_seq = seq
