"""Points that move with joints: MuJoCo's own answer, one point at a time, is the reference."""

from __future__ import annotations

import mujoco
import numpy as np

from realtime.retarget.leverage import Points, carrying, cross
from tests.realtime.retarget.trial_poses import robot


def test_points_move_as_mujoco_says() -> None:
    """Whole and along directions, on every body of a robot, the world's included, in random poses."""
    own, _ = robot("humanoid")
    model, data, random = own.model, mujoco.MjData(own.model), np.random.default_rng(1)
    bodies = np.arange(model.nbody)
    points, J = Points(model, bodies), np.zeros((3, model.nv))
    for _ in range(5):
        turn = random.normal(size=4)
        data.qpos[:] = own.full_qpos(
            random.uniform(own.limits.lower, own.limits.upper),
            random.normal(size=3),
            turn / np.linalg.norm(turn),
        )
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        at, n = random.normal(size=(2, model.nbody, 3))
        moved, along = points.move(data, at), points.along(data, bodies, at, n)
        for body in bodies:
            mujoco.mj_jac(model, data, J, None, at[body], body)
            np.testing.assert_allclose(moved[body], J, atol=1e-12)
            np.testing.assert_allclose(along[body], n[body] @ J, atol=1e-12)
        chosen = np.array([3, 1, 3])
        np.testing.assert_array_equal(points.along(data, chosen, at[chosen], n[chosen]), along[chosen])


def test_nothing_moves_the_world() -> None:
    """Body 0 has no degree of freedom; the base has its six."""
    own, _ = robot("humanoid")
    assert not carrying(own.model, 0).any()
    assert carrying(own.model, 1).tolist() == [True] * 6 + [False] * (own.model.nv - 6)


def test_cross_products() -> None:
    """As numpy's, rows against rows and against one."""
    a, b = np.random.default_rng(2).normal(size=(2, 4, 5, 3))
    np.testing.assert_allclose(cross(a, b), np.cross(a, b), atol=1e-14)
    np.testing.assert_allclose(cross(a, b[:1]), np.cross(a, b[:1]), atol=1e-14)
