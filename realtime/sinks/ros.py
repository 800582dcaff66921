"""People to ROS 2 through a rosbridge server, as REP-155 (ROS4HRI) tells them. See `realtime.ros.bodies`."""

from __future__ import annotations

import time

from realtime.data import Motion
from realtime.ros.bodies import TRACKED, TRANSFORMS, BodyMessages
from realtime.ros.rosbridge import DEFAULT_URL, RosBridge


class RosSink:
    """Publishes everybody in every frame; a server may come, go, and be slow."""

    queue = 1

    def __init__(self, url: str = DEFAULT_URL, *, fixed_frame: str = "map") -> None:
        """`fixed_frame`: the floor's name in `/tf`. Raises ConfigError for what is no ws:// address."""
        self._bridge = RosBridge(url, "--ros")
        self._messages = BodyMessages(fixed_frame)

    @property
    def name(self) -> str:
        """For counters and messages."""
        return f"ros {self._bridge.url}"

    @property
    def lost(self) -> int:
        """Frames that found no server, or one that was too slow."""
        return self._bridge.dropped

    def open(self) -> None:
        """Start looking for the server."""
        self._bridge.advertise(TRACKED, TRANSFORMS)
        self._bridge.open()

    def write(self, motion: Motion) -> None:
        """Hand one frame to the connection, without waiting."""
        new, gone = self._messages.update(motion.people)
        self._bridge.advertise(*new)
        self._bridge.unadvertise(*gone)
        self._bridge.offer(self._messages.frame(motion))

    def close(self) -> None:
        """Say that nobody is tracked any more and cut the connection; idempotent."""
        self._bridge.offer(self._messages.nobody(time.time_ns()))
        self._bridge.close()
