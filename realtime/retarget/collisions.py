"""Keeps capsules of the robot apart, as inequalities of the inverse kinematics' QP.

For a pair at distance d, with J what a step of the joints does to d, the step obeys
    J Δq ≥ -gain (d - keep)
so it goes no more than most of the way; where the pair is too near already, it must part again, a little per
step. Only pairs that are near take part. Two capsules side by side touch along a line, of which the nearest
points are only one place: there the ends of both are looked after as well, or one end would dive in while the
other is held off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from realtime.retarget.model_source import missing_extra
from realtime.solve.quaternions import Float64

try:
    import mink
    import mujoco
except ImportError as error:
    raise missing_extra(error) from error

from realtime.retarget.leverage import Points

GAIN = 0.85
KEEP_M = 0.01
"""Distance that is kept;"""
NEAR_M = 0.1
"""further apart than this, no step can bring them together."""
PART_M = 0.01
"""How much a pair that is too near parts in one step, at least."""
SIDE_BY_SIDE, SIDE_M = 0.85, 0.05
"""Cosine between two capsules, and distance, from which their ends count."""
PLACES = 5
"""Of a pair: the nearest points, and four ends."""


class _Touch(NamedTuple):
    """Places (R,) where pairs are near."""

    place: NDArray[np.intp]
    """Number of the pair times PLACES, and which of its places."""
    distance: Float64
    on_a: Float64
    """(R,3)"""
    on_b: Float64
    """(R,3)"""
    way: Float64
    """1, or -1 where b's point lies on the side of a."""


