"""Laws of retargeting: symmetry, equivariance, limits, feet on the floor, and input that is no pose."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.axes import ROS
from realtime.data import BodyPose, State
from realtime.retarget.check import tracking_errors
from realtime.retarget.collisions import CollisionLimit
from realtime.retarget.retargeter import Retargeter
from realtime.retarget.robot_pose import RobotPose
from realtime.solve.mirror import mirror
from realtime.solve.quaternions import to_matrix
from tests.realtime.retarget.trial_poses import moved, robot, walk, wild_pose

DT = 1 / 30
MIRRORED = {"abdomen_z": -1, "abdomen_x": -1, "shoulder1": -1, "shoulder2": -1}
"""Joints of the Humanoid whose sense changes in a mirror; the others only change sides."""


def follow(name: str, poses: tuple[BodyPose, ...]) -> tuple[Retargeter, list[RobotPose]]:
    """A robot after somebody."""
    retargeter = Retargeter(*robot(name))
    return retargeter, [retargeter.retarget(pose, i, DT, i) for i, pose in enumerate(poses)]


def placed(retargeter: Retargeter) -> mujoco.MjData:
    """The robot as it stands."""
    data = mujoco.MjData(retargeter.robot.model)
    data.qpos[:] = retargeter.qpos
    mujoco.mj_kinematics(retargeter.robot.model, data)
    return data


def test_a_mirrored_person_moves_a_mirrored_robot() -> None:
    """Left and right change places, and nothing else happens."""
    own, _ = robot("humanoid")
    _, straight = follow("humanoid", walk(70))
    _, swapped = follow("humanoid", tuple(mirror(pose) for pose in walk(70)))
    for a, b in zip(straight, swapped, strict=True):
        there = dict(zip(own.joint_names, a.position, strict=True))
        for name, value in zip(own.joint_names, b.position, strict=True):
            side, _, joint = name.partition("_")
            twin = {"left": f"right_{joint}", "right": f"left_{joint}"}.get(side, name)
            sign = MIRRORED.get(joint if twin != name else name, 1)
            assert value == pytest.approx(sign * there[twin], abs=5e-3), name
        np.testing.assert_allclose(b.root_world, a.root_world * [-1, 1, 1], atol=3e-3)


@pytest.mark.parametrize(("yaw", "shift"), [(0.0, (2.0, -1.0)), (2.5, (0.0, 0.0)), (-1.2, (0.5, 3.0))])
def test_turning_and_moving_the_person_turns_and_moves_the_robot(
    yaw: float, shift: tuple[float, float]
) -> None:
    """Joints stay the same; the base goes along, its way scaled by the robot's size."""
    poses = walk(45)
    here, first = follow("humanoid", poses)
    _, other = follow("humanoid", tuple(moved(pose, yaw, shift) for pose in poses))
    R = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    offset = other[0].root_world - R @ first[0].root_world
    if any(shift):
        assert np.linalg.norm(offset) / np.hypot(*shift) == pytest.approx(0.94, abs=0.2)
    assert abs(offset[1]) < 1e-3
    for a, b in zip(first, other, strict=True):
        np.testing.assert_allclose(b.position, a.position, atol=5e-3)
        np.testing.assert_allclose(b.root_world, R @ a.root_world + offset, atol=5e-3)
        np.testing.assert_allclose(to_matrix(b.root_rotation), R @ to_matrix(a.root_rotation), atol=1e-2)
    assert here.robot.floating


@settings(max_examples=25, deadline=None)
@given(seeds=st.lists(st.integers(0, 10**6), min_size=2, max_size=4), name=st.sampled_from(["humanoid"]))
def test_limits_hold_whatever_the_person_does(seeds: list[int], name: str) -> None:
    """Positions stay inside, joints move no faster than they may, everything is finite."""
    limits = robot(name)[0].limits
    _, answers = follow(name, tuple(wild_pose(seed) for seed in seeds))
    for answer in answers:
        assert (answer.position >= limits.lower).all()
        assert (answer.position <= limits.upper).all()
        assert np.isfinite(answer.root_world).all()
        assert np.linalg.norm(answer.root_rotation) == pytest.approx(1.0)
    for before, after in pairwise(answers):
        assert (np.abs(after.position - before.position) <= limits.velocity * DT + 1e-9).all()


