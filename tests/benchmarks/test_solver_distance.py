"""Distances on real video: what is a scale and what wanders, and cameras as they were told."""

import numpy as np
import pytest

from benchmarks.solver_distance import calibrated, fov_told, nothing_told, summary

RNG = np.random.default_rng(0)
TRUTH = {
    "K": np.array([[668.0, 0.0, 269.5], [0.0, 667.0, 479.5], [0.0, 0.0, 1.0]]),
    "dist": np.array([-0.219, 0.217, 0.002, -0.0115]),
}
SIZE = (540, 960)


def test_a_wrong_scale_is_no_wandering() -> None:
    """Everything a tenth too far: so says the share, and nothing is left after one scale."""
    true = RNG.normal((0, 0, 3), 0.2, (50, 3))
    away, error_cm, share, too_far, wandering_cm = summary(true, 1.1 * true)
    assert away == pytest.approx(3.0, abs=0.2)
    assert error_cm == pytest.approx(10 * away, rel=1e-6)
    assert share == pytest.approx(10.0)
    assert too_far == pytest.approx(10.0)
    assert wandering_cm == pytest.approx(0.0, abs=1e-9)


def test_wandering_is_no_scale() -> None:
    """To and fro by 5 cm: nothing is too far, and all of it is left."""
    true = np.tile([0.0, 0.0, 3.0], (50, 1))
    found = true + np.tile([[0, 0, 0.05], [0, 0, -0.05]], (25, 1))
    _, error_cm, _, too_far, wandering_cm = summary(true, found)
    assert error_cm == pytest.approx(5.0)
    assert too_far == pytest.approx(0.0, abs=1e-9)
    assert wandering_cm == pytest.approx(5.0, rel=0.05)


def test_cameras_as_told() -> None:
    """60° when nothing is told, the true angle with the field of view, the true rays with a calibration."""
    told = [make(TRUTH, SIZE) for make in (nothing_told, fov_told, calibrated)]
    assert told[0].intrinsics.fy == pytest.approx(480 / np.tan(np.radians(30)))
    assert told[1].intrinsics.fy == pytest.approx(668.0)
    lens = told[2].intrinsics.lens
    assert lens is not None
    assert lens.coefficients[:4] == pytest.approx(TRUTH["dist"].tolist())
    points = np.array([[0.3, 0.5, 2.0], [-0.2, -0.6, 2.5]])
    rays = told[2].intrinsics.rays(told[2].intrinsics.project(points))
    np.testing.assert_allclose(rays, points[:, :2] / points[:, 2:], atol=1e-4)