class CollisionLimit(mink.Limit):  # type: ignore[misc]
    """Pairs of geoms of a model that must not meet."""

    def __init__(
        self, model: mujoco.MjModel, pairs: Sequence[tuple[str, str]], near_m: float = NEAR_M
    ) -> None:
        """`near_m`: pairs further apart are left out."""
        self._near_m = near_m
        ids = {tuple(sorted((int(model.geom(a).id), int(model.geom(b).id)))) for a, b in pairs}
        self._pairs = np.array(sorted(ids), np.intp).reshape(-1, 2)
        self._reach = (model.geom_rbound[self._pairs].sum(axis=1) + near_m) ** 2
        self._ids = [(int(a), int(b)) for a, b in self._pairs]
        self._points = [Points(model, bodies) for bodies in model.geom_bodyid[self._pairs].T]
        self._capsules = (model.geom_type[self._pairs] == int(mujoco.mjtGeom.mjGEOM_CAPSULE)).all(axis=1)
        self._radii = model.geom_size[self._pairs, 0].sum(axis=1)
        self._halves = model.geom_size[self._pairs, 1]
        self._between = np.zeros((len(self._ids), 6))

    def compute_qp_inequalities(self, configuration: mink.Configuration, dt: float) -> mink.Constraint:
        """Rows G (k,nv) and bounds h (k,) of G Δq ≤ h."""
        del dt
        distances, rows = self.near(configuration.data)
        if not len(distances):
            return mink.Constraint()
        return mink.Constraint(-rows, np.maximum(GAIN * (distances - KEEP_M), -PART_M))

    def near(self, data: mujoco.MjData) -> tuple[Float64, Float64]:
        """Of all pairs that are near: metres between them (R,), and how a step changes those (R,nv).

        `data` must know its kinematics and centres of mass (mj_kinematics, mj_comPos).
        """
        touch = self._touching(data)
        apart = touch.on_b - touch.on_a
        apart *= (touch.way / _sizes(apart))[:, None]
        on_a, on_b = self._points
        pairs = touch.place // PLACES
        change = on_b.along(data, pairs, touch.on_b, apart) - on_a.along(data, pairs, touch.on_a, apart)
        return touch.distance, change

    def deepest_m(self, data: mujoco.MjData) -> tuple[float, tuple[int, int]]:
        """The smallest distance of all pairs, negative where they overlap, and the two geoms."""
        model, between = data.model, np.zeros(6)
        found = [(mujoco.mj_geomDistance(model, data, a, b, 10.0, between), (a, b)) for a, b in self._ids]
        return min(found, default=(np.inf, (-1, -1)))

    def _touching(self, data: mujoco.MjData) -> _Touch:
        """Where pairs are near: their nearest points, and the ends of those side by side, pair by pair."""
        pairs, distance, between = self._measured(data)
        on_a, on_b = between[:, :3], between[:, 3:]
        way = np.where(distance > 0, 1.0, -1.0)  # inside each other, the points lie the other way round
        nearest = _Touch(PLACES * pairs, distance, on_a, on_b, way)
        nearest = _chosen(nearest, _sizes(on_b - on_a) > 1e-9)
        side = pairs[self._capsules[pairs] & (distance < SIDE_M)]
        side = side[_cosines(data, self._pairs[side]) > SIDE_BY_SIDE]
        if not len(side):
            return nearest
        columns: list[Any] = [np.concatenate(c) for c in zip(nearest, self._ends(data, side), strict=True)]
        both = _Touch(*columns)
        return _chosen(both, np.argsort(both.place))

    def _measured(self, data: mujoco.MjData) -> tuple[NDArray[np.intp], Float64, Float64]:
        """Pairs that are near (K,), metres between them (K,), and the nearest points of both (K,6)."""
        nearby, between = self._nearby(data), self._between
        model, near_m, ids = data.model, self._near_m, self._ids
        metres = [
            mujoco.mj_geomDistance(model, data, *ids[pair], near_m, between[row])
            for row, pair in enumerate(nearby.tolist())
        ]
        distance = np.array(metres, np.float64)
        near = np.flatnonzero(distance < near_m)
        return nearby[near], distance[near], between[near]

    def _nearby(self, data: mujoco.MjData) -> NDArray[np.intp]:
        """Pairs whose bounding spheres are near."""
        apart = data.geom_xpos[self._pairs[:, 0]] - data.geom_xpos[self._pairs[:, 1]]
        return np.flatnonzero(np.einsum("ij,ij->i", apart, apart) < self._reach)

    def _ends(self, data: mujoco.MjData, pairs: NDArray[np.intp]) -> _Touch:
        """Of pairs of capsules (K,): every end of either that lies beside the other one, on both axes."""
        middles, axes = data.geom_xpos[self._pairs[pairs]], data.geom_xmat[self._pairs[pairs], 2::3]
        halves = self._halves[pairs]  # (K,2); below (K,2,2,3): pair, whose end, which end
        ends = middles[:, :, None] + (halves[:, :, None] * [-1.0, 1.0])[..., None] * axes[:, :, None]
        middle, axis = middles[:, ::-1, None], axes[:, ::-1, None]
        along = ((ends - middle) * axis).sum(axis=-1)
        beside = middle + along[..., None] * axis
        metres = np.sqrt(((ends - beside) ** 2).sum(axis=-1))
        mine = np.array([True, False])[:, None, None]
        found = _Touch(
            (PLACES * pairs[:, None] + np.arange(1, PLACES)).ravel(),
            (metres - self._radii[pairs, None, None]).ravel(),
            np.where(mine, ends, beside).reshape(-1, 3),
            np.where(mine, beside, ends).reshape(-1, 3),
            np.ones(metres.size),
        )
        there = (np.abs(along) <= halves[:, ::-1, None]) & (metres > 1e-6)
        return _chosen(found, np.flatnonzero(there))


def _chosen(touch: _Touch, rows: NDArray[Any]) -> _Touch:
    return _Touch(*(column[rows] for column in touch))


def _sizes(vectors: Float64) -> Float64:
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", vectors, vectors)))


def _cosines(data: mujoco.MjData, pairs: NDArray[np.intp]) -> Float64:
    """Of the angles between capsules (K,2)."""
    axes = data.geom_xmat[pairs, 2::3]
    return np.asarray(np.abs(np.einsum("ij,ij->i", axes[:, 0], axes[:, 1])))
