"""World frames of a camera whose estimate changes."""

import numpy as np
import pytest

from lifting.camera import Intrinsics, gravity_from_pitch, world_from_cam
from lifting.camera_estimate import CameraEstimate
from realtime.solve.ground import Ground


def _ground(pitch_deg: float, lens_m: float, level_m: float = 0.0) -> Ground:
    return Ground(world_from_cam(gravity_from_pitch(pitch_deg)), lens_m, level_m)


def test_it_is_the_frame_of_the_camera_estimate() -> None:
    """World points from the estimate come back to camera axes."""
    camera = CameraEstimate(Intrinsics.from_fov(640, 480), pitch_deg=20.0, camera_height_m=1.5)
    points = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(Ground.of(camera).to_cam(camera.to_world(points)), points, atol=1e-12)


def test_carried_points_stay_before_the_camera() -> None:
    """Carried to another world and back a point is where it was; before the camera it never moved."""
    before, after = _ground(5, 1.2), _ground(14, 1.4)
    points = np.random.default_rng(1).normal(size=(4, 3))
    carried = after.carry(points, before)
    np.testing.assert_allclose(after.to_cam(carried), before.to_cam(points), atol=1e-12)
    np.testing.assert_allclose(before.carry(carried, after), points, atol=1e-12)
    assert np.abs(carried - points).max() > 0.05


def test_frames_are_compared() -> None:
    """Equal numbers are the same frame, another tilt or height is not."""
    assert _ground(5, 1.2).same_frame(_ground(5, 1.2, 0.05))
    assert not _ground(5, 1.2).same_frame(_ground(6, 1.2))
    assert not _ground(5, 1.2).same_frame(_ground(5, 1.3))


@pytest.mark.parametrize(("level", "correction"), [(0.0, 0.0), (0.06, -0.06), (-0.3, 0.3), (0.45, 0.0)])
def test_small_errors_of_the_floor_are_taken_out(level: float, correction: float) -> None:
    """Feet a little above or anything below 0 are brought to 0; somebody on a stool stays there."""
    ground = _ground(0, 1.2, level)
    assert ground.correction_m == pytest.approx(correction)
    assert ground.corrected().level_m == pytest.approx(level + correction)


def test_the_correction_is_continuous() -> None:
    """No level makes people jump."""
    values = [_ground(0, 1.2, level).correction_m for level in np.linspace(-0.3, 0.5, 801)]
    assert np.abs(np.diff(values)).max() < 0.003
