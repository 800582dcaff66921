"""Rotations as batches of matrices (…,3,3) acting on column vectors; names say the unit of angles."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

_TINY = 1e-12


def unit(v: ArrayLike) -> FloatArray:
    """v / |v| along the last axis; a zero vector stays zero."""
    vectors = np.asarray(v, dtype=np.float64)
    result: FloatArray = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), _TINY)
    return result


def rotate(R: ArrayLike, v: ArrayLike) -> FloatArray:
    """R v for batches of matrices (…,3,3) and vectors (…,3)."""
    result: FloatArray = np.einsum("...ij,...j->...i", np.asarray(R, np.float64), np.asarray(v, np.float64))
    return result


def transpose(R: FloatArray) -> FloatArray:
    """The inverse of every rotation."""
    return np.swapaxes(R, -1, -2)


def axis_rotation(axis: str, angle_deg: ArrayLike) -> FloatArray:
    """(…,3,3) rotation about the coordinate axis "x", "y" or "z"."""
    direction = np.zeros(3)
    direction["xyz".index(axis)] = 1.0
    return from_rotvec(np.deg2rad(np.asarray(angle_deg, np.float64))[..., None] * direction)


def from_rotvec(rotvec_rad: ArrayLike) -> FloatArray:
    """Rodrigues: R = I + sin θ/θ [v]× + (1 - cos θ)/θ² [v]×² for v (…,3) with θ = |v|."""
    v = np.asarray(rotvec_rad, np.float64)
    angle = np.linalg.norm(v, axis=-1)[..., None, None]
    K = cross_matrix(v)
    half = np.sinc(angle / (2 * np.pi))  # sin(θ/2) / (θ/2), exact at zero
    result: FloatArray = np.eye(3) + np.sinc(angle / np.pi) * K + 0.5 * half**2 * (K @ K)
    return result


def cross_matrix(v: FloatArray) -> FloatArray:
    """[v]×, the matrix with [v]× w = v × w: (…,3) → (…,3,3)."""
    x, y, z = np.moveaxis(v, -1, 0)
    o = np.zeros_like(x)
    return np.stack([o, -z, y, z, o, -x, -y, x, o], axis=-1).reshape(*x.shape, 3, 3)


def to_quaternion(R: FloatArray) -> FloatArray:
    """(…,3,3) → unit quaternions (…,4) as x, y, z, w with w ≥ 0.

    4 q qᵀ is linear in R; its column with the largest diagonal entry is a multiple of q that never
    divides by a small number (Shepperd, J. Guidance and Control 1 (1978)).
    """
    xx, yy, zz = R[..., 0, 0], R[..., 1, 1], R[..., 2, 2]
    xy, xz, yz = R[..., 0, 1] + R[..., 1, 0], R[..., 0, 2] + R[..., 2, 0], R[..., 1, 2] + R[..., 2, 1]
    wx, wy, wz = R[..., 2, 1] - R[..., 1, 2], R[..., 0, 2] - R[..., 2, 0], R[..., 1, 0] - R[..., 0, 1]
    rows = [
        [1 + xx - yy - zz, xy, xz, wx],
        [xy, 1 - xx + yy - zz, yz, wy],
        [xz, yz, 1 - xx - yy + zz, wz],
        [wx, wy, wz, 1 + xx + yy + zz],
    ]
    outer = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    best = np.argmax(np.diagonal(outer, axis1=-2, axis2=-1), axis=-1)
    q = unit(np.take_along_axis(outer, best[..., None, None], axis=-2)[..., 0, :])
    return np.where(q[..., 3:] < 0, -q, q)


def from_quaternion(q: ArrayLike) -> FloatArray:
    """Quaternions (…,4) as x, y, z, w, of any length, → (…,3,3)."""
    x, y, z, w = np.moveaxis(unit(q), -1, 0)
    entries = [
        1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
        2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
        2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return np.stack(entries, axis=-1).reshape(*x.shape, 3, 3)


def to_rotvec(R: FloatArray) -> FloatArray:
    """(…,3,3) → axis times angle, angle in [0, π]."""
    q = to_quaternion(R)
    sine = np.linalg.norm(q[..., :3], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, q[..., 3:])
    result: FloatArray = q[..., :3] * np.where(sine > _TINY, angle / np.maximum(sine, _TINY), 2.0)
    return result


def between(A: FloatArray, B: FloatArray, part: ArrayLike) -> FloatArray:
    """The rotation a `part` (0 … 1) of the way from A to B along the shortest arc; one, or one each."""
    weight = np.asarray(part, np.float64)[..., None]
    return A @ from_rotvec(weight * to_rotvec(transpose(A) @ B))


def shortest_rotation(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """(3,3) the smallest rotation that takes direction a to direction b (not opposite to it)."""
    a, b = unit(a), unit(b)
    K = cross_matrix(np.cross(a, b))
    result: FloatArray = np.eye(3) + K + K @ K / (1 + a @ b)
    return result


def mean_rotation(R: FloatArray) -> FloatArray:
    """(3,3) the rotation nearest, in the sense of Frobenius, to the mean of R (N,3,3)."""
    U, _, Vt = np.linalg.svd(R.mean(axis=0))
    result: FloatArray = U @ np.diag([1.0, 1.0, np.linalg.det(U @ Vt)]) @ Vt
    return result


def frame_from_forward_up(forward: ArrayLike, up: ArrayLike) -> FloatArray:
    """(…,3,3) columns x, y, z: z along `up`, x as near to `forward` as that allows, y to the left."""
    z = unit(up)
    forward = np.asarray(forward, np.float64)
    x = unit(forward - z * np.sum(forward * z, axis=-1, keepdims=True))
    return np.stack([x, np.cross(z, x), z], axis=-1)


def angle_deg(A: FloatArray, B: FloatArray) -> FloatArray:
    """Angle of the rotation between A and B: (…,3,3) → (…)."""
    cosine = (np.einsum("...ij,...ij->...", A, B) - 1) / 2
    result: FloatArray = np.rad2deg(np.arccos(np.clip(cosine, -1, 1)))
    return result


def angle_between_deg(a: FloatArray, b: FloatArray) -> FloatArray:
    """Angle between vectors (…,3) → (…)."""
    cosine = np.sum(unit(a) * unit(b), axis=-1)
    result: FloatArray = np.rad2deg(np.arccos(np.clip(cosine, -1, 1)))
    return result
