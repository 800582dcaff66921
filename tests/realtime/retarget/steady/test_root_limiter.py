"""Base of the robot: lengths of speed and acceleration vectors, straight and turning."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.retarget.steady.root_limiter import RootLimiter, RootLimits
from realtime.retarget.steady.rotation import between, turned

IDENTITY = np.array([0.0, 0.0, 0.0, 1.0])
LIMITS = RootLimits(velocity=1.5, acceleration=8.0, angular_velocity=3.0, angular_acceleration=25.0)
VECTORS = st.tuples(*[st.floats(-5, 5)] * 3).map(np.array)
SPEEDS = st.one_of(VECTORS, st.just(np.full(3, math.nan)), st.just(np.full(3, math.inf)))


def check(places: list[np.ndarray], turns: list[np.ndarray], period_s: float) -> None:
    """Paths as a receiver sees them; they begin at rest."""
    velocity = np.diff(np.vstack([places[:1], places]), axis=0) / period_s
    spins = [between(a, b) / period_s for a, b in zip([turns[0], *turns], turns, strict=False)]
    for motion, speed, change in (
        (velocity, LIMITS.velocity, LIMITS.acceleration),
        (np.array(spins), LIMITS.angular_velocity, LIMITS.angular_acceleration),
    ):
        assert np.linalg.norm(motion, axis=1).max() <= speed
        assert (np.linalg.norm(np.diff(motion, axis=0), axis=1) / period_s <= change).all()


@settings(deadline=None, max_examples=60)
@given(
    asked=st.lists(
        st.tuples(VECTORS, VECTORS, SPEEDS, SPEEDS, st.integers(1, 25), st.booleans()),
        min_size=1,
        max_size=12,
    ),
    rate=st.sampled_from([50.0, 100.0, 200.0]),
    scale=st.floats(0.05, 1),
)
def test_no_input_breaks_a_limit(
    asked: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int, bool]], rate: float, scale: float
) -> None:
    """Jumps in place and orientation, half turns, speeds that are no numbers: both keep their limits."""
    root = RootLimiter(LIMITS, np.zeros(3), IDENTITY, 1 / rate)
    places, turns = [root.position], [root.rotation]
    for place, turn, velocity, spin, ticks, brake in asked:
        goal = turned(IDENTITY, turn)
        for _ in range(ticks):
            if brake:
                root.brake()
            else:
                root.follow(place, goal, velocity, spin, scale)
            places.append(root.position)
            turns.append(root.rotation)
    check(places, turns, 1 / rate)


@settings(deadline=None, max_examples=25)
@given(place=VECTORS, turn=VECTORS)
def test_arrives_and_rests(place: np.ndarray, turn: np.ndarray) -> None:
    """A base that should stand somewhere gets there and stays."""
    root = RootLimiter(LIMITS, np.zeros(3), IDENTITY, 0.01)
    goal = turned(IDENTITY, turn)
    for _ in range(900):
        root.follow(place, goal, np.zeros(3), np.zeros(3))
    assert root.position == pytest.approx(place, abs=1e-3)
    assert np.linalg.norm(between(root.rotation, goal)) < 1e-3
    for _ in range(3):
        root.brake()
    assert root.at_rest


@given(start=VECTORS, turn=VECTORS)
def test_between_undoes_turned(start: np.ndarray, turn: np.ndarray) -> None:
    """The turn found between two orientations leads from one to the other, the short way round."""
    a = turned(IDENTITY, start)
    b = turned(a, turn)
    way = between(a, b)
    assert np.linalg.norm(way) <= math.pi + 1e-9
    assert abs(turned(a, way) @ b) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_limits_must_be_positive(value: float) -> None:
    """No limit may be nothing, negative or no number."""
    with pytest.raises(ValueError, match="positive"):
        RootLimits(velocity=value)
