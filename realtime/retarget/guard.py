"""Keeps capsules of the robot apart between two poses, tick by tick.

The retargeting answers with poses in which nothing touches, but the way from one to the next is the steady
output's: a ramp crosses the body, and joints that lag differently meet. So the speed at which two capsules
come nearer is limited to what can be braked before they touch, by half of what the joints can do together:
    -g·v ≤ √(2 a (d - keep)),   a = Σ|gᵢ| Aᵢ / 2,   g = ∂d/∂q, A the accelerations allowed.
Velocities that ask for more are changed as little as possible, in shares of A, by the joints whose limits let
them. Limits come first: where nothing but breaking one would help, nothing helps.
"""

from __future__ import annotations

import mujoco
import numpy as np

from realtime.retarget.collisions import CollisionLimit
from realtime.retarget.robot_file import RobotFile
from realtime.retarget.robot_model import RobotModel
from realtime.retarget.robot_pose import Float64

KEEP_M = 0.005
"""Meshes reach a little out of their capsules. Retargeting keeps more, and is never held up by this."""
NEAR_M = 0.2
"""What is further apart can be braked in time."""
SHARE = 0.5
PART_S = 0.1
"""What overlaps parts in about so long."""
SWEEPS = 4


class CollisionGuard:
    """Of one robot, for one thread."""

    def __init__(self, robot: RobotModel, file: RobotFile) -> None:
        self._robot, self._data = robot, mujoco.MjData(robot.model)
        self._pairs = CollisionLimit(robot.model, file.avoid, NEAR_M)
        self._strength = robot.limits.acceleration

    def __call__(self, position: Float64, wanted: Float64, least: Float64, most: Float64) -> Float64:
        """Joints (N,) and the velocities that are wanted, between the least and the most that are allowed
        (N,) → velocities that bring nothing together."""
        model, data, robot = self._robot.model, self._data, self._robot
        data.qpos[robot.qpos] = position
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        distance, change = self._pairs.near(data)
        change = change[:, robot.dofs]
        fastest = self._fastest(change, distance)
        out = wanted
        for _ in range(SWEEPS):
            if not (-(change @ out) > fastest).any():
                break
            for row, top in zip(change, fastest, strict=True):
                too_fast = -float(row @ out) - float(top)
                if too_fast > 0:
                    out = self._slowed(out, row, too_fast, least, most)
        return out

    def _fastest(self, change: Float64, distance: Float64) -> Float64:
        """At which pairs (R,) may come nearer, metres per second; negative where they must part."""
        room = distance - KEEP_M
        braked = np.sqrt(2 * np.maximum(room, 0.0) * SHARE * (np.abs(change) @ self._strength))
        return np.where(room > 0, braked, room / PART_S)

    def _slowed(
        self, velocity: Float64, change: Float64, by: float, least: Float64, most: Float64
    ) -> Float64:
        """Approaching more slowly, by so many metres per second, with the joints that may."""
        free = np.where(change > 0, velocity < most, velocity > least)
        strong = change * self._strength**2 * free
        return np.clip(velocity + strong * (by / max(float(change @ strong), 1e-9)), least, most)
