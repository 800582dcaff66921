"""Commands played on motors: the robot in MuJoCo with its pelvis welded to the world (arms: bolted).

Every joint has a PD motor of its own with the inertia it moves at home taken into account, gravity and
Coriolis forces made up for as controllers do, and no more torque than the model's file allows. Nothing
touches anything here: whether links meet is judged apart, on the meshes. Balance is nobody's business here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from benchmarks.robot_chain import RATE_HZ
from realtime.retarget.robot_file import RobotFile
from realtime.retarget.robot_model import RobotModel, load_model
from realtime.retarget.robot_pose import RobotCommand

Floats = NDArray[np.float64]

STEP_S = 0.001
FREQUENCY_RAD_S = 30.0
"""Of the closed loop of one joint alone, critically damped: about as stiff as humanoids are driven."""
ROTOR_KG_M2 = 0.02
"""Inertia of a motor behind its gears; URDF has no word for it."""


@dataclass(frozen=True, eq=False)
class Driven:
    """What the motors made of the commands, at the end of each command's period."""

    positions: Floats
    """(K,N)"""
    off_m: Floats
    """(K,E) how far hands, feet or tool are from where the command has them, seen from the pelvis."""
    off_rad: Floats
    """(K,N) joints from their commands."""
    speed: float
    """The most of a velocity limit that a joint reached, 1 is all of it."""
    saturated: float
    """Share of commands at which some motor gave all its torque."""


def drive(file: RobotFile, commands: Sequence[RobotCommand]) -> Driven:
    """Play the commands from rest in the first one's pose."""
    robot = load_model(file.model_copy(update={"floating": False}))
    motors, data = _Motors(robot), mujoco.MjData(robot.model)
    data.qpos[robot.qpos] = commands[0].position
    mujoco.mj_forward(robot.model, data)
    positions, off, saturated, speed = [], [], 0, 0.0
    plan = _Plan(robot)
    for command in commands:
        full = False
        for _ in range(round(1 / RATE_HZ / STEP_S)):
            full |= motors.push(data, command)
            mujoco.mj_step(robot.model, data)
            speed = max(speed, float((np.abs(data.qvel[robot.dofs]) / robot.limits.velocity).max()))
        saturated += full
        positions.append(data.qpos[robot.qpos].copy())
        off.append(np.linalg.norm(plan.ends(positions[-1]) - plan.ends(command.position), axis=1))
    at = np.array(positions)
    wanted = np.array([command.position for command in commands])
    return Driven(at, np.array(off), np.abs(at - wanted), speed, saturated / len(commands))


class _Plan:
    """Where ends of limbs are at given joint positions."""

    def __init__(self, robot: RobotModel) -> None:
        self._robot, self._data = robot, mujoco.MjData(robot.model)
        names = [robot.model.site(i).name for i in range(robot.model.nsite)]
        self._ends = [i for i, name in enumerate(names) if name.endswith(("wrist", "ankle", "tool"))]

    def ends(self, position: Floats) -> Floats:
        """(E,3) of joint positions (N,)."""
        self._data.qpos[:] = self._robot.full_qpos(position)
        mujoco.mj_kinematics(self._robot.model, self._data)
        return self._data.site_xpos[self._ends].copy()


class _Motors:
    """Torques of all joints."""

    def __init__(self, robot: RobotModel) -> None:
        self._robot, model = robot, robot.model
        model.opt.timestep = STEP_S
        model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_CONTACT)
        model.dof_armature[robot.dofs] = np.maximum(model.dof_armature[robot.dofs], ROTOR_KG_M2)
        inertia = self._inertia(robot)
        self._kp = FREQUENCY_RAD_S**2 * inertia
        self._kd = 2 * FREQUENCY_RAD_S * inertia
        joints = model.dof_jntid[robot.dofs]
        limited = model.jnt_actfrclimited[joints].astype(bool)
        # Damping of the joints is integrated implicitly, so that joints about nearly one axis stay calm.
        model.dof_damping[robot.dofs] = self._kd
        self._most = np.where(limited, model.jnt_actfrcrange[joints, 1], np.inf)

    def push(self, data: mujoco.MjData, command: RobotCommand) -> bool:
        """Set the torques of the next step; True when some joint's would have had to be larger."""
        robot = self._robot
        error = command.position - data.qpos[robot.qpos]
        change = command.velocity - data.qvel[robot.dofs]
        torque = self._kp * error + self._kd * change + data.qfrc_bias[robot.dofs]
        damping = self._kd * data.qvel[robot.dofs]
        data.qfrc_applied[robot.dofs] = np.clip(torque, -self._most, self._most) + damping
        return bool((np.abs(torque) > self._most).any())

    @staticmethod
    def _inertia(robot: RobotModel) -> Floats:
        """(N,) that each joint alone moves at home."""
        data, full = mujoco.MjData(robot.model), np.zeros((robot.model.nv, robot.model.nv))
        data.qpos[:] = robot.full_qpos(robot.home)
        mujoco.mj_forward(robot.model, data)
        mujoco.mj_fullM(robot.model, data, full)
        return np.diagonal(full)[robot.dofs].copy()
