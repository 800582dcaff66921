"""A robot measured at home: how long its limbs are, where its hips and shoulders sit, how its frames lie.

Measured once, base upright in the origin. Everything the targets need to put a person's directions onto this
robot's own proportions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np

from lifting.errors import ConfigError
from realtime.retarget.robot_file import RobotFile
from realtime.retarget.robot_model import RobotModel
from realtime.retarget.sides import SIDES
from realtime.solve.quaternions import Float64

SHORTEST_M = 0.02


@dataclass(frozen=True, eq=False)
class Leg:
    """One leg of the robot."""

    hip: Float64
    """(3,) in the pelvis' frame."""
    thigh_m: float
    shank_m: float
    R_ankle: Float64
    """(3,3) of the ankle's link when the robot stands."""
    heel: Float64
    """(3,) in the ankle's frame."""
    toe: Float64
    """(3,) in the ankle's frame."""
    stance: Float64
    """(3,) ankle at home, from the middle of the hips."""

    @property
    def height_m(self) -> float:
        """Of the ankle above the sole, standing."""
        return -float(min((self.R_ankle @ self.heel)[2], (self.R_ankle @ self.toe)[2]))


@dataclass(frozen=True, eq=False)
class ArmLengths:
    """One arm of a humanoid."""

    upper_m: float
    fore_m: float
    elbow: Float64
    """(3,) from the shoulder at home, in axes of the upright torso."""
    wrist: Float64
    """(3,) likewise."""


@dataclass(frozen=True, eq=False)
class Anatomy:
    """What was measured. Rotations are those of frames when the robot stands upright at home."""

    R_home: Mapping[str, Float64]
    """(3,3) of every named place."""
    at_home: Mapping[str, Float64]
    """(3,) of every named place, base in the origin."""
    legs: Mapping[str, Leg]
    """By side; empty without legs."""
    arms: Mapping[str, ArmLengths]
    """By side; empty without arms."""
    mid_hip: Float64
    """(3,) middle of the hips in the pelvis' frame; 0 without legs."""

    @property
    def leg_m(self) -> float:
        """Thigh and shank, mean of both."""
        return float(np.mean([leg.thigh_m + leg.shank_m for leg in self.legs.values()]))

    @property
    def ankle_height_m(self) -> float:
        """Of a standing foot, mean of both."""
        return float(np.mean([leg.height_m for leg in self.legs.values()]))


def measure(robot: RobotModel, file: RobotFile) -> Anatomy:
    """Measure a robot. Raises ConfigError where two joints of a limb lie in one point."""
    data = mujoco.MjData(robot.model)
    identity = np.array([0.0, 0.0, 0.0, 1.0])
    data.qpos[:] = robot.full_qpos(robot.home, np.zeros(3), identity)
    mujoco.mj_kinematics(robot.model, data)
    names = [robot.model.site(i).name for i in range(robot.model.nsite)]
    at = {name: data.site_xpos[i].copy() for i, name in enumerate(names)}
    R = {name: data.site_xmat[i].reshape(3, 3).copy() for i, name in enumerate(names)}
    has_legs, mid_hip = file.body.left_hip is not None, np.zeros(3)
    if has_legs:
        mid_hip = R["pelvis"].T @ ((at["left_hip"] + at["right_hip"]) / 2 - at["pelvis"])
    legs = {side: _leg(side, at, R) for side in SIDES} if has_legs else {}
    arms = {side: _arm(side, at) for side in SIDES if f"{side}_wrist" in at}
    return Anatomy(R, at, legs, arms, mid_hip)


def _leg(side: str, at: Mapping[str, Float64], R: Mapping[str, Float64]) -> Leg:
    hip, knee, ankle = (at[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
    R_ankle = R[f"{side}_ankle"]
    middle = (at["left_hip"] + at["right_hip"]) / 2
    return Leg(
        R["pelvis"].T @ (hip - at["pelvis"]),
        _length(f"{side}_hip", f"{side}_knee", hip, knee),
        _length(f"{side}_knee", f"{side}_ankle", knee, ankle),
        R_ankle,
        R_ankle.T @ (at[f"{side}_heel"] - ankle),
        R_ankle.T @ (at[f"{side}_toe"] - ankle),
        ankle - middle,
    )


def _arm(side: str, at: Mapping[str, Float64]) -> ArmLengths:
    shoulder, elbow, wrist = (at[f"{side}_{part}"] for part in ("shoulder", "elbow", "wrist"))
    return ArmLengths(
        _length(f"{side}_shoulder", f"{side}_elbow", shoulder, elbow),
        _length(f"{side}_elbow", f"{side}_wrist", elbow, wrist),
        elbow - shoulder,
        wrist - shoulder,
    )


def _length(name: str, other: str, a: Float64, b: Float64) -> float:
    metres = float(np.linalg.norm(b - a))
    if metres < SHORTEST_M:
        raise ConfigError(f"body: {name} and {other} lie {1000 * metres:.0f} mm apart; they bound a limb.")
    return metres