def test_the_same_input_gives_the_same_answer() -> None:
    """To the last bit, from two robots."""
    for a, b in zip(*(follow("humanoid", walk(40))[1] for _ in range(2)), strict=True):
        np.testing.assert_array_equal(a.position, b.position)
        np.testing.assert_array_equal(a.root_world, b.root_world)


def test_somebody_who_stands_still_moves_nothing() -> None:
    """The same pose again and again: the robot comes to rest."""
    _, answers = follow("humanoid", (walk(1)[0],) * 40)
    assert np.abs(answers[-1].position - answers[-2].position).max() < 1e-4


def test_a_standing_person_makes_a_standing_robot() -> None:
    """Upright, facing +Z with the left at +X, legs near home, both soles on the floor."""
    retargeter, answers = follow("humanoid", (walk(1)[0],) * 10)
    data, own = placed(retargeter), retargeter.robot
    for side in ("left", "right"):
        assert data.site(f"{side}_heel").xpos[2] == pytest.approx(0.0, abs=0.005)
    legs = [i for i, name in enumerate(own.joint_names) if "hip" in name or "knee" in name]
    assert np.abs(answers[-1].position - own.home)[legs].max() < 0.35
    R = to_matrix(answers[-1].root_rotation)
    np.testing.assert_allclose(R @ [1, 0, 0], [0, 0, 1], atol=0.15)  # the robot's front
    np.testing.assert_allclose(R @ [0, 1, 0], [1, 0, 0], atol=0.15)  # its left
    left = ROS.points_to_world(data.site("left_wrist").xpos)
    right = ROS.points_to_world(data.site("right_wrist").xpos)
    assert left[0] - right[0] > 0.2


def test_hands_and_feet_reach_their_targets() -> None:
    """Over standing and walking: 3 cm and better, in the median."""
    retargeter, errors = Retargeter(*robot("humanoid")), dict[str, list[float]]()
    for pose in walk():
        retargeter.retarget(pose, 0, DT)
        assert retargeter.targets is not None
        for place, error_m in tracking_errors(placed(retargeter), retargeter.targets).items():
            errors.setdefault(place, []).append(error_m)
    for place in ("left_wrist", "right_wrist", "left_ankle", "right_ankle", "pelvis"):
        assert np.median(errors[place]) < 0.03, place


def test_feet_in_contact_stay_put_on_the_floor() -> None:
    """While the person's foot rests, the robot's neither slides nor leaves the floor nor sinks in."""
    retargeter, before = Retargeter(*robot("humanoid")), dict[str, np.ndarray]()
    for pose in walk():
        retargeter.retarget(pose, 0, DT)
        data = placed(retargeter)
        for side, contacts in (("left", pose.contacts[:2]), ("right", pose.contacts[2:])):
            ankle, resting = data.site(f"{side}_ankle").xpos.copy(), bool(contacts.all())
            if resting and side in before:
                assert np.linalg.norm((ankle - before[side])[:2]) < 0.004
                assert data.site(f"{side}_ankle").xpos[2] == pytest.approx(0.075, abs=0.01)
            before = {**before, side: ankle} if resting else {k: v for k, v in before.items() if k != side}


@pytest.mark.parametrize("state", list(State))
def test_the_persons_state_goes_on(state: State) -> None:
    """And times and numbers with it."""
    retargeter = Retargeter(*robot("humanoid"))
    answer = retargeter.retarget(replace(walk(1)[0], state=state), 123, DT, 7)
    assert (answer.state, answer.capture_time_ns, answer.body_seq) == (state, 123, 7)


