"""Turns between directions, and how they fade."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.solve.arcs import FASTEST, FadingTurns, spring, turn_between, turned
from realtime.solve.quaternions import unit

directions = st.integers(0, 2**31).map(lambda seed: unit(np.random.default_rng(seed).standard_normal((8, 3))))


@given(directions, directions)
def test_a_turn_leads_from_one_to_the_other(a: np.ndarray, b: np.ndarray) -> None:
    """Turned by the turn between both, a is b; lengths and the angle to the axis stay."""
    np.testing.assert_allclose(turned(a, turn_between(a, b)), b, atol=1e-7)
    assert (np.linalg.norm(turn_between(a, b), axis=1) <= np.pi + 1e-9).all()


def test_opposite_and_equal_directions() -> None:
    """Half a turn about some axis, and no turn at all; nothing is undefined."""
    a = np.eye(3)
    np.testing.assert_allclose(turned(a, turn_between(a, -a)), -a, atol=1e-9)
    np.testing.assert_array_equal(turn_between(a, a), 0)
    assert np.isfinite(turn_between(np.zeros((2, 3)), np.zeros((2, 3)))).all()


@pytest.mark.parametrize("fps", [15, 60])
def test_the_spring_is_exact(fps: int) -> None:
    """Many short steps are one long one, from rest (1 + ωt) exp(-ωt)."""
    y, v = np.ones(1), np.zeros(1)
    for _ in range(fps):
        y, v = spring(y, v, 6.0, 1 / fps)
    np.testing.assert_allclose(y, 7 * np.exp(-6.0), rtol=1e-9)


def test_fading_is_an_arc_at_a_bounded_speed() -> None:
    """An opposite direction is left at once but slowly, and reached for good; unit length on the way."""
    seen, shown = np.array([[1.0, 0.0, 0.0]]), np.array([[-1.0, 0.0, 0.0]])
    turns = FadingTurns(1)
    turns.begin(np.ones(1, bool), seen, shown, np.zeros((1, 3)), 50.0)
    path = [turns.apply(seen)]
    for _ in range(180):
        turns.fade(1 / 60)
        path.append(turns.apply(seen))
    path_ = np.concatenate(path)
    np.testing.assert_allclose(np.linalg.norm(path_, axis=1), 1)
    np.testing.assert_allclose(path_[0], shown[0], atol=1e-9)
    assert np.linalg.norm(np.diff(path_, axis=0), axis=1).max() * 60 < FASTEST * 1.01
    assert not turns
    np.testing.assert_array_equal(path_[-1], seen[0])


def test_only_the_named_ones_begin_and_end() -> None:
    """The others go on as they are."""
    seen, shown = np.tile([1.0, 0, 0], (2, 1)), np.tile([0, 1.0, 0], (2, 1))
    turns = FadingTurns(2)
    turns.begin(np.array([True, False]), seen, shown, np.zeros((2, 3)), 10.0)
    np.testing.assert_allclose(turns.apply(seen), [[0, 1, 0], [1, 0, 0]], atol=1e-9)
    turns.end(np.array([True, False]))
    assert not turns
