"""Robots and commands made up for tests of what carries them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from realtime.retarget.robot_pose import JointLimits, RobotCommand, RobotState
from realtime.retarget.transports.description import RobotDescription


def describe(*names: str, rate_hz: float = 100.0, robot: str = "g1") -> RobotDescription:
    """A robot with these joints."""
    ones = np.ones(len(names))
    limits = JointLimits(tuple(names), -3 * ones, 3 * ones, 10 * ones, 100 * ones)
    return RobotDescription(robot, limits, rate_hz, root_frame="pelvis")


def command(count: int, tick: int = 0, state: RobotState = RobotState.FOLLOWING) -> RobotCommand:
    """Joint i stands at i / 100 and moves with i / 10; the robot is upright and faces the camera."""
    numbers = np.arange(count, dtype=np.float64)
    return RobotCommand(
        tick=tick,
        time_ns=1_000_000_000 + 10_000_000 * tick,
        capture_time_ns=990_000_000 + 10_000_000 * tick,
        body_seq=tick // 3,
        state=state,
        reason="",
        position=numbers / 100,
        velocity=numbers / 10,
        root_world=np.array([0.5, 0.8, 1.5]),
        root_rotation=np.array([-0.5, -0.5, -0.5, 0.5]),
    )


def still(made: RobotCommand) -> RobotCommand:
    """The same with all joints at rest."""
    return replace(made, velocity=np.zeros_like(made.velocity))
