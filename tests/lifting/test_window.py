"""The time-indexed window: the same motion gives the same samples at any frame rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifting.window import TimeWindow

JOINTS = 3


def _fill(window: TimeWindow, times_s: np.ndarray, confidence: float = 1.0) -> None:
    for t in times_s:
        window.add(round(t * 1e9), _rays(t), np.full(JOINTS, confidence))


def _rays(t: float) -> np.ndarray:
    """A motion that is linear in time, which interpolation must reproduce exactly."""
    return np.stack([np.full(JOINTS, 0.3 * t), 0.1 - 0.2 * t * np.arange(JOINTS)], axis=1)


@pytest.mark.parametrize("fps", [15, 24, 30, 50, 60, 120])
def test_any_frame_rate_gives_the_model_its_own_grid(fps: int) -> None:
    """A linear motion is read back exactly at t, t - 1/30 s, ..., whatever rate it was seen at."""
    window = TimeWindow(9, 30.0, JOINTS)
    times = np.arange(0, 2, 1 / fps)
    _fill(window, times)
    expected = np.stack([_rays(times[-1] - k / 30) for k in range(8, -1, -1)])
    np.testing.assert_allclose(window.sample()[..., :2], expected, atol=1e-5)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.004, 0.2), min_size=12, max_size=60))
def test_irregular_times_too(steps: list[float]) -> None:
    """Jittery webcams give the same samples as a steady camera."""
    window = TimeWindow(5, 30.0, JOINTS)
    times = np.cumsum(steps)
    _fill(window, times)
    grid = np.maximum(times[-1] - np.arange(4, -1, -1) / 30, times[0])
    np.testing.assert_allclose(window.sample()[..., :2], np.stack([_rays(t) for t in grid]), atol=1e-4)


def test_newest_sample_is_the_newest_frame() -> None:
    """The last row is the newest observation to the bit: nothing is delayed."""
    window = TimeWindow(9, 30.0, JOINTS)
    _fill(window, np.arange(0, 1, 1 / 25))
    assert np.array_equal(window.sample()[-1, :, :2], _rays(0.96).astype(np.float32))


def test_start_repeats_the_first_observation() -> None:
    """One frame fills the whole window."""
    window = TimeWindow(9, 30.0, JOINTS)
    window.add(5, _rays(0.5), np.ones(JOINTS))
    assert np.array_equal(window.sample(), np.repeat(window.sample()[:1], 9, axis=0))


def test_an_unseen_side_is_not_mixed_in() -> None:
    """Between a seen and an unseen observation the seen one counts, with its own confidence."""
    window = TimeWindow(3, 30.0, JOINTS)
    window.add(0, np.full((JOINTS, 2), 9.0), np.zeros(JOINTS))
    window.add(50_000_000, np.full((JOINTS, 2), 1.0), np.full(JOINTS, 0.8))
    sample = window.sample()
    np.testing.assert_allclose(sample[1:], np.broadcast_to([1.0, 1.0, 0.8], (2, JOINTS, 3)))


def test_long_gaps_are_unseen() -> None:
    """Nothing is interpolated across a gap longer than a quarter of a second."""
    window = TimeWindow(6, 30.0, JOINTS)
    _fill(window, np.array([0.0, 0.1, 0.45]))
    assert window.sample()[1:-1, :, 2].max() == 0.0
    assert window.sample()[-1, :, 2].min() == 1.0


def test_time_going_backwards_starts_anew() -> None:
    """A clock step or a looped file forgets the old history in place of mixing two times."""
    window = TimeWindow(4, 30.0, JOINTS)
    _fill(window, np.arange(0, 1, 1 / 30))
    window.add(0, _rays(7.0), np.ones(JOINTS))
    assert len(window) == 1
    assert np.array_equal(window.sample()[0, :, :2], _rays(7.0).astype(np.float32))


def test_history_does_not_grow() -> None:
    """An hour of frames needs no more memory than a second."""
    window = TimeWindow(9, 30.0, JOINTS)
    _fill(window, np.arange(0, 60, 1 / 60))
    assert len(window) < 60


def test_an_empty_window_says_so() -> None:
    """Sampling before the first observation is a mistake of the caller."""
    with pytest.raises(ValueError, match="empty"):
        TimeWindow(3, 30.0, JOINTS).sample()
