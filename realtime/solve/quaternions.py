"""Unit quaternions in xyzw order, vectorised over leading axes, and the vector algebra around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

_CONJUGATE: Float64 = np.array([-1.0, -1.0, -1.0, 1.0])
IDENTITY: Float64 = np.array([0.0, 0.0, 0.0, 1.0])
_EYE: Float64 = np.eye(3).ravel()


def _entries() -> Float64:
    """(16,9): products q_i·q_j → entries of the rotation matrix, less the identity.

    R = 1 + 2 w [v]× + 2 [v]×², written out; small arrays are bound by the number of calls, not by the sums.
    """
    out = np.zeros((4, 4, 3, 3))
    for i, (j, k) in enumerate(((1, 2), (2, 0), (0, 1))):
        out[j, j, i, i] = out[k, k, i, i] = -2.0
        out[i, j, i, j] = out[i, j, j, i] = 2.0
        out[k, 3, j, i], out[k, 3, i, j] = 2.0, -2.0
    return out.reshape(16, 9)


_ENTRIES = _entries()


def _left() -> Float64:
    """(4,16): a quaternion → the matrix (4,4) of it as a left factor."""
    places = ((3, 2, 1, 0), (2, 3, 0, 1), (1, 0, 3, 2), (0, 1, 2, 3))
    signs = ((1, -1, 1, 1), (1, 1, -1, 1), (-1, 1, 1, 1), (-1, -1, -1, 1))
    out = np.zeros((4, 4, 4))
    for row in range(4):
        for column in range(4):
            out[places[row][column], row, column] = signs[row][column]
    return out.reshape(4, 16)


def _products() -> tuple[Float64, Float64]:
    """(9,16), (16): entries of the rotation matrix → products 4·q_i·q_j, the inverse of `_entries`."""
    out = np.zeros((3, 3, 4, 4))
    for i, (j, k) in enumerate(((1, 2), (2, 0), (0, 1))):
        for q in range(4):
            out[i, i, q, q] = 1.0 if q in (i, 3) else -1.0
        out[j, k, j, k] = out[j, k, k, j] = out[k, j, j, k] = out[k, j, k, j] = 1.0
        out[k, j, i, 3] = out[k, j, 3, i] = 1.0
        out[j, k, i, 3] = out[j, k, 3, i] = -1.0
    return out.reshape(9, 16), np.eye(4).ravel()


_LEFT = _left()
_PRODUCTS, _ONES = _products()


def cross(a: Float64, b: Float64) -> Float64:
    """a × b over the last axis; numpy's own is several times slower on small arrays."""
    a, b = np.concatenate((a, a), axis=-1), np.concatenate((b, b), axis=-1)
    return np.asarray(a[..., 1:4] * b[..., 2:5] - a[..., 2:5] * b[..., 1:4])


def any_true(mask: NDArray[np.bool_]) -> bool:
    """The same as mask.any(), several times faster on small arrays."""
    return 1 in mask.tobytes()


def length(a: Float64) -> Float64:
    """Euclidean length over the last axis (...,)."""
    return np.asarray(np.sqrt(np.vecdot(a, a)))


def unit(a: Float64) -> Float64:
    """Scaled to length 1 over the last axis; a zero vector stays zero."""
    return a / np.maximum(length(a), 1e-12)[..., None]


def multiply(a: Float64, b: Float64) -> Float64:
    """Product a·b (...,4): rotate by b first, then by a; `a` as the matrix that multiplies b."""
    return np.asarray(((a @ _LEFT).reshape(*a.shape, 4) @ b[..., None])[..., 0])


def conjugate(q: Float64) -> Float64:
    """Inverse of a unit quaternion (...,4)."""
    return q * _CONJUGATE


def to_matrix(q: Float64) -> Float64:
    """(...,4) → rotation matrices (...,3,3)."""
    squares = (q[..., :, None] * q[..., None, :]).reshape(*q.shape[:-1], 16)
    return np.asarray(squares @ _ENTRIES + _EYE).reshape(*q.shape[:-1], 3, 3)


def from_matrix(R: Float64) -> Float64:
    """Rotation matrices (...,3,3) → (...,4), stable at every angle.

    The ten products 4·q_i·q_j are linear in R; the row with the largest diagonal is q up to scale.
    """
    products = R.reshape(-1, 9) @ _PRODUCTS + _ONES
    best = np.argmax(products[:, ::5], axis=-1)
    rows = products.reshape(-1, 4, 4)[np.arange(len(best)), best]
    return unit(rows).reshape(*R.shape[:-2], 4)


def same_sign(q: Float64, reference: Float64) -> Float64:
    """q (...,4) or -q, the same rotation, whichever lies nearer to `reference`."""
    dot = np.vecdot(q, reference)
    return np.where(dot[..., None] < 0, -q, q)


def frame(primary: Float64, secondary: Float64) -> Float64:
    """Orthonormal matrices (...,3,3), columns: `primary`, the part of `secondary` across it, their cross
    product. Where both are parallel the second column is some direction across."""
    x = unit(primary)
    y = secondary - x * np.vecdot(x, secondary)[..., None]
    across = length(y)
    short = across < 1e-6 * np.maximum(length(secondary), 1e-6)
    if any_true(short):
        y = np.where(short[..., None], cross(x, np.eye(3)[np.argmin(np.abs(x), axis=-1)]), y)
        across = length(y)
    y = y / np.maximum(across, 1e-12)[..., None]
    out: Float64 = np.empty((*x.shape, 3))
    out[..., 0], out[..., 1], out[..., 2] = x, y, cross(x, y)
    return out


def swing(a: Float64, b: Float64) -> Float64:
    """The smallest rotations (...,3,3) that turn unit vectors a onto unit vectors b (...,3)."""
    half = a + b
    q = np.empty((*half.shape[:-1], 4))
    q[..., :3] = cross(a, b)
    q[..., 3] = 1.0 + np.vecdot(a, b)
    opposite = q[..., 3] < 1e-9
    if opposite.any():
        q[opposite, :3] = cross(a, np.eye(3)[np.argmin(np.abs(a), axis=-1)])[opposite]
    return to_matrix(unit(q))


def carry(a: Float64, b: Float64, v: Float64) -> Float64:
    """Vectors v (...,3) turned by the smallest rotations that turn unit vectors a onto unit vectors b.

    The same as `swing(a, b) @ v` without the matrix: v - (v·(a+b))/(1+a·b) (a+b) + 2 (v·a) b.
    """
    half = a + b
    cosine = np.vecdot(a, b)
    along = np.vecdot(v, half) / np.maximum(1.0 + cosine, 1e-9)
    out = v - along[..., None] * half + 2.0 * np.vecdot(v, a)[..., None] * b
    opposite = cosine < -1.0 + 1e-9
    if any_true(opposite):
        out = np.where(opposite[..., None], np.einsum("...ij,...j->...i", swing(a, b), v), out)
    return np.asarray(out)
