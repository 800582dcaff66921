"""The bucket that paces visitors and commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.web.pace import Pace


def test_a_burst_is_free_and_the_rest_is_paced() -> None:
    """After the reserve is used, waits grow by one period each, and a pause fills the reserve again."""
    pace = Pace(10.0, 3.0)
    assert [pace.take(5.0) for _ in range(5)] == pytest.approx([0, 0, 0, 0.1, 0.2])
    assert pace.take(5.0 + 10.0) == 0


@given(
    st.lists(st.floats(0, 0.5), min_size=1, max_size=200),
    st.floats(1, 100),
    st.floats(1, 50),
)
def test_whoever_waits_never_exceeds_rate_and_reserve(gaps: list[float], per_s: float, burst: float) -> None:
    """In any time, no more happens than the reserve and the rate allow, whatever the arrivals."""
    pace, now_s = Pace(per_s, burst), 0.0
    for count, gap in enumerate(gaps, 1):
        now_s += gap
        now_s += pace.take(now_s)
        assert count <= burst + per_s * now_s + 1e-6 * count


def test_a_clock_that_goes_back_grants_nothing() -> None:
    """Time that runs backwards fills no bucket."""
    pace = Pace(10.0, 1.0)
    pace.take(100.0)
    assert pace.take(0.0) == pytest.approx(0.1)
