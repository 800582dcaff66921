"""What travels on the way to a robot: BodyPose → RobotPose (retargeting) → RobotCommand (steady output).

Frozen structs of arrays, in the joint order of the robot's file. Radians; metres where a joint slides.
World axes as everywhere here: right-handed, Y up, metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from realtime.data import State

Float64 = NDArray[np.float64]


class RobotState(StrEnum):
    """What the output of a robot is doing; a receiver must move only in the first three."""

    RAMPING = "ramping"
    """Moving slowly from where it stood to where the person is."""
    FOLLOWING = "following"
    """The person is seen and the robot is with them."""
    HOLDING = "holding"
    """Nobody seen for a moment: braking to, then keeping the last safe pose."""
    STOPPED = "stopped"
    """Standing still, and nothing starts before a new arm: loss for too long, no heartbeat, stop message."""
    DISARMED = "disarmed"
    """Nobody has armed the output yet; standing still."""
    ESTOP = "estop"
    """Emergency stop. Needs a reset, then a new arm."""


@dataclass(frozen=True, slots=True, eq=False)
class JointLimits:
    """What no published target may exceed."""

    names: tuple[str, ...]
    lower: Float64
    """(N,) radians (metres where sliding)."""
    upper: Float64
    """(N,)"""
    velocity: Float64
    """(N,) per second."""
    acceleration: Float64
    """(N,) per second squared."""

    def __post_init__(self) -> None:
        for name in ("lower", "upper", "velocity", "acceleration"):
            array = getattr(self, name)
            if array.shape != (len(self.names),) or not np.isfinite(array).all():
                raise ValueError(f"{name} must hold {len(self.names)} finite numbers, got {array}")
        if (self.lower > self.upper).any() or (self.velocity <= 0).any() or (self.acceleration <= 0).any():
            raise ValueError("limits must be ordered, velocities and accelerations positive")


@dataclass(frozen=True, slots=True, eq=False)
class RobotPose:
    """A person's pose, made for the robot; within position limits, not yet steady in time."""

    capture_time_ns: int
    """Of the picture it comes from."""
    state: State
    """The person's; in `lost` nothing else here may be acted on."""
    position: Float64
    """(N,) joint positions."""
    root_world: Float64
    """(3,) origin of the robot's base in world axes, metres; zeros for a robot that is bolted down."""
    root_rotation: Float64
    """(4,) xyzw, of the base in the world."""
    body_seq: int = -1
    """`Motion.seq` it was made from."""


@dataclass(frozen=True, slots=True, eq=False)
class RobotCommand:
    """What is published at every tick of the steady output."""

    tick: int
    """Counts from 0 without gaps."""
    time_ns: int
    """time.monotonic_ns() of the tick."""
    capture_time_ns: int
    """Of the newest picture that is in it; -1 before the first."""
    body_seq: int
    """`Motion.seq` of that picture; -1 before the first."""
    state: RobotState
    reason: str
    """Why it is not following, in a few words; empty while it is."""
    position: Float64
    """(N,) target positions."""
    velocity: Float64
    """(N,) target velocities, per second."""
    root_world: Float64
    """(3,) metres."""
    root_rotation: Float64
    """(4,) xyzw."""
