"""Keeps capsules of the robot apart, as inequalities of the inverse kinematics' QP.

For a pair at distance d, with J what a step of the joints does to d, the step obeys
    J Δq ≥ -gain (d - keep)
so it goes no more than most of the way; where the pair is too near already, it must part again, a little per
step. Only pairs that are near take part. Two capsules side by side touch along a line, of which the nearest
points are only one place: there the ends of both are looked after as well, or one end would dive in while the
other is held off.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from realtime.retarget.model_source import missing_extra
from realtime.solve.quaternions import Float64

try:
    import mink
    import mujoco
except ImportError as error:
    raise missing_extra(error) from error

GAIN = 0.85
KEEP_M = 0.01
"""Distance that is kept;"""
NEAR_M = 0.1
"""further apart than this, no step can bring them together."""
PART_M = 0.01
"""How much a pair that is too near parts in one step, at least."""
SIDE_BY_SIDE, SIDE_M = 0.85, 0.05
"""Cosine between two capsules, and distance, from which their ends count."""


class CollisionLimit(mink.Limit):  # type: ignore[misc]
    """Pairs of geoms of a model that must not meet."""

    def __init__(
        self, model: mujoco.MjModel, pairs: Sequence[tuple[str, str]], near_m: float = NEAR_M
    ) -> None:
        """`near_m`: pairs further apart are left out."""
        self._near_m = near_m
        ids = {tuple(sorted((int(model.geom(a).id), int(model.geom(b).id)))) for a, b in pairs}
        self._pairs = np.array(sorted(ids), np.intp).reshape(-1, 2)
        self._reach = model.geom_rbound[self._pairs].sum(axis=1) + near_m
        self._ids = [(int(a), int(b)) for a, b in self._pairs]
        self._bodies = [(int(model.geom_bodyid[a]), int(model.geom_bodyid[b])) for a, b in self._ids]
        self._capsules = (model.geom_type[self._pairs] == int(mujoco.mjtGeom.mjGEOM_CAPSULE)).all(axis=1)
        self._between = np.zeros(6)
        self._J = np.zeros((2, 3, model.nv))

    def compute_qp_inequalities(self, configuration: mink.Configuration, dt: float) -> mink.Constraint:
        """Rows G (k,nv) and bounds h (k,) of G Δq ≤ h."""
        del dt
        rows, bounds = [], []
        for distance, row in self.near(configuration.data):
            rows.append(-row)
            bounds.append(max(GAIN * (distance - KEEP_M), -PART_M))
        if not rows:
            return mink.Constraint()
        return mink.Constraint(np.array(rows), np.array(bounds))

    def near(self, data: mujoco.MjData) -> Iterator[tuple[float, Float64]]:
        """Of all pairs that are near: metres between them, and how a step changes that (nv,).

        `data` must know its kinematics and centres of mass (mj_kinematics, mj_comPos).
        """
        for pair in self._nearby(data):
            yield from self._rows(data, pair)

    def deepest_m(self, data: mujoco.MjData) -> tuple[float, tuple[int, int]]:
        """The smallest distance of all pairs, negative where they overlap, and the two geoms."""
        model = data.model
        found = [
            (mujoco.mj_geomDistance(model, data, a, b, 10.0, self._between), (a, b)) for a, b in self._ids
        ]
        return min(found, default=(np.inf, (-1, -1)))

    def _nearby(self, data: mujoco.MjData) -> list[int]:
        """Pairs whose bounding spheres are near."""
        apart = data.geom_xpos[self._pairs[:, 0]] - data.geom_xpos[self._pairs[:, 1]]
        near = np.einsum("ij,ij->i", apart, apart) < self._reach**2
        return [int(i) for i in np.flatnonzero(near)]

    def _rows(self, data: mujoco.MjData, pair: int) -> Iterator[tuple[float, Float64]]:
        """Distances of a pair, and how a step changes each of them (nv,)."""
        model, between = data.model, self._between
        a, b = self._ids[pair]
        distance = float(mujoco.mj_geomDistance(model, data, a, b, self._near_m, between))
        if distance >= self._near_m:
            return
        # Inside each other, the nearest points lie the other way round.
        apart = (between[3:] - between[:3]) * (1.0 if distance > 0 else -1.0)
        if _size(apart) > 1e-9:
            yield distance, self._change(data, pair, between[:3], between[3:], apart)
        if self._capsules[pair] and distance < SIDE_M and _cosine(data, a, b) > SIDE_BY_SIDE:
            for distance, on_a, on_b in _ends(model, data, a, b):
                yield distance, self._change(data, pair, on_a, on_b, on_b - on_a)

    def _change(
        self, data: mujoco.MjData, pair: int, on_a: Float64, on_b: Float64, apart: Float64
    ) -> Float64:
        """(nv,) what a step does to the distance of two points along `apart`."""
        for J, point, body in zip(self._J, (on_a, on_b), self._bodies[pair], strict=True):
            mujoco.mj_jac(data.model, data, J, None, point, body)
        return np.asarray(apart / _size(apart) @ (self._J[1] - self._J[0]))


def _size(vector: Float64) -> float:
    return math.sqrt(float(vector @ vector))


def _cosine(data: mujoco.MjData, a: int, b: int) -> float:
    """Of the angle between two capsules."""
    return abs(float(data.geom_xmat[a, 2::3] @ data.geom_xmat[b, 2::3]))


def _ends(
    model: mujoco.MjModel, data: mujoco.MjData, a: int, b: int
) -> Iterator[tuple[float, Float64, Float64]]:
    """(distance, point on a's axis, point on b's axis) for every end of either capsule that lies beside the
    other one."""
    radii = float(model.geom_size[a, 0] + model.geom_size[b, 0])
    for one, other in ((a, b), (b, a)):
        middle, axis = data.geom_xpos[other], data.geom_xmat[other, 2::3]
        half = float(model.geom_size[other, 1])
        for sign in (-1.0, 1.0):
            end = data.geom_xpos[one] + sign * model.geom_size[one, 1] * data.geom_xmat[one, 2::3]
            along = float((end - middle) @ axis)
            beside = middle + along * axis
            metres = _size(end - beside)
            if abs(along) <= half and metres > 1e-6:
                yield metres - radii, *((end, beside) if one == a else (beside, end))
