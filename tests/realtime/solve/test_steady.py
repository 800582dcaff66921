"""Laws of the smoothing filter."""

import math

import numpy as np
import pytest

from realtime.solve.steady import SteadyFilter, joint_filter


def _run(filter_: SteadyFilter, signal: np.ndarray, fps: float) -> np.ndarray:
    return np.stack([filter_(x, 1 / fps) for x in signal])


def test_constant_stays() -> None:
    """A still point comes out as it went in."""
    x = np.tile([[1.0, -2.0, 3.0]], (50, 1, 1))
    np.testing.assert_allclose(_run(SteadyFilter(1.0, 1.0), x, 30), x, atol=1e-12)


def test_infinite_cutoff_is_identity() -> None:
    """Switched off, out = in without any lag, while the velocity is still known."""
    x = np.cumsum(np.random.default_rng(0).standard_normal((40, 5, 3)), axis=0)
    off = SteadyFilter(math.inf, 0.0)
    np.testing.assert_array_equal(_run(off, x, 30), x)
    assert off.velocity is not None
    assert np.abs(off.velocity).max() > 0


def test_steady_motion_has_no_lag() -> None:
    """After a second of straight motion at any speed the output is where the input is."""
    t = np.arange(0, 2, 1 / 30)
    for speed in (0.05, 0.5, 3.0):
        x = np.zeros((len(t), 1, 3))
        x[:, 0, 1] = speed * t
        assert abs(_run(SteadyFilter(2.5, 2), x, 30)[-1, 0, 1] - x[-1, 0, 1]) < 0.002 * speed


def test_overshoot_is_small() -> None:
    """A sudden stop from 2 m/s runs on by less than 6 cm, and a step by less than a quarter of itself."""
    t = np.arange(0, 2, 1 / 60)
    stop, step = np.zeros((len(t), 1, 3)), np.zeros((len(t), 1, 3))
    stop[:, 0, 0] = 2 * np.minimum(t, 1)
    step[t > 1, 0, 0] = 0.3
    assert _run(SteadyFilter(2.5, 2), stop, 60).max() < 2 + 0.06
    assert _run(SteadyFilter(2.5, 2), step, 60).max() < 0.3 * 1.25


def test_rotating_the_input_rotates_the_output() -> None:
    """Speed is that of the point: no axis is special."""
    rng = np.random.default_rng(1)
    x = np.cumsum(rng.standard_normal((60, 4, 3)) * 0.02, axis=0)
    R, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    a, b = _run(SteadyFilter(2, 3), x, 30) @ R.T, _run(SteadyFilter(2, 3), x @ R.T, 30)
    np.testing.assert_allclose(a, b, atol=1e-12)


def test_rate_hardly_matters() -> None:
    """The same motion at 15, 30 and 60 fps and at random times ends within 2 cm of the same place."""

    def at(t: np.ndarray) -> np.ndarray:
        return np.stack([np.sin(3 * t), np.cos(2 * t), 0.5 * t], axis=-1)[:, None]

    def end(times: np.ndarray) -> np.ndarray:
        filter_, steps = SteadyFilter(2.5, 2), np.diff(times, prepend=times[0])
        return np.stack([filter_(x, d) for x, d in zip(at(times), steps, strict=True)])[-1]

    rng = np.random.default_rng(0)
    exact = end(np.arange(0, 4.0001, 1 / 240))
    for times in (np.arange(0, 4.0001, 1 / 60), np.arange(0, 4.0001, 1 / 30), np.arange(0, 4.0001, 1 / 15)):
        assert np.abs(end(times) - exact).max() < 0.02
    assert np.abs(end(np.append(np.sort(rng.uniform(0, 4, 150)), 4.0)) - exact).max() < 0.02


def test_noise_of_a_still_point_is_reduced() -> None:
    """White noise of 5 mm loses more than a third of its spread, and most of its acceleration."""
    x = 0.005 * np.random.default_rng(2).standard_normal((600, 3, 3))
    y = _run(SteadyFilter(2.5, 2), x, 60)
    assert y[60:].std() < 0.67 * x.std()
    assert np.diff(y, 2, axis=0).std() < 0.25 * np.diff(x, 2, axis=0).std()


def test_reset_forgets() -> None:
    """After a reset the next sample passes untouched."""
    filter_ = SteadyFilter(1, 0)
    filter_(np.zeros((1, 3)), 0.0)
    filter_.reset()
    np.testing.assert_array_equal(filter_(np.ones((1, 3)), 0.03), np.ones((1, 3)))


def test_off_passes_bits() -> None:
    """smooth = 0 gives back the very numbers."""
    x = np.random.default_rng(3).standard_normal((50, 26, 3))
    np.testing.assert_array_equal(_run(joint_filter(0.0), x, 30), x)


def test_depth_is_smoothed_most_and_joints_alike_across() -> None:
    """The same noise on all axes comes out weaker along the camera's axis, the same on the others."""
    x = 0.01 * np.random.default_rng(4).standard_normal((2000, 26, 3))
    spread = _run(joint_filter(0.5), x, 30)[60:].std(axis=(0, 1))
    assert abs(spread[0] / spread[1] - 1) < 0.05
    assert spread[2] < 0.9 * spread[0]


@pytest.mark.parametrize("fps", [30, 60])
def test_swinging_wrists_lag_less_than_15_ms(fps: int) -> None:
    """A swing of 30 cm at 1 Hz lags less than 15 ms on every axis by default; lag grows with smooth."""
    t = np.arange(0, 10, 1 / fps)
    x = 0.15 * np.sin(2 * np.pi * t)[:, None, None] * np.ones(3)

    def lag_ms(smooth: float, axis: int) -> float:
        y = _run(joint_filter(smooth), x, fps)[2 * fps :, 0, axis]
        phase = np.angle(np.exp(-2j * np.pi * t[2 * fps :]) @ y) - np.angle(
            np.exp(-2j * np.pi * t[2 * fps :]) @ x[2 * fps :, 0, axis]
        )
        return float(-phase / (2 * np.pi) * 1e3)

    assert all(lag_ms(0.5, axis) < 15 for axis in range(3))
    assert lag_ms(0.25, 0) < lag_ms(0.5, 0) < lag_ms(1.0, 0)


def test_a_wild_sample_is_moderated() -> None:
    """A joint that jumps a metre for one frame pulls less than 20 cm."""
    filter_ = joint_filter(0.5)
    for _ in range(30):
        filter_(np.zeros((1, 3)), 1 / 30)
    assert np.abs(filter_(np.full((1, 3), 1.0), 1 / 30)).max() < 0.2
