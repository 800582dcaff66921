"""A robot's targets live in Foxglove: joints, and the base in the same world as the person."""

from __future__ import annotations

import re
import time

import numpy as np

from lifting.errors import ConfigError
from realtime.retarget.robot_pose import RobotCommand
from realtime.retarget.transports.description import RobotDescription
from realtime.sinks.foxglove_joints import (
    ROBOT_JOINTS,
    ROBOT_MESSAGES,
    ROBOT_TF,
    base_transform,
    joint_states,
)
from realtime.sinks.foxglove_server import DEFAULT_PORT, HOST, Channel, FoxgloveServer, server_at

_ENDPOINT = re.compile(r"foxglove://(127\.0\.0\.1|localhost):(\d{1,5})")


def server_of(endpoint: str) -> FoxgloveServer:
    """The server of foxglove://127.0.0.1:PORT. Raises ConfigError for another address: it is never opened to
    other machines."""
    match = _ENDPOINT.fullmatch(endpoint)
    if match is None:
        raise ConfigError(
            f"--robot-out {endpoint}: Foxglove's server is for this machine, such as "
            f"--robot-out foxglove://{HOST}:{DEFAULT_PORT}."
        )
    return server_at(int(match[2]))


class FoxgloveTransport:
    """Sends what a viewer has subscribed to."""

    def __init__(self, description: RobotDescription, server: FoxgloveServer) -> None:
        """`server` may be one that shows people as well."""
        self._description = description
        self._server = server
        self._channels: dict[str, Channel] = {}

    @property
    def name(self) -> str:
        """For counters and messages."""
        return f"robot foxglove {self._server.url}"

    def open(self) -> None:
        """Listen. Raises SinkError when the port is taken."""
        self._server.open()
        self._channels = {t: self._server.channel(t, m) for t, m in ROBOT_MESSAGES.items()}

    def send(self, command: RobotCommand) -> None:
        """Show one command; one that is not finite is left out."""
        parts = (command.position, command.velocity, command.root_world, command.root_rotation)
        if not self._channels or not all(np.isfinite(part).all() for part in parts):
            return
        wall_ns = time.time_ns() - time.monotonic_ns() + command.time_ns
        robot = self._description
        if (joints := self._channels[ROBOT_JOINTS]).watched:
            message = joint_states(robot.joint_names, command.position, wall_ns, command.velocity)
            joints.send(message, wall_ns)
        if robot.floating and (base := self._channels[ROBOT_TF]).watched:
            message = base_transform(robot.root_frame, command.root_world, command.root_rotation, wall_ns)
            base.send(message, wall_ns)

    def close(self) -> None:
        """Leave the server; idempotent."""
        if self._channels:
            self._channels = {}
            self._server.close()
