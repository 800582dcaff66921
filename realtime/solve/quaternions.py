"""Unit quaternions in xyzw order, vectorised over leading axes, and the vector algebra around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

_CONJUGATE: Float64 = np.array([-1.0, -1.0, -1.0, 1.0])
IDENTITY: Float64 = np.array([0.0, 0.0, 0.0, 1.0])
_LEFT = np.array([[3, 2, 1, 0], [2, 3, 0, 1], [1, 0, 3, 2], [0, 1, 2, 3]])
_LEFT_SIGN: Float64 = np.array([[1.0, -1, 1, 1], [1, 1, -1, 1], [-1, 1, 1, 1], [-1, -1, -1, 1]])
"""The matrix of a left factor: component and sign at each place."""
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


def cross(a: Float64, b: Float64) -> Float64:
    """a × b over the last axis; numpy's own is several times slower on small arrays."""
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    out = np.empty(np.broadcast_shapes(a.shape, b.shape))
    out[..., 0] = ay * bz - az * by
    out[..., 1] = az * bx - ax * bz
    out[..., 2] = ax * by - ay * bx
    return out


def length(a: Float64) -> Float64:
    """Euclidean length over the last axis (...,)."""
    return np.asarray(np.sqrt(np.vecdot(a, a)))


def unit(a: Float64) -> Float64:
    """Scaled to length 1 over the last axis; a zero vector stays zero."""
    return a / np.maximum(length(a), 1e-12)[..., None]


def multiply(a: Float64, b: Float64) -> Float64:
    """Product a·b (...,4): rotate by b first, then by a; `a` as the matrix that multiplies b."""
    return np.asarray((a[..., _LEFT] * _LEFT_SIGN @ b[..., None])[..., 0])


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
    r = np.moveaxis(R.reshape(*R.shape[:-2], 9), -1, 0)
    outer = np.empty((*R.shape[:-2], 4, 4))
    outer[..., 0, 0], outer[..., 1, 1] = 1 + r[0] - r[4] - r[8], 1 - r[0] + r[4] - r[8]
    outer[..., 2, 2], outer[..., 3, 3] = 1 - r[0] - r[4] + r[8], 1 + r[0] + r[4] + r[8]
    outer[..., 0, 1] = outer[..., 1, 0] = r[1] + r[3]
    outer[..., 0, 2] = outer[..., 2, 0] = r[2] + r[6]
    outer[..., 1, 2] = outer[..., 2, 1] = r[5] + r[7]
    outer[..., 0, 3] = outer[..., 3, 0] = r[7] - r[5]
    outer[..., 1, 3] = outer[..., 3, 1] = r[2] - r[6]
    outer[..., 2, 3] = outer[..., 3, 2] = r[3] - r[1]
    best = np.argmax(np.einsum("...ii->...i", outer), axis=-1)
    return unit(np.take_along_axis(outer, best[..., None, None], axis=-2)[..., 0, :])


def same_sign(q: Float64, reference: Float64) -> Float64:
    """q (...,4) or -q, the same rotation, whichever lies nearer to `reference`."""
    dot = np.vecdot(q, reference)
    return np.where(dot[..., None] < 0, -q, q)


def frame(primary: Float64, secondary: Float64) -> Float64:
    """Orthonormal matrices (...,3,3), columns: `primary`, the part of `secondary` across it, their cross
    product. Where both are parallel the second column is some direction across."""
    x = unit(primary)
    y = secondary - x * np.vecdot(x, secondary)[..., None]
    short = length(y) < 1e-6 * np.maximum(length(secondary), 1e-6)
    if short.any():
        y = np.where(short[..., None], cross(x, np.eye(3)[np.argmin(np.abs(x), axis=-1)]), y)
    out: Float64 = np.empty((*x.shape, 3))
    out[..., 0], out[..., 1] = x, unit(y)
    out[..., 2] = cross(x, out[..., 1])
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
    if opposite.any():
        out = np.where(opposite[..., None], np.einsum("...ij,...j->...i", swing(a, b), v), out)
    return np.asarray(out)
