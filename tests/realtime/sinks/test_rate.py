"""How often receivers are sent to."""

from __future__ import annotations

import numpy as np
import pytest

from realtime.sinks.rate import RateLimit


def sent(limit_hz: float, rate_hz: float, seconds: float, jitter: float = 0.0) -> np.ndarray:
    """Times of the frames that may go, of a stream that begins at 1000 s."""
    rng = np.random.default_rng(0)
    times = 1000 + np.arange(round(seconds * rate_hz)) / rate_hz
    times = np.sort(times + rng.uniform(0, jitter, len(times)))
    limit = RateLimit(limit_hz)
    return np.array([t for t in times if limit.allows(t)])


@pytest.mark.parametrize("rate_hz", [15.0, 30.0, 59.94, 60.0, 60.5])
def test_streams_up_to_the_rate_lose_nothing(rate_hz: float) -> None:
    """Ten minutes at the rate itself, with jitter of two frames and a clock that is a little fast."""
    assert len(sent(60.0, rate_hz, 600.0, jitter=2 / rate_hz)) == round(600 * rate_hz)


@pytest.mark.parametrize("rate_hz", [90.0, 120.0, 1000.0])
def test_faster_streams_are_thinned_evenly(rate_hz: float) -> None:
    """As many as allowed, with no pause longer than two of the receiver's frames."""
    times = sent(60.0, rate_hz, 20.0)
    assert len(times) == pytest.approx(1200, rel=0.03)
    assert np.diff(times).max() < 2 / 60
