"""Euler angles: the product is the rotation, and nothing jumps."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from realtime.solve.quaternions import to_matrix, unit
from realtime.takes.euler import LOCKED, ORDERS, euler_angles, rotation_about
from tests.realtime.takes.made_takes import about

EACH_ORDER = pytest.mark.parametrize("order", ORDERS)


def product(angles: NDArray[np.float64], order: str) -> NDArray[np.float64]:
    """(...,3) radians → matrices, multiplied in the order of the letters."""
    a, b, c = (rotation_about(axis, angles[..., n]) for n, axis in enumerate(order))
    return a @ b @ c


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_turn_about_an_axis_is_the_quaternions_turn(axis: int) -> None:
    """The matrices turn the way that quaternions do."""
    angle = np.linspace(-400, 400, 9)
    wanted = to_matrix(about(np.eye(3)[axis], angle))
    assert np.allclose(rotation_about("XYZ"[axis], np.radians(angle)), wanted)


@EACH_ORDER
def test_the_product_is_the_rotation(order: str) -> None:
    """Random rotations come back from their angles."""
    R = to_matrix(unit(np.random.default_rng(1).normal(size=(300, 5, 4))))
    assert np.abs(product(euler_angles(R, order), order) - R).max() < 1e-12


@EACH_ORDER
@pytest.mark.parametrize("middle", [90.0, -90.0, 90 - 1e-5, -90 + 1e-9])
def test_locked_rotations_come_back(order: str, middle: float) -> None:
    """With the middle angle at or beside ±90 degrees the product is still the rotation."""
    rng = np.random.default_rng(2)
    angles = np.radians(
        np.stack([rng.uniform(-180, 180, 50), np.full(50, middle), rng.uniform(-180, 180, 50)], 1)
    )
    R = product(angles, order)
    assert np.abs(product(euler_angles(R, order), order) - R).max() < LOCKED


@EACH_ORDER
def test_angles_count_full_turns(order: str) -> None:
    """Three turns about one axis are 1080 degrees of its angle and nothing of the others."""
    for n, axis in enumerate(order):
        turns = np.linspace(0, 1080, 400)
        R = rotation_about(axis, np.radians(turns))
        found = np.degrees(euler_angles(R, order))
        assert np.allclose(found[:, n], turns)
        assert np.allclose(np.delete(found, n, axis=1), 0, atol=1e-9)


@EACH_ORDER
def test_smooth_motion_has_smooth_angles(order: str) -> None:
    """Angles that swing far beyond 90 and 180 degrees are found again frame by frame."""
    t = np.linspace(0, 6, 600)
    # The middle angle keeps clear of the locks; the outer ones turn round and round.
    angles = np.stack([4 * t, 1.3 * np.sin(3 * t), -5 * t + 0.1], axis=1)
    assert np.allclose(euler_angles(product(angles, order), order), angles, atol=1e-9)


@EACH_ORDER
def test_a_pose_that_stands_in_the_lock_stands_still(order: str) -> None:
    """Noise of the last bits does not make locked angles dance."""
    rng = np.random.default_rng(5)
    lead = np.radians(np.linspace(0, 90, 30))[:, None] * [0.0, 1.0, 0.0]
    R = np.concatenate([product(lead, order), np.repeat(product(lead[-1:], order), 50, axis=0)])
    R[30:] += rng.normal(0, 1e-16, R[30:].shape)
    angles = np.degrees(euler_angles(R, order))
    assert np.abs(np.diff(angles[29:], axis=0)).max() < 1e-5


def test_an_order_that_is_none_is_refused() -> None:
    """The message names those there are."""
    with pytest.raises(ValueError, match="one of XYZ, XZY"):
        euler_angles(np.eye(3)[None], "ZXZ")
