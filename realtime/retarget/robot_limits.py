"""What a robot's joints may do: the model's limits, changed and added to by its YAML."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lifting.errors import ConfigError
from realtime.retarget.robot_file import RobotFile
from realtime.retarget.robot_pose import JointLimits


def joint_limits(
    model: Any, joints: Sequence[int], names: tuple[str, ...], file: RobotFile, speeds: Mapping[str, float]
) -> JointLimits:
    """Of a compiled mujoco.MjModel: `joints` are its numbers of them, `speeds` what a URDF says.

    The YAML's margin is taken off both ends. Raises ConfigError naming a joint without limits.
    """
    told = file.limits
    lower, upper = np.zeros(len(names)), np.zeros(len(names))
    velocity, acceleration = np.zeros(len(names)), np.zeros(len(names))
    wrong = []
    for i, (j, name) in enumerate(zip(joints, names, strict=True)):
        range_ = told.positions.get(name) or _range(model, j)
        if range_ is None:
            wrong.append(
                f"{name} has no position limits, neither in the model nor in the YAML. Give "
                f"`limits: positions: {{{name}: [-3.1, 3.1]}}`"
            )
            continue
        lower[i], upper[i] = range_
        bounds = [told.velocities.get(name), told.velocity, speeds.get(name)]
        known = [bound for bound in bounds if bound is not None]
        if not known:
            wrong.append(f"{name} has no velocity limit. Give `limits: velocity:` in rad/s")
            continue
        velocity[i] = told.velocities.get(name) or min(known)
        acceleration[i] = told.accelerations.get(name, told.acceleration)
        if lower[i] > upper[i]:
            wrong.append(f"the limits of {name} are {lower[i]:g} to {upper[i]:g}. Swap them")
    if wrong:
        raise ConfigError(f"{file.name}: {first_of(wrong)}")
    margin = np.minimum(told.margin, (upper - lower) / 4)
    return JointLimits(names, lower + margin, upper - margin, velocity, acceleration)


def _range(model: Any, joint: int) -> tuple[float, float] | None:
    if not model.jnt_limited[joint]:
        return None
    lower, upper = (float(end) for end in model.jnt_range[joint])
    return (lower, upper) if math.isfinite(lower) and math.isfinite(upper) else None


def outside_limits(limits: JointLimits, file: RobotFile) -> list[str]:
    """Joints whose `home:` lies outside their limits (the model's home is clipped to them)."""
    rows = zip(limits.names, limits.lower, limits.upper, strict=True)
    slack = file.limits.margin + 1e-9
    return [name for name, low, high in rows if not low - slack <= file.home.get(name, 0.0) <= high + slack]


def first_of(problems: Sequence[str]) -> str:
    """The first of several mistakes, and how many more there are."""
    more = len(problems) - 1
    return f"{problems[0]}. And {more} more of this kind." if more else f"{problems[0]}."
