"""Self-collision between two poses: the way there is the steady output's, and must not cross the body."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from realtime.retarget.collisions import CollisionLimit
from realtime.retarget.guard import CollisionGuard
from realtime.retarget.steady.limiter import JointLimiter
from tests.realtime.retarget.steady.test_limiter import check
from tests.realtime.retarget.trial_poses import robot

T = 0.01


def played(
    guarded: bool, seed: int = 0, targets: int = 15, scale: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Joints thrown from one random pose to the next: positions (K,N), nearest pair (K,) metres."""
    model, file = robot("humanoid")
    guard = CollisionGuard(model, file) if guarded else None
    limiter = JointLimiter(model.limits, model.home, T, guard)
    random, data = np.random.default_rng(seed), mujoco.MjData(model.model)
    pairs, path, nearest = CollisionLimit(model.model, file.avoid), [], []
    for _ in range(targets):
        target = random.uniform(model.limits.lower, model.limits.upper)
        for _ in range(60):
            limiter.follow(target, np.zeros_like(target), scale)
            path.append(limiter.position)
            data.qpos[:] = model.full_qpos(limiter.position)
            mujoco.mj_kinematics(model.model, data)
            nearest.append(pairs.deepest_m(data)[0])
    return np.array(path), np.array(nearest)


def test_a_ramp_crosses_nobody() -> None:
    """On the way between random poses, as slowly as ramps are, limbs stay apart; without the guard they do
    not."""
    _, free = played(guarded=False, scale=0.4)
    _, kept = played(guarded=True, scale=0.4)
    assert free.min() < -0.03, "the trial is too easy"
    assert kept.min() > -0.01


def test_limbs_thrown_about_hardly_touch() -> None:
    """At full speed, which nobody's motion asks for, it is a matter of a moment at most."""
    _, free = played(guarded=False, seed=2)
    _, kept = played(guarded=True, seed=2)
    deep = float(np.mean(free < -0.01))
    assert deep > 0.02, "the trial is too easy"
    assert float(np.mean(kept < -0.01)) < deep / 5


def test_limits_come_before_collisions() -> None:
    """With the guard, position, velocity and acceleration still hold at every tick."""
    path, _ = played(guarded=True, seed=1, targets=8)
    model, _ = robot("humanoid")
    check(model.limits, np.vstack([model.home, path]), T)


def test_far_from_collisions_nothing_changes() -> None:
    """Velocities that bring nothing together come back to the last digit."""
    model, file = robot("humanoid")
    guard = CollisionGuard(model, file)
    wanted = np.full(len(model.home), 1e-3)
    assert np.array_equal(guard(model.home, wanted, wanted - 1, wanted + 1), wanted)


def test_what_overlaps_parts() -> None:
    """From a pose in which limbs overlap, standing still is no answer."""
    model, file = robot("humanoid")
    data, pairs = mujoco.MjData(model.model), CollisionLimit(model.model, file.avoid)
    random = np.random.default_rng(5)
    for _ in range(200):
        start = random.uniform(model.limits.lower, model.limits.upper)
        data.qpos[:] = model.full_qpos(start)
        mujoco.mj_kinematics(model.model, data)
        before = pairs.deepest_m(data)[0]
        if -0.05 < before < -0.02:
            break
    else:
        pytest.fail("no such pose")
    limiter = JointLimiter(model.limits, start, T, CollisionGuard(model, file))
    for _ in range(60):
        limiter.follow(limiter.position, np.zeros_like(start))
    data.qpos[:] = model.full_qpos(limiter.position)
    mujoco.mj_kinematics(model.model, data)
    assert pairs.deepest_m(data)[0] > before + 0.01
