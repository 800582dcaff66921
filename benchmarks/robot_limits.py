"""Whether limits are kept at every command: differences of what was published, and nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.robot_chain import RATE_HZ
from realtime.retarget.robot_pose import JointLimits, RobotCommand
from realtime.retarget.steady.root_limiter import RootLimits
from realtime.retarget.steady.rotation import between

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Used:
    """The most of each limit that was used, 1 is all of it, and how often more than that was."""

    position: float
    """Of the half range, from its middle."""
    velocity: float
    acceleration: float
    base_velocity: float
    base_acceleration: float
    """Of the base, straight or turning, whichever is nearer to its limit."""
    broken: int
    """Ticks in which anything was exceeded."""
    ticks: int


def judge_limits(commands: Sequence[RobotCommand], limits: JointLimits, base: RootLimits) -> Used:
    """All commands of one run, in order."""
    position = np.array([c.position for c in commands])
    speed = np.diff(position, axis=0) * RATE_HZ
    half = np.maximum((limits.upper - limits.lower) / 2, 1e-12)
    used = [
        np.abs(position - (limits.upper + limits.lower) / 2) / half,
        np.abs(speed) / limits.velocity,
        np.abs(np.diff(speed, axis=0)) * RATE_HZ / limits.acceleration,
        *_base(commands, base),
    ]
    over = np.zeros(len(commands), bool)
    for share in used:
        # Positions are clipped to the very end of their range; the last digit of the share may not be.
        over[len(commands) - len(share) :] |= (share > 1 + 1e-12).reshape(len(share), -1).any(axis=1)
    most = [float(share.max()) for share in used]
    return Used(
        most[0],
        most[1],
        most[2],
        max(most[3], most[5]),
        max(most[4], most[6]),
        int(over.sum()),
        len(commands),
    )


def _base(commands: Sequence[RobotCommand], limits: RootLimits) -> list[Floats]:
    """Speed and acceleration, straight, then turning, as shares of their limits."""
    straight = np.diff(np.array([c.root_world for c in commands]), axis=0) * RATE_HZ
    turns = itertools.pairwise(commands)
    spin = np.array([between(a.root_rotation, b.root_rotation) for a, b in turns]) * RATE_HZ
    out = []
    for speed, most, change in (
        (straight, limits.velocity, limits.acceleration),
        (spin, limits.angular_velocity, limits.angular_acceleration),
    ):
        out.append(np.linalg.norm(speed, axis=1) / most)
        out.append(np.linalg.norm(np.diff(speed, axis=0), axis=1) * RATE_HZ / change)
    return out
