"""A robot's targets to ROS 2 through a rosbridge server.

What is published are targets, not what the robot measures: they go to a namespace of their own,
`/sealcap/<robot>/joint_states` and frames `sealcap/<robot>/...`, where they cannot be taken for the robot's
own state. `?namespace=/` at the end of the address gives the plain names, for a robot that is only in RViz.
"""

from __future__ import annotations

import re
import time
from urllib.parse import parse_qs, urlsplit

import numpy as np

from lifting.errors import ConfigError
from realtime.retarget.robot_pose import RobotCommand
from realtime.retarget.transports.description import RobotDescription
from realtime.ros.messages import JOINT_STATE, STRING, TF, header, joint_state, robot_base, transform
from realtime.ros.rosbridge import RosBridge, Topic, publication

FIXED_FRAME = "map"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class RosTransport:
    """`joint_states`, `state` and the base in `/tf` at the robot's rate."""

    def __init__(self, description: RobotDescription, endpoint: str, *, lan: bool = False) -> None:
        """`endpoint`: ros+ws://HOST:PORT, perhaps with ?namespace=/NAME.

        Raises ConfigError for another form, and for a server on another machine without `lan`.
        """
        self._description = description
        url, space = _parse(endpoint, description.name)
        self._bridge = RosBridge(url, "--robot-out", remote=lan)
        self._frame = f"{space.strip('/')}/{description.root_frame}".lstrip("/")
        self._joints = Topic(f"{space}/joint_states", JOINT_STATE, depth=1)
        self._state = Topic(f"{space}/state", STRING, latched=True)
        self._tf = Topic("/tf", TF, depth=10)
        self._names = list(description.joint_names)

    @property
    def name(self) -> str:
        """For counters and messages."""
        return f"ros {self._bridge.url}"

    def open(self) -> None:
        """Start looking for the server."""
        floating = [self._tf] if self._description.floating else []
        self._bridge.advertise(self._joints, self._state, *floating)
        self._bridge.open()

    def send(self, command: RobotCommand) -> None:
        """Hand one command to the connection, without waiting; one that is not finite is left out."""
        parts = (command.position, command.velocity, command.root_world, command.root_rotation)
        if not all(np.isfinite(part).all() for part in parts):
            return
        wall_ns = time.time_ns() - time.monotonic_ns() + command.time_ns
        joints = joint_state(
            header(wall_ns), self._names, command.position.tolist(), command.velocity.tolist()
        )
        frame = [
            publication(self._joints, joints),
            publication(self._state, {"data": command.state.value}),
        ]
        if self._description.floating:
            place, turn = robot_base(command.root_world, command.root_rotation)
            moved = transform(header(wall_ns, FIXED_FRAME), self._frame, place, turn)
            frame.append(publication(self._tf, {"transforms": [moved]}))
        self._bridge.offer(frame)

    def close(self) -> None:
        """Cut the connection; idempotent."""
        self._bridge.close()


def _parse(endpoint: str, robot: str) -> tuple[str, str]:
    """ros+ws://HOST:PORT[?namespace=NAME] → (ws://HOST:PORT, /NAME). Raises ConfigError."""
    parts = urlsplit(endpoint.removeprefix("ros+"))
    asked = parse_qs(parts.query, keep_blank_values=True)
    space = asked.get("namespace", [f"/sealcap/{re.sub('[^A-Za-z0-9_]', '_', robot)}"])[-1].strip("/")
    words = space.split("/") if space else []
    if asked.keys() - {"namespace"} or not all(_NAME.fullmatch(word) for word in words):
        raise ConfigError(
            f"--robot-out {endpoint}: give ros+ws://HOST:PORT, or ros+ws://HOST:PORT?namespace=/my_robot "
            "with letters, digits and underscores."
        )
    return parts._replace(query="").geturl(), "".join(f"/{word}" for word in words)
