"""Geometry of one leg."""

from itertools import pairwise

import numpy as np
import pytest

from realtime.solve.leg_ik import Vector, ankle_over, bend_leg

FORWARD = (0.0, 0.0, 1.0)


def _distance(a: Vector, b: Vector) -> float:
    return float(np.linalg.norm(np.subtract(a, b)))


def _legs(count: int, seed: int = 0) -> list[tuple[Vector, Vector, Vector]]:
    rng, out = np.random.default_rng(seed), []
    for _ in range(count):
        hip = rng.normal(size=3)
        knee = hip + 0.4 * _unit(rng.normal(size=3))
        out.append(tuple(tuple(p.tolist()) for p in (hip, knee, knee + 0.42 * _unit(rng.normal(size=3)))))
    return out


def _unit(a: np.ndarray) -> np.ndarray:
    return a / np.linalg.norm(a)


def test_nothing_moves_where_nothing_has_to() -> None:
    """An ankle that is to stay where it is leaves the knee, however straight the leg."""
    straight = ((0.0, 1.0, 0.0), (0.0, 0.6, 0.0), (0.0, 0.18, 0.0))
    for leg in [*_legs(50), straight]:
        knee, ankle = bend_leg(leg, leg[2], FORWARD)
        np.testing.assert_allclose(knee, leg[1], atol=1e-7)
        np.testing.assert_allclose(ankle, leg[2], atol=1e-7)


def test_lengths_are_kept() -> None:
    """Wherever the ankle is wanted, thigh and shank stay as long as they are; within reach it gets there."""
    rng = np.random.default_rng(1)
    for leg in _legs(300):
        wanted = tuple((np.array(leg[2]) + 0.2 * rng.normal(size=3)).tolist())
        knee, ankle = bend_leg(leg, wanted, FORWARD)
        assert _distance(leg[0], knee) == pytest.approx(_distance(leg[0], leg[1]), abs=1e-9)
        assert _distance(knee, ankle) == pytest.approx(_distance(leg[1], leg[2]), abs=1e-9)
        if 0.1 < _distance(leg[0], wanted) < 0.98 * 0.82:
            np.testing.assert_allclose(ankle, wanted, atol=1e-9)


def test_a_bent_knee_keeps_its_plane() -> None:
    """An ankle moved within the plane of the leg leaves the knee in that plane, on its side."""
    leg = ((0.0, 1.0, 0.0), (0.1, 0.62, 0.2), (0.0, 0.22, 0.0))
    normal = np.cross(np.subtract(leg[1], leg[0]), np.subtract(leg[2], leg[0]))
    knee, _ = bend_leg(leg, (0.05, 0.3, 0.1), FORWARD)
    assert abs(np.dot(np.subtract(knee, leg[0]), normal)) < 1e-9
    assert np.dot(knee, (0.1, 0.0, 0.2)) > 0


def test_a_straight_knee_bends_forward() -> None:
    """A leg without a bend plane takes the given direction, and never jumps as it begins to bend."""
    leg, before = ((0.0, 0.82, 0.0), (0.0, 0.42, 0.0), (0.0, 0.0, 0.0)), None
    for lift in np.linspace(0, 0.05, 2001):
        knee, _ = bend_leg(leg, (0.0, float(lift), 0.0), (0.2, 0.0, 1.0))
        if before is not None:
            assert _distance(knee, before) < 0.0045
        before = knee
    assert before is not None
    assert before[2] > 0.05
    assert abs(before[0] / before[2] - 0.2) < 0.01


def test_reaching_beyond_a_straight_leg_is_soft() -> None:
    """The further away the ankle is wanted the straighter the knee, evenly, and no leg is torn."""
    leg = ((0.0, 0.8, 0.0), (0.0, 0.42, 0.12), (0.0, 0.06, 0.0))
    full = _distance(leg[0], leg[1]) + _distance(leg[1], leg[2])
    reached, knees = [], []
    for drop in np.linspace(0, 0.3, 301):
        knee, ankle = bend_leg(leg, (0.0, 0.06 - float(drop), 0.0), FORWARD)
        reached.append(_distance(leg[0], ankle))
        knees.append(knee)
    assert np.diff(reached).min() >= 0
    assert reached[-1] < full
    assert max(_distance(a, b) for a, b in pairwise(knees)) < 0.005


def test_ankles_keep_their_distances_to_heel_and_toe() -> None:
    """Heel and toe placed anew, not further apart than the ankle allows: both distances stay."""
    foot = ((0.0, 0.08, 0.0), (0.0, 0.02, -0.05), (0.0, 0.014, 0.18))
    rng = np.random.default_rng(2)
    for _ in range(100):
        heel = rng.normal(size=3)
        toe = heel + rng.uniform(0.16, 0.25) * _unit(rng.normal(size=3))
        ankle = ankle_over(foot, tuple(heel.tolist()), tuple(toe.tolist()))
        assert _distance(ankle, heel) == pytest.approx(_distance(foot[0], foot[1]), abs=1e-9)
        assert _distance(ankle, toe) == pytest.approx(_distance(foot[0], foot[2]), abs=1e-9)


def test_a_foot_moved_as_a_whole_takes_its_ankle_along() -> None:
    """Shifted heel and toe shift the ankle; unmoved ones leave it."""
    foot = ((0.01, 0.08, 0.0), (0.0, 0.02, -0.05), (0.03, 0.014, 0.18))
    by = np.array([0.3, -0.1, 0.2])
    moved = [tuple((np.array(p) + by).tolist()) for p in foot]
    np.testing.assert_allclose(ankle_over(foot, moved[1], moved[2]), moved[0], atol=1e-9)
    np.testing.assert_allclose(ankle_over(foot, foot[1], foot[2]), foot[0], atol=1e-9)


@pytest.mark.parametrize("kind", ["folded", "no length", "on the hip", "opposite"])
def test_degenerate_legs_stay_finite(kind: str) -> None:
    """No pose makes a NaN or an exception."""
    leg = {
        "folded": ((0.0, 1.0, 0.0), (0.0, 0.6, 0.0), (0.0, 1.0, 0.0)),
        "no length": ((0.0, 1.0, 0.0),) * 3,
        "on the hip": ((0.0, 1.0, 0.0), (0.0, 0.6, 0.1), (0.0, 0.2, 0.0)),
        "opposite": ((0.0, 1.0, 0.0), (0.0, 0.6, 0.0), (0.0, 0.2, 0.0)),
    }[kind]
    wanted = {"on the hip": (0.0, 1.0, 0.0), "opposite": (0.0, 1.8, 0.0)}.get(kind, (0.1, 0.5, 0.0))
    assert np.isfinite(bend_leg(leg, wanted, (0.0, 0.0, 0.0))).all()
    assert np.isfinite(ankle_over((leg[2],) * 3, leg[2], leg[2])).all()
