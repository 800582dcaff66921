"""From settings to a robot output."""

from __future__ import annotations

import numpy as np

from lifting.errors import ConfigError
from realtime.axes import ROS
from realtime.config import OutputConfig
from realtime.retarget.guard import CollisionGuard
from realtime.retarget.retargeter import Retargeter
from realtime.retarget.robot_file import RobotFile, load_robot
from realtime.retarget.robot_model import RobotModel, load_model
from realtime.retarget.steady.control import ControlPort
from realtime.retarget.steady.loop import SteadyLoop
from realtime.retarget.steady.output import MAX_RATE_HZ, MIN_RATE_HZ, SteadyOutput
from realtime.retarget.steady.root_limiter import RootLimits
from realtime.retarget.transports.description import RobotDescription, Transport
from realtime.retarget.transports.factory import open_transport
from realtime.sinks.robot import RobotSink
from realtime.sinks.robot_track import RobotTrack
from realtime.solve.quaternions import Float64, from_matrix, multiply


def build_robot(out: OutputConfig, track: RobotTrack | None = None) -> RobotSink:
    """The output of `--robot`, also into a session's `track`; nothing is bound yet.

    Raises ConfigError, or MissingExtra without mujoco.
    """
    if out.robot is None:
        raise ConfigError("--robot-out needs to know which robot: add --robot g1, or --robot FILE.yaml.")
    if not MIN_RATE_HZ <= out.robot_rate <= MAX_RATE_HZ:
        raise ConfigError(
            f"--robot-rate {out.robot_rate:g}: give {MIN_RATE_HZ:g} to {MAX_RATE_HZ:g} Hz, such as 100."
        )
    file = load_robot(out.robot)
    robot = load_model(file)
    description = RobotDescription(
        robot.name,
        robot.limits,
        out.robot_rate,
        root_frame=robot.model.body(1).name,  # 0 is the world
        floating=robot.floating,
    )
    transports: list[Transport] = [
        open_transport(endpoint, description, lan=out.lan, insecure=out.insecure)
        for endpoint in out.robot_out
    ]
    if track is not None:
        track.description = description
        transports.append(track)
    output = SteadyOutput(
        robot.limits,
        robot.home,
        out.robot_rate,
        root=root_limits(file),
        home_root=home_root(robot),
        guard=CollisionGuard(robot, file) if file.avoid else None,
        self_arming=out.robot_armed,
    )
    loop = SteadyLoop(output, transports)
    control = ControlPort(loop, out.robot_control, lan=out.lan)
    return RobotSink(
        robot.name, Retargeter(robot, file), robot.home, loop, control, self_arming=out.robot_armed
    )


def root_limits(file: RobotFile) -> RootLimits:
    """Of the robot's YAML."""
    base = file.base
    return RootLimits(base.velocity, base.acceleration, base.angular_velocity, base.angular_acceleration)


def home_root(robot: RobotModel) -> tuple[Float64, Float64]:
    """Where the base stands before anybody was seen: as in the model's file, facing +Z."""
    if not robot.floating:
        return np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0])
    qpos = robot.full_qpos(robot.home)
    turn = multiply(from_matrix(ROS.matrix.T), np.roll(qpos[3:7], -1))
    return np.asarray(ROS.points_to_world(qpos[:3]), np.float64), turn