@pytest.mark.parametrize("kind", ["nan joints", "nan rotations", "heap", "giant", "far away", "lost"])
def test_what_is_no_pose_leaves_the_robot_where_it_is(kind: str) -> None:
    """And is HELD, or LOST if the person is."""
    good = walk(60)[-1]
    joints, rotations = good.joints_world.copy(), good.bone_rotations.copy()
    bad = {
        "nan joints": replace(good, joints_world=joints * np.float32(np.nan)),
        "nan rotations": replace(good, bone_rotations=np.full_like(rotations, np.inf)),
        "heap": replace(good, joints_world=joints * 0),
        "giant": replace(good, joints_world=joints * 40),
        "far away": replace(good, joints_world=joints + np.float32(1e9)),
        "lost": replace(good, state=State.LOST),
    }[kind]
    retargeter, answers = follow("humanoid", walk(60))
    answer = retargeter.retarget(bad, 0, DT)
    np.testing.assert_array_equal(answer.position, answers[-1].position)
    assert answer.state is (State.LOST if kind == "lost" else State.HELD)
    after = retargeter.retarget(good, 0, DT)
    assert np.abs(after.position - answers[-1].position).max() < 0.2


def test_nobody_from_the_start_is_the_home_pose() -> None:
    """NaN as the very first pose."""
    own, file = robot("humanoid")
    lost = replace(walk(1)[0], joints_world=np.full((26, 3), np.nan, np.float32))
    np.testing.assert_array_equal(Retargeter(own, file).retarget(lost, 0, DT).position, own.home)


@pytest.mark.parametrize("dt_s", [0.0, -1.0, float("nan"), float("inf"), 1e9])
def test_any_time_step_is_survived(dt_s: float) -> None:
    """Clocks jump."""
    retargeter, limits = Retargeter(*robot("humanoid")), robot("humanoid")[0].limits
    for pose in (walk(1)[0], wild_pose(3), walk(60)[-1]):
        answer = retargeter.retarget(pose, 0, dt_s)
        assert ((answer.position >= limits.lower) & (answer.position <= limits.upper)).all()


def test_an_arm_out_of_sight_eases_to_home() -> None:
    """It goes slowly, arrives, and comes back when it is seen again."""
    raised = walk(1)[0]
    joints = raised.joints_world.copy()
    joints[12] = joints[10] + [0.27, 0.05, 0.0]  # left elbow and wrist out to the side
    joints[14] = joints[12] + [0.24, 0.03, 0.0]
    raised = replace(raised, joints_world=joints.astype(np.float32))
    hidden = raised.observed.copy(), raised.confidence.copy()
    for array in hidden:
        array[[12, 14]] = 0
    unseen = replace(raised, observed=hidden[0], confidence=hidden[1])
    retargeter = Retargeter(*robot("humanoid"))
    reaches = []
    for pose in (*(raised,) * 20, *(unseen,) * 75, *(raised,) * 45):
        retargeter.retarget(pose, 0, DT)
        assert retargeter.targets is not None
        reaches.append(retargeter.targets.spans["left_shoulder", "left_wrist"].copy())
    home = retargeter.anatomy.arms["left"].wrist
    assert np.linalg.norm(reaches[19] - home) > 0.2
    assert np.linalg.norm(reaches[94] - home) < 0.08
    np.testing.assert_allclose(reaches[-1], reaches[19], atol=1e-6)
    assert np.linalg.norm(np.diff(reaches[20:], axis=0), axis=1).max() < 0.15


def test_limbs_keep_apart() -> None:
    """Over wild poses, no pair of the Humanoid's geoms that are to keep apart overlaps by a centimetre."""
    own, file = robot("humanoid")
    retargeter, pairs, deepest = Retargeter(own, file), CollisionLimit(own.model, file.avoid), []
    for seed in range(12):
        start, end = wild_pose(seed, 0.2), wild_pose(seed + 1, 0.2)
        for pose in (*(start,) * 6, *(end,) * 6):
            retargeter.retarget(pose, 0, DT)
            deepest.append(pairs.deepest_m(placed(retargeter))[0])
    assert min(deepest) > -0.02
    assert np.mean(np.array(deepest) > -0.01) > 0.97
