"""The second look at the tilt: it rides along in the network call, is told nothing and shows in no pose."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from lifting.camera import Intrinsics, gravity_from_pitch, pitch_of_gravity
from lifting.camera_estimate import CameraEstimate
from lifting.lifter import Lifter
from realtime.data import Keypoints
from realtime.people import People
from realtime.solve.body import SolverOptions
from tests.lifting.test_camera_estimate import seen_by

INTRINSICS = Intrinsics.from_fov(1280, 720)


class TwoMindedLifter:
    """Sees a camera that looks 20° down when it is told nothing, and a level one when it is told gravity."""

    window_length, fps = 3, 30.0

    def __init__(self) -> None:
        self.calls: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []

    def lift(self, windows: NDArray[np.float32], gravity: NDArray[np.float32]) -> NDArray[np.float32]:
        self.calls.append((windows, gravity))
        poses = [
            seen_by(0.0 if told else 20.0, 1.5, (0.0, -3.0))[1] for told in np.atleast_1d(gravity.any(axis=1))
        ]
        return np.stack(poses).astype(np.float32)


def film(
    camera: CameraEstimate, frames: int, persons: int = 1
) -> tuple[TwoMindedLifter, list[NDArray[np.float32]]]:
    """The calls of the network and the answered poses at 30 fps."""
    lifter, poses = TwoMindedLifter(), []
    group = People(cast(Lifter, lifter), SolverOptions(), 0.0)
    points = INTRINSICS.project(np.append(seen_by(0.0, 1.5, (0.0, -3.0))[0], np.ones((21, 1)), axis=1))
    seen = [
        Keypoints(i, points.astype(np.float32), np.full(21, 0.9, np.float32), np.zeros(4, np.float32), False)
        for i in range(persons)
    ]
    for frame in range(frames):
        time_ns = int(frame / 30 * 1e9)
        poses.append(group.lift(seen, camera, time_ns))
        group.solve(poses[-1], poses[-1], seen, camera, time_ns)
    return lifter, poses


def test_it_rides_along_five_times_a_second() -> None:
    """One call per frame; every sixth has the people twice, the second time without gravity."""
    lifter, poses = film(CameraEstimate(INTRINSICS, pitch_deg=0.0), 31, persons=2)
    assert len(lifter.calls) == 31
    assert [len(windows) for windows, _ in lifter.calls].count(4) == 6
    for windows, gravity in lifter.calls:
        assert gravity[:2].any(axis=1).all()
        if len(windows) == 4:
            np.testing.assert_array_equal(windows[:2], windows[2:])
            assert not gravity[2:].any()
    level = seen_by(0.0, 1.5, (0.0, -3.0))[1].astype(np.float32)
    for pose in poses:
        np.testing.assert_array_equal(pose, np.stack([level, level]))


def test_what_it_saw_is_told_afterwards() -> None:
    """The network first hears nothing about gravity, then of the 20° it saw itself, with a middling trust."""
    camera = CameraEstimate(INTRINSICS)
    lifter, _ = film(camera, 60)
    assert not lifter.calls[0][1].any()
    told = lifter.calls[-1][1][0]
    assert abs(pitch_of_gravity(told[:3]) - 20.0) < 3.0
    assert 0.4 < told[3] < 0.7
    assert camera.gravity_cam @ gravity_from_pitch(20.0) > np.cos(np.radians(3.0))


def test_given_pitch_and_roll_ask_nothing() -> None:
    """There is no second look when nothing is left to learn."""
    lifter, _ = film(CameraEstimate(INTRINSICS, pitch_deg=5.0, roll_deg=0.0), 31)
    assert {len(windows) for windows, _ in lifter.calls} == {1}
