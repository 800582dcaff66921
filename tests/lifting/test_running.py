"""The slow running estimate."""

import numpy as np
import pytest

from lifting.running import RunningEstimate


@pytest.mark.parametrize("fps", [15, 30, 60])
def test_is_the_mean_at_first(fps: int) -> None:
    """Before the memory is full it is the plain mean over time, at every frame rate."""
    estimate = RunningEstimate(0.0, memory_s=100, clip=1e9)
    t = np.arange(0, 5, 1 / fps)
    for x in t:
        estimate.add(x, 1 / fps)
    assert float(estimate.value) == pytest.approx(t.mean())


def test_clips_outliers() -> None:
    """One wild sample among thirty moves the mean by no more than its share of the clip."""
    estimate = RunningEstimate(0.0, memory_s=10, clip=0.3)
    for x in [1.0] * 30 + [1e6]:
        estimate.add(x, 1 / 30)
    assert float(estimate.value) == pytest.approx(1.0 + 0.3 / 31)


def test_entries_have_their_own_evidence() -> None:
    """A weight of 0 leaves an entry untouched while the others learn."""
    estimate = RunningEstimate(np.zeros(2), memory_s=10, clip=9.0)
    estimate.add(np.array([2.0, 2.0]), 0.03, np.array([1.0, 0.0]))
    np.testing.assert_array_equal(estimate.value, (2.0, 0.0))


def test_long_pauses_do_not_count() -> None:
    """A sample after a minute weighs like one after a fifth of a second."""
    estimate = RunningEstimate(0.0, memory_s=10, clip=9.0)
    estimate.add(1.0, 0.2)
    estimate.add(2.0, 60.0)
    assert float(estimate.value) == pytest.approx(1.5)


@pytest.mark.parametrize("start_s", [0.0, 0.2])
def test_one_number_is_learned_as_a_row_of_them_is(start_s: float) -> None:
    """A single value has a shorter way through; it comes out the same to the last bit."""
    rng = np.random.default_rng(4)
    one = RunningEstimate(1.7, memory_s=2.0, clip=0.1, start_s=start_s)
    row = RunningEstimate(np.array([1.7]), memory_s=2.0, clip=0.1, start_s=start_s)
    for sample, dt_s, weight in zip(
        rng.normal(1.8, 0.3, 200), rng.choice([0.0, 1 / 60, 1 / 30, 1.0], 200), rng.random(200), strict=True
    ):
        one.add(float(sample), float(dt_s), float(weight))
        row.add(np.array([sample]), float(dt_s), float(weight))
        assert one.value.shape == one.evidence_s.shape == ()
        assert (float(one.value), float(one.evidence_s)) == (row.value[0], row.evidence_s[0])
