"""A Unitree G1's joints for NVIDIA's SONIC controller: version 1 of its pose message.

SONIC orders joints as IsaacLab does, level by level through the tree of the body, where MuJoCo and the URDF
go limb by limb. Values are taken from a command by the joint's name, never by its place. Experimental: order
and axes follow the documentation and have not been run against the real receiver by us.
"""

from __future__ import annotations

import numpy as np

from lifting.errors import ConfigError
from realtime.axes import ROS
from realtime.exposure import Listener
from realtime.retarget.robot_pose import RobotCommand, RobotState
from realtime.retarget.transports.description import RobotDescription
from realtime.retarget.transports.sonic_wire import FRAMES_PER_S, SonicPublisher, bind_address
from realtime.solve.quaternions import from_matrix, multiply

G1_ISAACLAB = (
    "left_hip_pitch_joint", "right_hip_pitch_joint", "waist_yaw_joint",
    "left_hip_roll_joint", "right_hip_roll_joint", "waist_roll_joint",
    "left_hip_yaw_joint", "right_hip_yaw_joint", "waist_pitch_joint",
    "left_knee_joint", "right_knee_joint", "left_shoulder_pitch_joint", "right_shoulder_pitch_joint",
    "left_ankle_pitch_joint", "right_ankle_pitch_joint", "left_shoulder_roll_joint",
    "right_shoulder_roll_joint", "left_ankle_roll_joint", "right_ankle_roll_joint",
    "left_shoulder_yaw_joint", "right_shoulder_yaw_joint", "left_elbow_joint", "right_elbow_joint",
    "left_wrist_roll_joint", "right_wrist_roll_joint", "left_wrist_pitch_joint", "right_wrist_pitch_joint",
    "left_wrist_yaw_joint", "right_wrist_yaw_joint",
)  # fmt: skip
"""The 29 joints in SONIC's order; 23 to 28 are the wrists."""
MOVING = frozenset((RobotState.RAMPING, RobotState.FOLLOWING, RobotState.HOLDING))
"""States in which frames are sent. In the others the robot keeps the last one, as with a paused stream."""
_ROS_FROM_WORLD = from_matrix(ROS.matrix)


class SonicTransport:
    """Sends 50 frames a second while the robot moves or holds; braking is sent to its end in any state.

    The receiver keeps the last frame, its velocities too: so that is one in which nothing moves any more.
    """

    def __init__(
        self, description: RobotDescription, endpoint: str, *, lan: bool = False, insecure: bool = False
    ) -> None:
        """`endpoint`: sonic://HOST:PORT to bind.

        Raises ConfigError when the robot is no G1 with 29 joints, when its rate is no multiple of 50, and for
        an endpoint that others could reach (see `bind_address`).
        """
        self._order = _order(description)
        self._every = _every(description.rate_hz)
        address = bind_address(endpoint, "--robot-out", lan=lan, insecure=insecure)
        self._publisher = SonicPublisher(address, version=1)
        self._last: RobotCommand | None = None
        """Sent last."""

    @property
    def name(self) -> str:
        """For counters and messages."""
        return f"sonic {self._publisher.address}"

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """What of it other machines can reach."""
        return self._publisher.listeners

    def open(self) -> None:
        """Bind. Raises SinkError when the port is taken."""
        self._publisher.open()

    def send(self, command: RobotCommand) -> None:
        """Publish one tick, if it is one of SONIC's. Raises SinkError."""
        if command.tick % self._every or not _is_finite(command) or not self._is_news(command):
            return
        turn = multiply(_ROS_FROM_WORLD, np.asarray(command.root_rotation, np.float64))
        arrays = {
            "joint_pos": command.position[None, self._order],  # (1, 29)
            "joint_vel": command.velocity[None, self._order],
        }
        self._publisher.send(turn[None, [3, 0, 1, 2]], arrays)
        self._last = command

    def _is_news(self, command: RobotCommand) -> bool:
        """In the states in which the robot moves always, in the others until it has been told to rest."""
        if command.state in MOVING:
            return True
        last = self._last
        return last is not None and not all(
            np.array_equal(now, before)
            for now, before in (
                (command.position, last.position),
                (command.velocity, last.velocity),
                (command.root_rotation, last.root_rotation),
            )
        )

    def close(self) -> None:
        """Release the port; idempotent."""
        self._publisher.close()


def _is_finite(command: RobotCommand) -> bool:
    numbers = (command.position, command.velocity, command.root_rotation)
    return all(bool(np.isfinite(part).all()) for part in numbers)


def _order(description: RobotDescription) -> list[int]:
    names = description.joint_names
    missing = [joint for joint in G1_ISAACLAB if joint not in names]
    if missing:
        raise ConfigError(
            f"SONIC drives a Unitree G1 with 29 joints; {description.name} has no {missing[0]}"
            f"{f' and {len(missing) - 1} others' if len(missing) > 1 else ''}. Use --robot g1."
        )
    return [names.index(joint) for joint in G1_ISAACLAB]


def _every(rate_hz: float) -> int:
    if rate_hz <= 0 or rate_hz % FRAMES_PER_S:
        raise ConfigError(
            f"SONIC plays {FRAMES_PER_S} frames per second: the robot's rate must be 50, 100, 150 or 200 Hz, "
            f"not {rate_hz:g}."
        )
    return round(rate_hz / FRAMES_PER_S)
