"""Pairs that must not meet: distances, and how they change with the joints."""

from __future__ import annotations

import mujoco
import numpy as np

from realtime.retarget.collisions import PLACES, SIDE_M, CollisionLimit
from realtime.retarget.robot_model import RobotModel
from tests.realtime.retarget.trial_poses import robot

NEAR_M = 0.2
STEP = 1e-6


def posed(own: RobotModel, data: mujoco.MjData, qpos: np.ndarray) -> mujoco.MjData:
    """With everything known that `near` needs."""
    data.qpos[:] = qpos
    mujoco.mj_kinematics(own.model, data)
    mujoco.mj_comPos(own.model, data)
    return data


def random_poses(own: RobotModel, count: int) -> list[np.ndarray]:
    """qpos anywhere within the limits."""
    random = np.random.default_rng(3)
    draw = lambda: own.full_qpos(random.uniform(own.limits.lower, own.limits.upper))  # noqa: E731
    return [draw() for _ in range(count)]


def test_rows_are_what_a_step_does_to_the_distances() -> None:
    """A tiny step of all joints and the base changes each distance by row times step: of pairs apart, of
    pairs inside each other, and of capsules side by side, whose ends are looked after as well."""
    own, file = robot("humanoid")
    limit, data = CollisionLimit(own.model, file.avoid, NEAR_M), mujoco.MjData(own.model)
    random, seen = np.random.default_rng(4), {"apart": 0, "inside": 0, "ends": 0}
    for qpos in random_poses(own, 500):
        step = random.normal(size=own.model.nv)
        distance, rows = limit.near(posed(own, data, qpos))
        place = limit._touching(data).place
        sides = []
        for sign in (-1, 1):
            moved = qpos.copy()
            mujoco.mj_integratePos(own.model, moved, step, sign * STEP)
            sides.append(limit.near(posed(own, data, moved))[0])
            if not np.array_equal(limit._touching(data).place, place):
                break  # something came near or went just now
        else:
            change = (sides[1] - sides[0]) / (2 * STEP)
            np.testing.assert_allclose(change, rows @ step, atol=2e-3)
            seen["ends"] += int((place % PLACES > 0).sum())
            seen["inside"] += int(((place % PLACES == 0) & (distance < 0)).sum())
            seen["apart"] += int(((place % PLACES == 0) & (distance > 0)).sum())
    assert min(seen.values()) > 5, seen


def test_every_near_pair_is_told_once_in_order() -> None:
    """Against MuJoCo's distance of each pair in turn."""
    own, file = robot("humanoid")
    limit, data = CollisionLimit(own.model, file.avoid, NEAR_M), mujoco.MjData(own.model)
    between, ends = np.zeros(6), 0
    for qpos in random_poses(own, 400):
        distance, _ = limit.near(posed(own, data, qpos))
        place = limit._touching(data).place
        wanted = [mujoco.mj_geomDistance(own.model, data, a, b, NEAR_M, between) for a, b in limit._ids]
        near = {pair: metres for pair, metres in enumerate(wanted) if metres < NEAR_M}
        nearest = place % PLACES == 0
        assert (place[nearest] // PLACES).tolist() == list(near)
        np.testing.assert_allclose(distance[nearest], list(near.values()), atol=1e-12)
        assert (np.diff(place) > 0).all()
        for pair, metres in zip(place[~nearest] // PLACES, distance[~nearest], strict=True):
            assert near[int(pair)] < SIDE_M
            assert metres > near[int(pair)] - 1e-6  # an end is no nearer than the nearest points
            ends += 1
    assert ends > 5
