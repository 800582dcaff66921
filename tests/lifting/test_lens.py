"""Lenses: agreement with OpenCV, round trips, and calm outside the picture."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from lifting.camera import Intrinsics
from lifting.lens import Lens

SIZE = (1280, 720)
LENSES = {
    "barrel": (Lens("brown", (-0.3, 0.1, 0.001, -0.002, 0.0)), 900.0),
    "pincushion": (Lens("brown", (0.1, -0.2, 0.003, -0.002, 0.05)), 1000.0),
    "crooked": (Lens("brown", (-0.4, 0.2, 0.01, -0.01, -0.03)), 1000.0),
    "rational": (Lens("brown", (8.0, 3.0, 0.0005, -0.0003, 0.1, 8.3, 5.0, 0.6)), 700.0),
    "fisheye": (Lens("fisheye", (0.1, -0.05, 0.02, -0.005)), 600.0),
}


def camera(name: str) -> Intrinsics:
    lens, focal = LENSES[name]
    return Intrinsics(focal, focal * 1.01, 650.0, 350.0, *SIZE, lens)


def opencv_rays(seen: Intrinsics, pixels: np.ndarray) -> np.ndarray:
    """The plain reference, iterated to the end."""
    assert seen.lens is not None
    K = np.array([[seen.fx, 0, seen.cx], [0, seen.fy, seen.cy], [0, 0, 1.0]])
    end = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 200, 1e-12)
    k = np.array(seen.lens.coefficients)
    if seen.lens.model == "fisheye":
        return cv2.fisheye.undistortPoints(pixels[:, None], K, k, criteria=end)[:, 0]
    return cv2.undistortPoints(pixels[:, None], K, k, None, None, None, end)[:, 0]


def pixels_of(size: tuple[int, int], count: int = 500) -> np.ndarray:
    return np.random.default_rng(0).uniform((0, 0), (size[0] - 1, size[1] - 1), (count, 2))


@pytest.mark.parametrize("name", LENSES)
def test_rays_agree_with_opencv(name: str) -> None:
    """Within 1e-5 everywhere in the picture."""
    pixels = pixels_of(SIZE)
    np.testing.assert_allclose(camera(name).rays(pixels), opencv_rays(camera(name), pixels), atol=1e-5)


@pytest.mark.parametrize("name", LENSES)
def test_projection_agrees_with_opencv(name: str) -> None:
    """Within a thousandth of a pixel."""
    seen = camera(name)
    rays = opencv_rays(seen, pixels_of(SIZE))
    points = np.c_[rays, np.ones(len(rays))] * 3.0
    np.testing.assert_allclose(seen.project(points), pixels_of(SIZE), atol=1e-3)


@pytest.mark.parametrize("name", LENSES)
def test_rays_and_projection_are_inverse_with_a_lens(name: str) -> None:
    """Pixel → ray → the same pixel, also for shapes (P,J,2)."""
    pixels = pixels_of(SIZE).reshape(20, 25, 2)
    rays = camera(name).rays(pixels).astype(np.float64)
    back = camera(name).project(np.concatenate([rays, np.ones((20, 25, 1))], axis=-1))
    np.testing.assert_allclose(back, pixels, atol=0.01)


@pytest.mark.parametrize("name", LENSES)
def test_what_lies_outside_stays_outside(name: str) -> None:
    """Points far aside never fold into the picture, and pixels beyond it have finite rays further out."""
    seen = camera(name)
    aside = np.array([[x, y, 1.0] for x in (-9.0, 0.0, 9.0) for y in (-9.0, 0.0, 9.0) if (x, y) != (0, 0)])
    outside = seen.project(aside)
    assert ((outside < 0) | (outside > np.array(SIZE))).any(axis=1).all()
    edge, beyond = seen.rays(np.array([[1279.0, 350.0], [3000.0, 350.0]]))
    assert np.isfinite(beyond).all()
    assert beyond[0] > edge[0]


def test_nan_stays_nan_without_a_warning() -> None:
    """A joint that was not seen has no ray; its neighbours keep theirs."""
    rays = camera("barrel").rays(np.array([[np.nan, np.nan], [100.0, 100.0]], np.float32))
    assert np.isnan(rays[0]).all()
    assert np.isfinite(rays[1]).all()


def test_no_distortion_is_a_pinhole() -> None:
    """Coefficients of zero change nothing."""
    plain = Intrinsics.from_fov(*SIZE)
    lens = Intrinsics(plain.fx, plain.fy, plain.cx, plain.cy, *SIZE, Lens("brown", (0.0,) * 5))
    np.testing.assert_allclose(lens.rays(pixels_of(SIZE)), plain.rays(pixels_of(SIZE)), atol=1e-6)


def test_undistort_is_the_exact_inverse() -> None:
    """Newton ends at rounding errors, on the axis too."""
    for lens, _ in LENSES.values():
        rays = np.array([[0.0, 0.0], [0.3, -0.2], [-0.5, 0.4]])
        np.testing.assert_allclose(lens.undistort(lens.distort(rays)), rays, atol=1e-9)


@pytest.mark.parametrize(("model", "count"), [("brown", 4), ("brown", 14), ("fisheye", 5)])
def test_a_wrong_number_of_coefficients_is_refused(model: str, count: int) -> None:
    """The error names the right numbers."""
    with pytest.raises(ValueError, match="coefficients"):
        Lens(model, (0.0,) * count)  # type: ignore[arg-type]


def test_21_points_cost_little() -> None:
    """About 25 µs; a busy machine gets four times that."""
    seen, pixels = camera("crooked"), pixels_of(SIZE, 21).astype(np.float32)
    times = []
    for _ in range(300):
        begin = time.perf_counter()
        seen.rays(pixels)
        times.append(time.perf_counter() - begin)
    assert sorted(times)[len(times) // 4] < 100e-6
