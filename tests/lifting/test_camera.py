"""Camera geometry: axioms and round trips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifting.camera import Intrinsics, gravity_from_pitch, gravity_trust, pitch_of_gravity, world_from_cam

PITCH = st.floats(-75, 75)
ROLL = st.floats(-40, 40)


@given(st.integers(2, 4000), st.integers(2, 4000), st.floats(20, 120))
def test_rays_and_projection_are_inverse(width: int, height: int, fov: float) -> None:
    """Projecting the ray of a pixel gives the pixel back."""
    camera = Intrinsics.from_fov(width, height, fov)
    pixels = np.array([[0, 0], [width - 1, height - 1], [width / 3, height / 5]])
    rays = camera.rays(pixels).astype(np.float64)
    points = np.concatenate([rays, np.ones((3, 1))], axis=1) * 2.5
    np.testing.assert_allclose(camera.project(points), pixels, atol=0.01)


def test_the_field_of_view_is_that_of_the_longer_side() -> None:
    """At 90 degrees the edges of the longer side are seen at 45, in portrait as in landscape."""
    for width, height in ((1920, 1080), (1080, 1920)):
        camera = Intrinsics.from_fov(width, height, 90)
        assert camera.fx == pytest.approx(960)


@pytest.mark.parametrize("fov", [0, 9.9, 151, float("nan")])
def test_absurd_fields_of_view_are_refused(fov: float) -> None:
    """Outside 10..150 degrees nothing sensible can follow."""
    with pytest.raises(ValueError, match="between 10 and 150"):
        Intrinsics.from_fov(640, 480, fov)


def test_points_behind_the_camera_have_no_pixel() -> None:
    """NaN, never a mirrored point."""
    assert np.isnan(Intrinsics.from_fov(640, 480).project(np.array([0.0, 0.0, -1.0]))).all()


@given(PITCH)
def test_pitch_round_trip(pitch: float) -> None:
    """Pitch → gravity → pitch."""
    assert pitch_of_gravity(gravity_from_pitch(pitch)) == pytest.approx(pitch, abs=1e-6)


@given(PITCH, ROLL)
def test_world_rotation_is_a_rotation_with_up_on_y(pitch: float, roll: float) -> None:
    """Orthonormal, right-handed, gravity along -Y, camera looking along -Z."""
    gravity = gravity_from_pitch(pitch, roll)
    rotation = world_from_cam(gravity)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1)
    np.testing.assert_allclose(rotation @ gravity, [0, -1, 0], atol=1e-9)
    forward = rotation @ [0, 0, 1]
    assert forward[0] == pytest.approx(0, abs=1e-9)
    assert forward[2] < 0


def test_a_level_camera_gives_the_plain_table() -> None:
    """(x, y, z) → (x, -y, -z): the person facing the camera has their left at +X."""
    np.testing.assert_allclose(world_from_cam(gravity_from_pitch(0)), np.diag([1, -1, -1]), atol=1e-12)


def test_straight_down_has_no_heading() -> None:
    """Said, not guessed."""
    with pytest.raises(ValueError, match="heading"):
        world_from_cam(np.array([0.0, 0.0, 1.0]))


def test_trust_in_gravity_falls_with_its_error() -> None:
    """1 when exact, a half at 6 degrees, the same for arrays as for numbers."""
    assert gravity_trust(0.0) == 1.0
    assert gravity_trust(6.0) == pytest.approx(0.5)
    sd_deg = np.array([0.0, 3.0, 20.0], np.float32)
    assert np.allclose(gravity_trust(sd_deg), [gravity_trust(float(x)) for x in sd_deg])
