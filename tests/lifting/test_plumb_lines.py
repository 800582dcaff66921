"""Vertical lines show a camera's tilt; lines that are something else do not spoil it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from lifting.camera import Intrinsics, gravity_from_pitch, pitch_of_gravity, world_from_cam
from lifting.camera_estimate import CameraEstimate, Source
from lifting.plumb_lines import PlumbLines
from lifting.tilt_grid import TiltGrid
from tests.lifting.test_camera_estimate import SEEN, seen_by

INTRINSICS = Intrinsics.from_fov(1280, 720)


def room(pitch: float, roll: float, upright: int, other: int, seed: int = 0) -> NDArray[np.float64]:
    """(L,4) start and end on the plane one metre ahead of vertical lines and of horizontal ones."""
    rng = np.random.default_rng(seed)
    R_world_from_cam = world_from_cam(gravity_from_pitch(pitch, roll))
    lines: list[NDArray[np.float64]] = []
    while len(lines) < upright + other:
        angle = rng.uniform(0, np.pi)
        direction = np.array([0, 1, 0] if len(lines) < upright else [np.cos(angle), 0, np.sin(angle)])
        middle = np.append(rng.uniform((-0.5, -0.3), (0.5, 0.3)), 1) * rng.uniform(2, 5)
        ends = middle + np.outer([-0.5, 0.5], direction @ R_world_from_cam)
        if ends[:, 2].min() > 0.5:
            lines.append((ends[:, :2] / ends[:, 2:]).ravel() + rng.normal(0, 0.001, 4))
    return np.array(lines)


def look(camera: CameraEstimate, lines: NDArray[np.float64], seconds: float = 3.0) -> None:
    """Show the picture whenever it is asked for, and a person who stands nowhere in particular."""
    rays, joints, _ = seen_by(0.0, 1.5, (0.0, -3.0))
    for i in range(int(seconds * 30)):
        time_ns = int(i / 30 * 1e9)
        if camera.lines_due(time_ns):
            scale = np.tile([INTRINSICS.fx, INTRINSICS.fy], 2)
            camera.learn_lines(lines * scale + np.tile([INTRINSICS.cx, INTRINSICS.cy], 2), time_ns)
        camera.update(rays, SEEN * 0, joints, np.full(3, np.nan), time_ns)


@pytest.mark.parametrize(("pitch", "roll"), [(-8.0, 0.0), (0.0, 3.0), (14.0, -2.0), (22.0, 1.0)])
def test_a_room_shows_the_tilt(pitch: float, roll: float) -> None:
    """Twelve vertical lines among twenty others: pitch within 3°, roll within 1°, and told to the lifter."""
    camera = CameraEstimate(INTRINSICS, fov_given=True)
    look(camera, room(pitch, roll, 12, 20))
    g = camera.gravity_cam
    assert pitch_of_gravity(g) == pytest.approx(pitch, abs=3.0)
    assert np.degrees(np.arctan2(g[0], g[1])) == pytest.approx(roll, abs=1.0)
    assert camera.gravity_known
    assert camera.sources["pitch"] is Source.ESTIMATED


@pytest.mark.parametrize("roll", [0.0, 3.0, -25.0])
def test_a_given_pitch_leaves_the_roll(roll: float) -> None:
    """With --camera-pitch the lines tell the roll within 1°; the pitch stays, and the trust is high."""
    camera = CameraEstimate(INTRINSICS, pitch_deg=12.0)
    look(camera, room(12.0, roll, 12, 20))
    g = camera.gravity_cam
    assert pitch_of_gravity(g) == pytest.approx(12.0, abs=0.1)
    assert np.degrees(np.arctan2(g[0], g[1])) == pytest.approx(roll, abs=1.0)
    assert camera.gravity_input[3] > 0.9


def test_without_vertical_lines_nothing_is_claimed() -> None:
    """Horizontal lines alone leave the tilt uncertain by more than 4°."""
    grid = TiltGrid()
    for seed in range(5):
        plumb, lines = PlumbLines(grid), room(10.0, 0.0, 0, 30, seed)
        plumb.add(lines[:, :2], lines[:, 2:], 0)
        assert plumb.evidence is not None
        assert grid.best(plumb.evidence + grid.of_cameras()).pitch_sd_deg > 4.0


def test_people_decide_between_bundles() -> None:
    """Where many more lines run together that are not vertical, somebody who stands there settles it."""
    grid = TiltGrid()
    plumb = PlumbLines(grid)
    lines = np.concatenate([room(15.0, 0.0, 10, 0), room(-30.0, 40.0, 40, 0)])
    plumb.add(lines[:, :2], lines[:, 2:], 0)
    assert plumb.evidence is not None
    tilt = grid.best(plumb.evidence + grid.of_up(-gravity_from_pitch(8.0, 2.0), 6.5, 3.0))
    assert tilt.pitch_deg == pytest.approx(15.0, abs=2.0)
    assert tilt.roll_deg == pytest.approx(0.0, abs=1.0)


@pytest.mark.parametrize("lines", [np.zeros((0, 4)), np.zeros((10, 4)), np.full((10, 4), np.nan)])
def test_no_lines_no_evidence(lines: NDArray[np.float64]) -> None:
    """Empty pictures, points and failures are ignored."""
    plumb = PlumbLines(TiltGrid())
    plumb.add(lines[:, :2], lines[:, 2:], 0)
    assert plumb.evidence is None


def test_looks_become_rare() -> None:
    """Six looks in the first half minute at any frame rate, then one every 16 s."""
    plumb = PlumbLines(TiltGrid())
    times = [i for i in range(0, 100_000, 33) if _looked(plumb, i * 1_000_000)]
    assert len([t for t in times if t < 30_000]) == 5
    assert np.diff(times)[-1] == pytest.approx(16_000, abs=50)


def _looked(plumb: PlumbLines, time_ns: int) -> bool:
    due = plumb.due(time_ns)
    if due:
        plumb.add(np.zeros((0, 2)), np.zeros((0, 2)), time_ns)
    return due
