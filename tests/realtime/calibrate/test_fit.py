"""The fit: the true camera from exact corners with noise, the simplest lens, no outliers."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lifting.lens import LensModel
from realtime.calibrate.advice import improvements, missing_places, verdict
from realtime.calibrate.board import Board, Seen
from realtime.calibrate.fit import Result, calibrate
from realtime.calibrate.views import View
from tests.realtime.calibrate.photos import Camera, poses

BOARD = Board("charuco", 7, 10, 25.0)
BARREL = Camera((1280, 720), (950.0, 953.0), (651.0, 352.0), (-0.28, 0.1, 0.001, -0.0015, 0.0))
FISHEYE = Camera((1280, 720), (420.0, 421.0), (633.0, 366.0), (0.12, -0.05, 0.02, -0.004), fisheye=True)


def seen_by(camera: Camera, pose: tuple[np.ndarray, np.ndarray], noise_px: float, seed: int) -> View | None:
    """The corners that lie in the picture, with noise."""
    R, t = pose
    grid = np.stack(np.meshgrid(np.arange(1, 7), np.arange(1, 10)), axis=-1).reshape(-1, 2) * 25.0
    points = np.pad(grid, ((0, 0), (0, 1)))
    turn, k = cv2.Rodrigues(R)[0], np.array(camera.distortion)
    if camera.fisheye:
        pixels = cv2.fisheye.projectPoints(points[:, None], turn, t.reshape(3, 1), camera.K, k)[0][:, 0]
    else:
        pixels = cv2.projectPoints(points, turn, t, camera.K, k)[0][:, 0]
    pixels = pixels + np.random.default_rng(seed).normal(0, noise_px, pixels.shape)
    inside = ((pixels > 0) & (pixels < np.array(camera.size))).all(axis=1)
    if inside.sum() < 15:
        return None
    return View(
        Seen(grid[inside].astype(np.float32), pixels[inside].astype(np.float32)), 2.0, np.zeros((4, 2))
    )


def views_of(camera: Camera, count: int = 20, noise_px: float = 0.1, tilt_deg: float = 40.0) -> list[View]:
    every = (
        seen_by(camera, pose, noise_px, i) for i, pose in enumerate(poses(BOARD, camera, 2 * count, tilt_deg))
    )
    return [v for v in every if v is not None][:count]


def fitted(camera: Camera, views: list[View]) -> Result:
    result = calibrate(views, camera.size, None, lambda _share: None)
    assert result is not None
    return result


def error_share(result: Result, camera: Camera) -> float:
    """Largest relative error of fx, fy, cx, cy."""
    there = (0, 1, 0, 1), (0, 1, 2, 2)
    return float(np.abs(result.fit.K[there] / camera.K[there] - 1).max())


def test_an_ordinary_lens_gets_the_fewest_coefficients() -> None:
    """k3 and the rational model stay away where they explain nothing, and the answer is the true camera."""
    result = fitted(BARREL, views_of(BARREL))
    assert result.fit.lens == "brown"
    assert len(result.fit.distortion) == 5
    assert result.fit.distortion[4] == 0
    assert error_share(result, BARREL) < 0.005
    assert 0.1 < result.fit.rms_px < 0.2
    assert verdict(result, BARREL.size) == "good"


def test_the_stated_uncertainty_is_about_right() -> None:
    """The error of fx over several noises is of the size of the stated standard deviation."""
    ratios = []
    for seed in range(3):
        views = [
            v
            for i, p in enumerate(poses(BOARD, BARREL, 14))
            if (v := seen_by(BARREL, p, 0.3, 100 * seed + i))
        ]
        result = fitted(BARREL, views)
        ratios.append(abs(result.fit.K[0, 0] - 950.0) / result.focal_std_px)
    assert np.median(ratios) < 3
    assert max(ratios) > 0.05


def test_a_fisheye_is_recognised() -> None:
    """Its own model with four coefficients is taken, also where every view is only a part of the board."""
    result = fitted(FISHEYE, views_of(FISHEYE, 18))
    assert result.fit.lens == "fisheye"
    np.testing.assert_allclose(result.fit.distortion[:2], FISHEYE.distortion[:2], atol=0.02)
    assert error_share(result, FISHEYE) < 0.005
    assert result.fit.calibration(FISHEYE.size).fov_deg > 100


@pytest.mark.parametrize("wanted", ["brown", "fisheye"])
def test_the_lens_asked_for_is_taken(wanted: LensModel) -> None:
    """A fisheye model explains an ordinary lens too, within a percent; the choice is the user's."""
    result = calibrate(views_of(BARREL, 12), BARREL.size, wanted, lambda _share: None)
    assert result is not None
    assert result.fit.lens == wanted
    assert error_share(result, BARREL) < 0.01


def test_views_of_a_bent_board_are_dropped() -> None:
    """Three views with wrong corners among twenty do not spoil the rest."""
    views = views_of(BARREL)
    for i in (2, 9, 15):
        bent = views[i].seen.points_px + np.random.default_rng(i).normal(0, 4, views[i].seen.points_px.shape)
        views[i] = View(Seen(views[i].seen.board_mm, bent.astype(np.float32)), 2.0, views[i].outline)
    result = fitted(BARREL, views)
    assert result.dropped >= 3
    assert error_share(result, BARREL) < 0.005


def test_views_without_tilt_are_not_called_good() -> None:
    """A board held square to the camera says nothing of the focal length, and the advice is to tilt it."""
    views = views_of(BARREL, tilt_deg=1.0)
    result = calibrate(views, BARREL.size, None, lambda _share: None)
    if result is not None:
        assert verdict(result, BARREL.size) in ("poor", "useless")
        assert "Tilt" in improvements(result, BARREL.size)[0]


def test_missing_places_are_named() -> None:
    """A board that stayed in one ninth of the picture was not in the others."""
    points = np.random.default_rng(0).uniform((0, 0), (420, 230), (30, 2)).astype(np.float32)
    view = View(Seen(points, points), 2.0, np.zeros((4, 2)))
    places = missing_places([view], (1280, 720))
    assert len(places) == 8
    assert "upper left" not in places
    assert "lower right" in places


@pytest.mark.parametrize("count", [1, 3])
def test_identical_views_give_no_confident_answer(count: int) -> None:
    """Degenerate input: no exception, and no result that claims to be certain."""
    views = views_of(BARREL, 1) * count
    result = calibrate(views, BARREL.size, None, lambda _share: None)
    assert result is None or verdict(result, BARREL.size) == "useless"
