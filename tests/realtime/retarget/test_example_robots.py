"""The robots of example-robot-data (415 MB): G1, Talos, Panda, UR5 after the synthetic figure."""

from __future__ import annotations

import importlib.metadata
import time

import mujoco
import numpy as np
import pytest

from realtime.data import BodyPose
from realtime.retarget.check import tracking_errors
from realtime.retarget.collisions import CollisionLimit
from realtime.retarget.retargeter import Retargeter
from realtime.solve.mirror import mirror
from realtime.solve.quaternions import to_matrix
from tests.realtime.retarget.trial_poses import robot, walk, wild_pose

pytestmark = pytest.mark.real
DT = 1 / 30
HUMANOIDS, ARMS = ("g1", "talos"), ("panda", "ur5")


@pytest.fixture(autouse=True)
def _example_robots() -> None:
    try:
        importlib.metadata.distribution("example-robot-data")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("robots are not here: pip install example-robot-data (415 MB)")


def followed(name: str, poses: tuple[BodyPose, ...]) -> tuple[dict[str, float], float, float]:
    """Median errors in metres by place, the smallest distance of pairs, and the p99 of milliseconds."""
    own, file = robot(name)
    retargeter, errors, ms = Retargeter(own, file), dict[str, list[float]](), []
    pairs, data, nearest = CollisionLimit(own.model, file.avoid), mujoco.MjData(own.model), np.inf
    for pose in poses:
        begin = time.thread_time()
        answer = retargeter.retarget(pose, 0, DT)
        ms.append(1e3 * (time.thread_time() - begin))
        assert ((answer.position >= own.limits.lower) & (answer.position <= own.limits.upper)).all()
        data.qpos[:] = retargeter.qpos
        mujoco.mj_kinematics(own.model, data)
        nearest = min(nearest, pairs.deepest_m(data)[0])
        assert retargeter.targets is not None
        for place, error_m in tracking_errors(data, retargeter.targets).items():
            errors.setdefault(place, []).append(error_m)
    return {k: float(np.median(v)) for k, v in errors.items()}, nearest, float(np.percentile(ms[1:], 99))


@pytest.mark.parametrize("name", HUMANOIDS)
def test_humanoids_follow_a_walk(name: str) -> None:
    """Hands, feet and pelvis within 3 cm in the median, limbs apart, a frame within 5 ms of one core."""
    errors, nearest, p99_ms = followed(name, walk())
    for place in ("left_wrist", "right_wrist", "left_ankle", "right_ankle", "pelvis"):
        assert errors[place] < 0.03, place
    assert nearest > -0.01
    assert p99_ms < 5


@pytest.mark.parametrize("name", ARMS)
def test_arms_follow_the_wrist(name: str) -> None:
    """The tool within 3 cm of the scaled wrist in the median, inside its box."""
    own, file = robot(name)
    assert file.arm is not None
    errors, _, p99_ms = followed(name, walk())
    assert errors["tool"] < 0.03
    assert p99_ms < 5
    retargeter, data = Retargeter(own, file), mujoco.MjData(own.model)
    for pose in walk():
        retargeter.retarget(pose, 0, DT)
    data.qpos[:] = retargeter.qpos
    mujoco.mj_kinematics(own.model, data)
    tool = data.site("tool").xpos
    assert (tool > np.array(file.arm.box_from) - 0.02).all()
    assert (tool < np.array(file.arm.box_to) + 0.02).all()


@pytest.mark.parametrize("name", [*HUMANOIDS, *ARMS])
def test_limits_hold_whatever_the_person_does(name: str) -> None:
    """Wild poses, one after the other."""
    followed(name, tuple(wild_pose(seed) for seed in range(20)))


@pytest.mark.parametrize("name", HUMANOIDS)
def test_a_standing_person_makes_a_standing_robot(name: str) -> None:
    """Soles on the floor, front to +Z, knees soft."""
    own, file = robot(name)
    retargeter, data = Retargeter(own, file), mujoco.MjData(own.model)
    for _ in range(10):
        answer = retargeter.retarget(walk(1)[0], 0, DT)
    data.qpos[:] = retargeter.qpos
    mujoco.mj_kinematics(own.model, data)
    for side in ("left", "right"):
        for part in ("heel", "toe"):
            assert data.site(f"{side}_{part}").xpos[2] == pytest.approx(0.0, abs=0.005)
    np.testing.assert_allclose(to_matrix(answer.root_rotation) @ [1, 0, 0], [0, 0, 1], atol=0.15)
    knees = [i for i, n in enumerate(own.joint_names) if "knee" in n or (n.startswith("leg_") and "_4_" in n)]
    assert (answer.position[knees] > 0.1).all()
    assert (answer.position[knees] < 0.8).all()


def test_a_mirrored_person_moves_a_mirrored_g1() -> None:
    """Roll and yaw change their sense, pitch and bends only their side."""
    own, _ = robot("g1")
    straight, swapped = Retargeter(*robot("g1")), Retargeter(*robot("g1"))
    for pose in walk(60):
        a, b = straight.retarget(pose, 0, DT), swapped.retarget(mirror(pose), 0, DT)
        there = dict(zip(own.joint_names, a.position, strict=True))
        for name, value in zip(own.joint_names, b.position, strict=True):
            twin = name.replace("left", "#").replace("right", "left").replace("#", "right")
            sign = -1 if "roll" in name or "yaw" in name else 1
            assert value == pytest.approx(sign * there[twin], abs=0.02), name
