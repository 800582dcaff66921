"""People: one window, one correction and one solver for each."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from lifting.camera import Intrinsics
from lifting.camera_estimate import CameraEstimate
from lifting.lifter import Lifter
from lifting.skeleton import BODY21, SEALCAP26
from realtime.data import Keypoints
from realtime.people import People
from realtime.solve.body import SolverOptions
from realtime.solve.rest import REST_JOINTS

INTRINSICS = Intrinsics.from_fov(1280, 720)
ROOT = np.array([0.2, 0.1, 3.0])
TRUTH = (REST_JOINTS - REST_JOINTS[0]) * (1.7, -1.7, -1.7)
STEP_NS = 33_333_333


class FakeLifter:
    """Answers the same pose for everybody: the truth with its left arm 15° off."""

    window_length, fps = 3, 30.0

    def __init__(self) -> None:
        self.pose = TRUTH.astype(np.float32)
        angle = np.radians(15)
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        arm = SEALCAP26.indices("left_elbow", "left_wrist")
        shoulder = TRUTH[SEALCAP26.index("left_shoulder")]
        self.pose[arm] = ((TRUTH[arm] - shoulder) @ turn.T + shoulder).astype(np.float32)

    def lift(self, windows: NDArray[np.float32], *_: object) -> NDArray[np.float32]:
        return np.repeat(self.pose[None], len(windows), axis=0)


def keypoints(person_id: int = 1, restarted: bool = False) -> Keypoints:
    """What a perfect detector sees of the truth."""
    points = INTRINSICS.project(TRUTH[SEALCAP26.indices(*BODY21.joints)] + ROOT).astype(np.float32)
    return Keypoints(person_id, points, np.ones(21, np.float32), np.zeros(4, np.float32), restarted)


def people(correct: float, most: int | None = None) -> tuple[People, FakeLifter, CameraEstimate]:
    lifter = FakeLifter()
    return People(cast(Lifter, lifter), SolverOptions(), correct, most), lifter, CameraEstimate(INTRINSICS)


def corrected(
    group: People, seen: list[Keypoints], camera: CameraEstimate, time_ns: int
) -> NDArray[np.float32]:
    """One frame through the network and the correction."""
    return group.correct(group.lift(seen, camera, time_ns), seen)


def arm_error(pose: NDArray[np.float32]) -> float:
    wrist = SEALCAP26.index("left_wrist")
    return float(np.linalg.norm(pose[wrist] - TRUTH[wrist]))


def test_without_correction_the_network_has_the_last_word() -> None:
    """correct = 0 hands on the lifter's own array."""
    group, lifter, camera = people(0.0)
    np.testing.assert_array_equal(corrected(group, [keypoints()], camera, STEP_NS)[0], lifter.pose)


def test_the_picture_pulls_a_wrong_arm_back() -> None:
    """The wrist comes at least a third nearer to where it was seen; float32 as before."""
    group, lifter, camera = people(1.0)
    for i in range(1, 4):
        pose = corrected(group, [keypoints()], camera, i * STEP_NS)
    assert pose.dtype == np.float32
    assert arm_error(pose[0]) < 0.67 * arm_error(lifter.pose)


def test_the_body_keeps_the_word_of_the_network() -> None:
    """Solved from corrected joints; the raw ones are those of the network, also while it coasts."""
    group, lifter, camera = people(1.0)
    for i in range(1, 4):
        raw = group.lift([keypoints()], camera, i * STEP_NS)
        moved = group.correct(raw, [keypoints()])
        (body,) = group.solve(moved, raw, [keypoints()], camera, i * STEP_NS)
    np.testing.assert_array_equal(body.raw_joints_cam, lifter.pose)
    assert arm_error(body.joints_cam) < 0.8 * arm_error(lifter.pose)
    nothing = np.zeros((0, 26, 3), np.float32)
    (coasting,) = group.solve(nothing, nothing, [], camera, 4 * STEP_NS)
    np.testing.assert_array_equal(coasting.raw_joints_cam, lifter.pose)


def test_everybody_is_corrected_by_their_own_picture() -> None:
    """A second person without a visible joint is left as the network has it; nobody else notices."""
    group, lifter, camera = people(1.0)
    alone = corrected(group, [keypoints(1)], camera, STEP_NS)
    group, lifter, camera = people(1.0)
    unseen = Keypoints(2, keypoints().points_px, np.zeros(21, np.float32), np.zeros(4, np.float32), False)
    both = corrected(group, [keypoints(1), unseen], camera, STEP_NS)
    np.testing.assert_array_equal(both[0], alone[0])
    np.testing.assert_allclose(both[1], lifter.pose, atol=1e-6)


def states(group: People, camera: CameraEstimate, seen: tuple[int, ...], frame: int) -> list[tuple[int, str]]:
    """Number and state of everybody in one frame in which these are seen."""
    raw = group.lift(found := [keypoints(i) for i in seen], camera, frame * STEP_NS)
    return [
        (body.person_id, body.state.value) for body in group.solve(raw, raw, found, camera, frame * STEP_NS)
    ]


def test_who_gave_way_to_somebody_else_is_not_waited_for() -> None:
    """When all who are followed are seen, whoever is not was given up, as when somebody else is chosen: lost
    at once, so that outputs of one person go over to the other; gone a second later, and welcome again."""
    group, _, camera = people(0.0, most=1)
    assert states(group, camera, (1,), 1) == [(1, "tracking")]
    assert states(group, camera, (), 2) == [(1, "predicted")]
    assert states(group, camera, (2,), 3) == [(2, "tracking"), (1, "lost")]
    assert states(group, camera, (2,), 20) == [(2, "tracking"), (1, "lost")]
    assert states(group, camera, (2,), 34) == [(2, "tracking")]
    assert states(group, camera, (1,), 35) == [(1, "tracking"), (2, "lost")]


@pytest.mark.parametrize("most", [None, 2, 3])
def test_who_may_come_back_is_waited_for(most: int | None) -> None:
    """A place is free, or nobody knows how many there are: one of two goes on as predicted."""
    group, _, camera = people(0.0, most)
    states(group, camera, (1, 2), 1)
    assert states(group, camera, (2,), 2) == [(2, "tracking"), (1, "predicted")]


def test_nobody_is_lifted_to_nothing() -> None:
    """No keypoints, no joints."""
    group, _, camera = people(1.0)
    assert corrected(group, [], camera, 0).shape == (0, 26, 3)
