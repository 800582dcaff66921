"""Laws of the anatomical limits: possible poses pass, limits bind smoothly, left and right are alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifting.skeleton import BONES
from realtime.solve.limits import limit
from realtime.solve.quaternions import IDENTITY, multiply, unit

from .conftest import turn

MIRROR = np.array([1.0, -1.0, -1.0, 1.0])


def _pose(**bones: np.ndarray) -> np.ndarray:
    q = np.tile(IDENTITY, (len(BONES), 1))
    for bone, rotation in bones.items():
        q[BONES.index(bone)] = rotation
    return q


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(2 * np.arccos(min(abs(float(a @ b)), 1.0))))


@pytest.mark.parametrize(("bone", "axis", "least", "most"), [
    ("LeftLowerArm", (0, -1, 0), -5, 160), ("RightLowerArm", (0, 1, 0), -5, 160),
    ("LeftLowerLeg", (1, 0, 0), -5, 165), ("RightLowerLeg", (1, 0, 0), -5, 165),
])  # fmt: skip
def test_hinges_have_a_range_and_nothing_is_lost_inside(
    bone: str, axis: tuple, least: int, most: int
) -> None:
    """A hinge turns as asked from straight to nearly its end, and never beyond either end."""
    row = BONES.index(bone)
    for asked in range(-90, 180, 5):
        local, changed = limit(_pose(**{bone: turn(axis, asked)}))
        got = np.degrees(2 * np.arctan2(local[row, :3] @ np.array(axis), local[row, 3]))
        assert least - 1e-6 <= got <= most + 1e-6
        if 0 <= asked <= most - 6:
            assert not changed
            assert got == pytest.approx(asked)


def test_a_change_at_the_limit_is_continuous() -> None:
    """Bending an elbow steadily backwards and sideways never turns it by more than was asked."""
    sweep = [turn((0, -1, 0), a) for a in np.linspace(150, -90, 400)]
    sweep += [multiply(turn((0, 0, 1), a), sweep[-1]) for a in np.linspace(0, 60, 100)]
    asked = np.stack(sweep)
    got = np.stack([limit(_pose(LeftLowerArm=q))[0][BONES.index("LeftLowerArm")] for q in asked])
    for i in range(1, len(got)):
        assert _angle(got[i], got[i - 1]) <= 1.02 * _angle(asked[i], asked[i - 1]) + 0.01


@given(st.integers(0, 2**32 - 1))
def test_limits_keep_quaternions_unit_and_are_alike_on_both_sides(seed: int) -> None:
    """Any rotations stay unit; mirrored ones get mirrored limits; the sign of a quaternion means nothing."""
    q = unit(np.random.default_rng(seed).standard_normal((len(BONES), 4)))
    once, _ = limit(q)
    np.testing.assert_allclose(np.linalg.norm(once, axis=1), 1, atol=1e-9)
    twin, _ = limit(q[BONES.mirrored] * MIRROR)
    np.testing.assert_allclose(
        np.abs(np.einsum("bi,bi->b", twin, once[BONES.mirrored] * MIRROR)), 1, atol=1e-9
    )
    other, _ = limit(-q)
    np.testing.assert_allclose(np.abs(np.einsum("bi,bi->b", other, once)), 1, atol=1e-9)


def test_a_possible_pose_comes_back_as_the_very_array() -> None:
    """Nothing is computed twice when nothing binds."""
    q = _pose(LeftLowerArm=turn((0, -1, 0), 90), Head=turn((0, 1, 0), 30), RightFoot=turn((1, 0, 0), 20))
    local, changed = limit(q)
    assert local is q
    assert not changed
