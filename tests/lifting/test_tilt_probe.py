"""Tilt from standing bodies: averaged over time, with an error that shrinks to that of one person."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from lifting.camera import Intrinsics, gravity_from_pitch, gravity_trust, pitch_of_gravity
from lifting.camera_estimate import CameraEstimate, Source
from lifting.skeleton import BODY21
from lifting.tilt_probe import PERSON_SD_DEG, TiltProbe
from tests.lifting.test_camera_estimate import SEEN, seen_by, standing

INTRINSICS = Intrinsics.from_fov(1280, 720)


def lifted(pitch_deg: float, lean_deg: float = 0.0) -> np.ndarray:
    """(1,26,3) a standing body in the axes of a camera that looks down."""
    return seen_by(pitch_deg, 1.5, (0.0, -3.0), standing(lean_deg))[1][None]


def watch(camera: CameraEstimate, seconds: float, pitch_deg: float, fps: float, sway_deg: float = 0.0) -> int:
    """Probe whenever asked to, at any frame rate; the body sways to and fro. Returns the probes asked for."""
    asked = 0
    for i in range(int(seconds * fps)):
        time_ns = int(i / fps * 1e9)
        if camera.probe_due(time_ns):
            lean = sway_deg if asked % 2 else -sway_deg
            camera.learn_tilt(lifted(pitch_deg, lean), SEEN[None], time_ns)
            asked += 1
        rays, joints, root = seen_by(pitch_deg, 1.5, (0.0, -3.0))
        camera.update(rays, SEEN, joints, root, time_ns)
    return asked


@pytest.mark.parametrize("pitch", [-10.0, 0.0, 19.0, 30.0])
@pytest.mark.parametrize("fps", [6.0, 30.0, 60.0])
def test_tilt_is_found_and_told_with_its_error(pitch: float, fps: float) -> None:
    """Four seconds of standing, swaying 4°: the tilt within 1.5°, told to the lifter but not as certain."""
    camera = CameraEstimate(INTRINSICS)
    assert camera.gravity_input.tolist() == [0, 0, 0, 0]
    asked = watch(camera, 4.0, pitch, fps, sway_deg=4.0)
    assert asked <= 4.0 * 5 + 1
    assert pitch_of_gravity(camera.gravity_cam) == pytest.approx(pitch, abs=1.5)
    assert PERSON_SD_DEG / 2 < camera.tilt_sd_deg < 6.5
    assert camera.gravity_known
    assert camera.gravity_input[3] == pytest.approx(gravity_trust(camera.tilt_sd_deg))
    assert camera.sources["pitch"] is Source.ESTIMATED


def test_the_error_shrinks_with_time_but_not_below_that_of_a_person() -> None:
    """A minute of one person is better than a second, and no certainty."""
    probe, errors = TiltProbe(), []
    for i in range(300):
        probe.add(lifted(10.0), SEEN[None], int(i * 0.2e9))
        errors.append(probe.sd_deg)
    assert (np.diff(errors) <= 0).all()
    assert PERSON_SD_DEG < errors[-1] < errors[0]


@pytest.mark.parametrize("case", ["lying", "hidden ankles", "nan", "one point"])
def test_what_does_not_stand_teaches_nothing(case: str) -> None:
    """Lying people, people without feet in the picture and failed networks leave the tilt unknown."""
    camera, seen = CameraEstimate(INTRINSICS), SEEN.copy()
    body = lifted(0.0, 80.0 if case == "lying" else 0.0)
    if case == "hidden ankles":
        seen[list(BODY21.indices("left_ankle", "right_ankle"))] = 0.0
    if case == "nan":
        body = np.full_like(body, np.nan)
    if case == "one point":
        body = np.zeros_like(body)
    for i in range(30):
        camera.learn_tilt(body, seen[None], int(i * 0.2e9))
    assert camera.sources["pitch"] is Source.ASSUMED
    assert camera.gravity_input.tolist() == [0, 0, 0, 0]
    assert_allclose(camera.gravity_cam, (0, 1, 0), atol=1e-9)


def test_somebody_who_lies_down_later_changes_nothing() -> None:
    """A minute on the floor does not turn the world."""
    probe = TiltProbe()
    for i in range(300):
        probe.add(lifted(10.0, 0.0 if i < 20 else 75.0), SEEN[None], int(i * 0.2e9))
    assert probe.up is not None
    assert pitch_of_gravity(-probe.up) == pytest.approx(10.0, abs=0.5)
    assert probe.evidence_s == pytest.approx(4.0, abs=0.3)


def test_given_pitch_and_roll_need_no_probe() -> None:
    """What the user said is not asked for."""
    camera = CameraEstimate(INTRINSICS, pitch_deg=12.0, roll_deg=0.0)
    assert not camera.probe_due(0)
    assert not camera.lines_due(0)
    camera.learn_tilt(lifted(30.0), SEEN[None], 0)
    assert pitch_of_gravity(camera.gravity_cam) == pytest.approx(12.0)


@pytest.mark.parametrize(("roll", "within"), [(0.0, 0.5), (2.0, 2.0), (35.0, 3.0)])
def test_a_given_pitch_leaves_the_roll_to_the_person(roll: float, within: float) -> None:
    """Five seconds of standing: a level camera stays level, a rolled one is found; the pitch is as given and
    the lifter is told that the roll is not exact."""
    camera = CameraEstimate(INTRINSICS, pitch_deg=12.0)
    c, s = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    R_rolled = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    rays, joints, _ = seen_by(12.0, 1.5, (0.0, -3.0))
    for i in range(25):
        camera.learn_tilt((lifted(12.0)[0] @ R_rolled.T)[None], SEEN[None], int(i * 0.2e9))
        camera.update(rays, SEEN, joints @ R_rolled.T, np.full(3, np.nan), int(i * 0.2e9))
    g = camera.gravity_cam
    assert pitch_of_gravity(g) == pytest.approx(12.0, abs=0.1)
    assert np.degrees(np.arctan2(g[0], g[1])) == pytest.approx(roll, abs=within)
    assert 0.5 < camera.gravity_input[3] < 0.98


def test_the_world_glides() -> None:
    """After the first look the direction of gravity never turns by more than 2° between two frames."""
    camera, before = CameraEstimate(INTRINSICS), None
    for i in range(90):
        time_ns = int(i / 30 * 1e9)
        if camera.probe_due(time_ns):
            camera.learn_tilt(lifted(0.0 if i < 10 else 25.0), SEEN[None], time_ns)
        rays, joints, root = seen_by(10.0, 1.5, (0.0, -3.0))
        camera.update(rays, SEEN, joints, root, time_ns)
        if before is not None:
            assert np.degrees(np.arccos(np.clip(camera.gravity_cam @ before, -1, 1))) < 2.0
        before = camera.gravity_cam
    assert_allclose(np.linalg.norm(camera.gravity_cam), 1.0, atol=1e-9)
    assert camera.gravity_cam @ gravity_from_pitch(20.0) > np.cos(np.radians(8.0))


def test_a_camera_that_is_moved_is_noticed() -> None:
    """Somebody tilts the camera by 25° after a minute: ten seconds later the new tilt is known within 2°."""
    camera = CameraEstimate(INTRINSICS)
    for i in range(70 * 5):
        pitch = 0.0 if i < 60 * 5 else 25.0
        rays, joints, root = seen_by(pitch, 1.5, (0.0, -3.0))
        camera.learn_tilt(joints[None], SEEN[None], int(i * 0.2e9))
        camera.update(rays, SEEN, joints, root, int(i * 0.2e9))
    assert pitch_of_gravity(camera.gravity_cam) == pytest.approx(25.0, abs=2.0)
    assert camera.tilt_sd_deg < 6.5


def test_a_moment_of_leaning_is_no_moved_camera() -> None:
    """Two seconds of leaning 18° turn the world by less than 2°."""
    probe = TiltProbe()
    for i in range(200):
        moved = probe.add(lifted(5.0, 18.0 if 100 <= i < 110 else 0.0), SEEN[None], int(i * 0.2e9))
        assert not moved
    assert probe.up is not None
    assert pitch_of_gravity(-probe.up) == pytest.approx(5.0, abs=2.0)
