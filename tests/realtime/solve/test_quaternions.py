"""Laws of quaternions."""

import numpy as np
import pytest

from realtime.solve.quaternions import (
    conjugate,
    cross,
    frame,
    from_matrix,
    multiply,
    same_sign,
    swing,
    to_matrix,
    unit,
)


@pytest.fixture
def q() -> np.ndarray:
    """A few hundred rotations, half turns about the axes among them."""
    rng = np.random.default_rng(3)
    special = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0.6, 0.8, 0, 0]]
    return unit(np.concatenate([rng.standard_normal((300, 4)), np.array(special, float)]))


def test_matrix_round_trip(q: np.ndarray) -> None:
    """Quaternion → matrix → quaternion is the same rotation, half turns included."""
    back = from_matrix(to_matrix(q))
    assert np.abs(np.einsum("ij,ij->i", q, back)).min() > 1 - 1e-12


def test_product_is_matrix_product(q: np.ndarray) -> None:
    """multiply agrees with the product of matrices, and conjugate with the transpose."""
    p = np.roll(q, 7, axis=0)
    np.testing.assert_allclose(to_matrix(multiply(q, p)), to_matrix(q) @ to_matrix(p), atol=1e-12)
    np.testing.assert_allclose(to_matrix(conjugate(q)), np.swapaxes(to_matrix(q), 1, 2), atol=1e-12)


def test_cross_is_numpys() -> None:
    """The quick cross product is the cross product."""
    a, b = np.random.default_rng(0).standard_normal((2, 50, 3))
    np.testing.assert_allclose(cross(a, b), np.cross(a, b), atol=1e-14)


def test_swing_turns_a_onto_b_without_twist() -> None:
    """swing(a, b) takes a to b about an axis across both, opposite vectors included."""
    rng = np.random.default_rng(1)
    a, b = unit(rng.standard_normal((60, 3))), unit(rng.standard_normal((60, 3)))
    a[0], b[0] = (1, 0, 0), (-1, 0, 0)
    R = swing(a, b)
    np.testing.assert_allclose(np.einsum("nij,nj->ni", R, a), b, atol=1e-9)
    axis = np.cross(a[1:], b[1:])
    np.testing.assert_allclose(np.einsum("nij,nj->ni", R[1:], axis), axis, atol=1e-9)


def test_frame_is_a_rotation_even_for_parallel_vectors() -> None:
    """Frames are right-handed and orthonormal; the first column is the primary direction."""
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal((2, 40, 3))
    b[0] = a[0] * 2
    b[1] = 0
    R = frame(a, b)
    np.testing.assert_allclose(R @ np.swapaxes(R, 1, 2), np.tile(np.eye(3), (40, 1, 1)), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(R), 1, atol=1e-9)
    np.testing.assert_allclose(R[:, :, 0], unit(a), atol=1e-12)


def test_same_sign_keeps_the_rotation(q: np.ndarray) -> None:
    """same_sign returns ±q on the reference's side."""
    reference = np.roll(q, 1, axis=0)
    out = same_sign(q, reference)
    assert (np.einsum("ij,ij->i", out, reference) >= 0).all()
    np.testing.assert_array_equal(np.abs(out), np.abs(q))
