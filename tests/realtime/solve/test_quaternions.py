"""Laws of quaternions."""

import numpy as np
import pytest

from realtime.solve.quaternions import (
    any_true,
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


@pytest.mark.parametrize(
    ("of_a", "of_b"), [((3,), (3,)), ((50, 3), (3,)), ((2, 1, 3), (4, 3)), ((0, 3), (0, 3))], ids=str
)
def test_cross_broadcasts_as_numpys(of_a: tuple[int, ...], of_b: tuple[int, ...]) -> None:
    """One against many, many against many, none at all: shape and numbers."""
    rng = np.random.default_rng(5)
    a, b = rng.standard_normal(of_a), rng.standard_normal(of_b)
    np.testing.assert_array_equal(cross(a, b), np.cross(a, b))


def test_one_rotation_is_as_good_as_many(q: np.ndarray) -> None:
    """Products, matrices and back: the same numbers for a single one, a row, a block, and for none."""
    p = np.roll(q, 3, axis=0)
    R, products = to_matrix(q), multiply(q, p)
    for i in range(0, len(q), 40):
        np.testing.assert_allclose(multiply(q[i], p[i]), products[i], atol=1e-15)
        np.testing.assert_allclose(from_matrix(R[i]), from_matrix(R)[i], atol=1e-15)
    block = q[:300].reshape(3, 100, 4)
    np.testing.assert_allclose(
        from_matrix(to_matrix(block)), from_matrix(R[:300]).reshape(3, 100, 4), atol=1e-15
    )
    np.testing.assert_allclose(multiply(block, q[0]), multiply(q[:300], q[0]).reshape(3, 100, 4), atol=1e-15)
    assert from_matrix(np.empty((0, 3, 3))).shape == multiply(q[:0], p[:0]).shape == (0, 4)


@pytest.mark.parametrize("true", [(), (0,), (5,), (2, 3)])
def test_a_mask_has_a_true_place_or_none(true: tuple[int, ...]) -> None:
    """Also one that is no array of its own, but every other place of another."""
    mask = np.zeros(12, bool)
    mask[list(true)] = True
    for some in (mask, mask.reshape(3, 4), mask[::2], mask[:0]):
        assert any_true(some) == some.any()


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
