"""A robot's commands on their way into the session: its own thread leaves them, the recorder's takes them."""

from __future__ import annotations

import time
from collections import deque
from typing import NamedTuple

import msgspec
import numpy as np

from lifting.errors import SinkError
from realtime.retarget.robot_pose import RobotCommand
from realtime.retarget.transports.description import RobotDescription
from realtime.sinks.foxglove_joints import ROBOT_JOINTS, ROBOT_TF, base_transform, joint_states

ROBOT_STATE = "/robot/state"
STATE_SCHEMA = """\
{"title": "sealcap.RobotState1", "type": "object",
 "description": "What a robot's output does, whenever that changes.",
 "properties": {
  "robot": {"type": "string"},
  "state": {"enum": ["ramping", "following", "holding", "stopped", "disarmed", "estop"]},
  "reason": {"type": "string", "description": "Why it is not following; empty while it is."},
  "tick": {"type": "integer", "description": "Number of the first command of this state."}}}
"""
LONGEST = 4000
"""Rows that may wait while the disk stalls: six seconds and more; then the oldest go."""

_encode = msgspec.json.Encoder().encode


class Row(NamedTuple):
    """One message of the session."""

    topic: str
    wall_ns: int
    tick: int
    data: bytes


class RobotTrack:
    """A transport (`realtime.retarget.transports.description`) that ends in a file."""

    name = "robot in the session"

    def __init__(self) -> None:
        self.description: RobotDescription | None = None
        """Must be set before `open`."""
        self._rows: deque[Row] = deque(maxlen=LONGEST)
        self._said: tuple[str, str] | None = None

    def open(self) -> None:
        """Raises SinkError when nobody said which robot."""
        if self.description is None:
            raise SinkError("The session was not told which robot it records.")

    def send(self, command: RobotCommand) -> None:
        """Leave one command; one that is not finite is left out."""
        robot = self.description
        parts = (command.position, command.velocity, command.root_world, command.root_rotation)
        if robot is None or not all(np.isfinite(part).all() for part in parts):
            return
        wall_ns = time.time_ns() - time.monotonic_ns() + command.time_ns
        message = joint_states(robot.joint_names, command.position, wall_ns, command.velocity)
        self._rows.append(Row(ROBOT_JOINTS, wall_ns, command.tick, message))
        if robot.floating:
            base = base_transform(robot.root_frame, command.root_world, command.root_rotation, wall_ns)
            self._rows.append(Row(ROBOT_TF, wall_ns, command.tick, base))
        if self._said != (command.state.value, command.reason):
            self._said = (command.state.value, command.reason)
            text = {
                "robot": robot.name,
                "state": command.state.value,
                "reason": command.reason,
                "tick": command.tick,
            }
            self._rows.append(Row(ROBOT_STATE, wall_ns, command.tick, _encode(text)))

    def close(self) -> None:
        """What was left can still be taken."""

    def take(self) -> list[Row]:
        """Everything left since the last call, in order. From the recorder's thread."""
        out = []
        while self._rows:
            out.append(self._rows.popleft())
        return out
