"""What a transport knows of the robot: names and limits, nothing of its mechanics.

A transport is a class with `name`, `open()`, `send(command)`, which never blocks, and `close()`. Each runs in
a thread of its own (`realtime.retarget.steady.outlet`), so that a slow one costs its receivers commands and
nobody else anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from realtime.retarget.robot_pose import JointLimits, RobotCommand


@dataclass(frozen=True, slots=True, eq=False)
class RobotDescription:
    """The robot as its receivers need to know it."""

    name: str
    """Such as `g1`."""
    limits: JointLimits
    """Names and limits of the joints, in the order of every command."""
    rate_hz: float
    """Commands per second."""
    root_frame: str = "base"
    """Name of the link that `root_world` and `root_rotation` place."""
    floating: bool = True
    """False for a robot that is bolted down: its root says nothing."""

    @property
    def joint_names(self) -> tuple[str, ...]:
        """In the order of every command."""
        return self.limits.names


class Transport(Protocol):
    """A way out. All calls come from the transport's own thread, in the order open, send..., close."""

    @property
    def name(self) -> str:
        """For counters and messages: 'robot tcp://127.0.0.1:5571'."""

    def open(self) -> None:
        """Bind or connect. Raises SinkError; the run then does not start."""

    def send(self, command: RobotCommand) -> None:
        """Send one command without waiting. Raises SinkError when the way out is lost for good."""

    def close(self) -> None:
        """Release; idempotent."""
