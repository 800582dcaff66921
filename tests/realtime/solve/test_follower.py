"""Critically damped following."""

import numpy as np
import pytest

from realtime.solve.follower import follow


def _run(steps: int, seconds: float, fastest: float = np.inf) -> list[tuple[float, float]]:
    state, out = (1.0, 0.5), []
    for _ in range(steps):
        state = follow(*state, 0.0, 12.0, seconds / steps, fastest)
        out.append(state)
    return out


def test_the_step_length_does_not_matter() -> None:
    """One step, ten or a hundred through the same time end in the same place at the same speed."""
    for steps in (10, 100):
        assert _run(steps, 0.3)[-1] == pytest.approx(_run(1, 0.3)[-1], rel=1e-9)


def test_it_arrives_without_overshoot() -> None:
    """From rest the target is neared from one side, 95 % within 4.75 over the stiffness."""
    state, values = (1.0, 0.0), []
    for _ in range(200):
        state = follow(*state, 0.0, 12.0, 0.01)
        values.append(state[0])
    assert min(values) >= 0
    assert values[round(4.75 / 12 / 0.01)] < 0.05


def test_it_is_never_faster_than_allowed() -> None:
    """Every step is within the limit, and so is the rate it goes on with."""
    values = _run(100, 1.0, 0.6)
    steps = np.diff([1.0, *(v for v, _ in values)])
    assert np.abs(steps).max() <= 0.6 * 0.01 + 1e-12
    assert max(abs(r) for _, r in values) <= 0.6


def test_no_time_no_change() -> None:
    """A step of 0 s leaves everything as it is."""
    assert follow(0.3, 0.2, 1.0, 20.0, 0.0) == pytest.approx((0.3, 0.2))
