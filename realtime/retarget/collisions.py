"""Keeps capsules of the robot apart, as inequalities of the inverse kinematics' QP.

For a pair at distance d, with J what a step of the joints does to d, the step obeys
    J Δq ≥ -gain (d - keep)
so it goes no more than most of the way; where the pair is too near already, it must part again, a little per
step. Only pairs that are near take part.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from realtime.retarget.model_source import missing_extra
from realtime.solve.quaternions import Float64

try:
    import mink
    import mujoco
except ImportError as error:
    raise missing_extra(error) from error

GAIN = 0.85
KEEP_M = 0.005
"""Distance that is kept;"""
NEAR_M = 0.15
"""further apart than this, no step can bring them together."""
PART_M = 0.01
"""How much a pair that is too near parts in one step, at least."""


class CollisionLimit(mink.Limit):  # type: ignore[misc]
    """Pairs of geoms of a model that must not meet."""

    def __init__(self, model: mujoco.MjModel, pairs: Sequence[tuple[str, str]]) -> None:
        ids = {tuple(sorted((int(model.geom(a).id), int(model.geom(b).id)))) for a, b in pairs}
        self._pairs = np.array(sorted(ids), np.intp).reshape(-1, 2)
        self._reach = model.geom_rbound[self._pairs].sum(axis=1) + NEAR_M
        self._bodies = model.geom_bodyid[self._pairs]
        self._between = np.zeros(6)
        self._J = np.zeros((2, 3, model.nv))

    def compute_qp_inequalities(self, configuration: mink.Configuration, dt: float) -> mink.Constraint:
        """Rows G (k,nv) and bounds h (k,) of G Δq ≤ h."""
        del dt
        rows, bounds = [], []
        for pair in self._nearby(configuration.data):
            distance, row = self._distance(configuration, pair)
            if distance < NEAR_M and row is not None:
                rows.append(-row)
                bounds.append(max(GAIN * (distance - KEEP_M), -PART_M))
        if not rows:
            return mink.Constraint()
        return mink.Constraint(np.array(rows), np.array(bounds))

    def deepest_m(self, data: mujoco.MjData) -> tuple[float, tuple[int, int]]:
        """The smallest distance of all pairs, negative where they overlap, and the two geoms."""
        model = data.model
        found = [
            (mujoco.mj_geomDistance(model, data, int(a), int(b), 10.0, self._between), (int(a), int(b)))
            for a, b in self._pairs
        ]
        return min(found, default=(np.inf, (-1, -1)))

    def _nearby(self, data: mujoco.MjData) -> list[int]:
        """Pairs whose bounding spheres are near."""
        apart = data.geom_xpos[self._pairs[:, 0]] - data.geom_xpos[self._pairs[:, 1]]
        near = np.einsum("ij,ij->i", apart, apart) < self._reach**2
        return [int(i) for i in np.flatnonzero(near)]

    def _distance(self, configuration: mink.Configuration, pair: int) -> tuple[float, Float64 | None]:
        """Of a pair, and how a step changes it (nv,); None where the surfaces just touch."""
        model, data, between = configuration.model, configuration.data, self._between
        a, b = (int(geom) for geom in self._pairs[pair])
        distance = float(mujoco.mj_geomDistance(model, data, a, b, NEAR_M, between))
        normal = between[3:] - between[:3]
        size = float(np.linalg.norm(normal))
        if distance >= NEAR_M or size < 1e-9:
            return distance, None
        for J, point, body in zip(self._J, (between[:3], between[3:]), self._bodies[pair], strict=True):
            mujoco.mj_jac(model, data, J, None, point, int(body))
        # Inside each other, the nearest points lie the other way round.
        away = normal / size if distance > 0 else -normal / size
        return distance, np.asarray(away @ (self._J[1] - self._J[0]))
