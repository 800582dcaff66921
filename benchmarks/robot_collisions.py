"""How deep a robot's links are inside each other, by the hulls of its own meshes.

Not by the capsules that retargeting looks after: those are ours, and might be wrong.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from realtime.retarget.robot_file import RobotFile
from realtime.retarget.robot_model import load_model

Floats = NDArray[np.float64]


class Collisions:
    """Deepest contact between links of the robot's own meshes that do not already overlap at home."""

    def __init__(self, file: RobotFile) -> None:
        robot = load_model(file, meshes=True)
        model = robot.model
        floor = [g for g in range(model.ngeom) if model.geom_bodyid[g] == 0]
        ours = [model.geom(name).id for name in file.capsules]
        for geom in [*floor, *ours]:
            model.geom_contype[geom] = model.geom_conaffinity[geom] = 0
        self._model, self._data, self._robot = model, mujoco.MjData(model), robot
        self._usual: set[tuple[int, int]] = set()
        for qpos in (robot.full_qpos(robot.home), np.array(model.qpos0)):
            self._usual |= set(self._pairs(qpos))

    def deepest_m(self, position: Floats) -> tuple[float, str]:
        """Joint positions (N,) → metres, and between which links."""
        found = {
            k: v for k, v in self._pairs(self._robot.full_qpos(position)).items() if k not in self._usual
        }
        if not found:
            return 0.0, ""
        pair = max(found, key=lambda k: found[k])
        return found[pair], " - ".join(self._model.body(b).name for b in pair)

    def _pairs(self, qpos: Floats) -> dict[tuple[int, int], float]:
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_collision(self._model, self._data)
        out: dict[tuple[int, int], float] = {}
        for contact in self._data.contact:
            a, b = sorted(int(self._model.geom_bodyid[g]) for g in contact.geom)
            out[a, b] = max(out.get((a, b), 0.0), -float(contact.dist))
        return out
