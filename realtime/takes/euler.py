"""Euler angles of whole motions, without jumps.

Every rotation has two triples of angles, and each angle any number of full turns. Frame after frame the
triple nearest to the last one is taken, so nothing jumps at ±180 degrees. Where the middle angle is ±90
degrees (gimbal lock) only the sum or difference of the outer ones is told by the rotation; there the first
one stays. The last two angles are computed for the first one chosen, so the product is the rotation
everywhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

ORDERS = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")
"""R = R_first(a) · R_second(b) · R_third(c): about moving axes in this order, about fixed ones in reverse."""

LOCKED = 1e-6
"""Cosine of the middle angle below which the outer ones are one."""


def euler_angles(R: Float64, order: str) -> Float64:
    """Rotation matrices (N,...,3,3) → radians (N,...,3) in `order`, continuous over the first axis."""
    _, j, k, sign = _axes(order)
    first = np.arctan2(-sign * R[..., j, k], R[..., k, k])
    locked = np.hypot(R[..., j, k], R[..., k, k]) < LOCKED
    out = np.empty((*R.shape[:-2], 3))
    last = np.zeros(out.shape[1:])
    for n in range(len(R)):
        a = np.where(locked[n], last[..., 0], first[n])
        near, far = (_nearest(_given_first(R[n], x, order), last) for x in (a, a + np.pi))
        other = _squares(far - last) < _squares(near - last) if n else np.zeros(a.shape, bool)
        last = out[n] = np.where(other[..., None], far, near)
    return out


def rotation_about(axis: str, angle: Float64) -> Float64:
    """Matrices (...,3,3) of turns by `angle` (...,) radians about X, Y or Z."""
    i = "XYZ".index(axis)
    j, k = (i + 1) % 3, (i + 2) % 3
    R = np.zeros((*angle.shape, 3, 3))
    R[..., i, i] = 1.0
    R[..., j, j] = R[..., k, k] = np.cos(angle)
    R[..., k, j] = np.sin(angle)
    R[..., j, k] = -R[..., k, j]
    return R


def _axes(order: str) -> tuple[int, int, int, int]:
    """Indices of the axes, and +1 where they follow each other as x, y, z, x do, else -1."""
    if order not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(ORDERS)}, not {order!r}")
    i, j, k = ("XYZ".index(letter) for letter in order)
    return i, j, k, 1 if (j - i) % 3 == 1 else -1


def _given_first(R: Float64, a: Float64, order: str) -> Float64:
    """(...,3) the angles when the first is `a` (...,): the rows of R_first(-a) · R tell the others."""
    i, j, k, sign = _axes(order)
    cos, sin = np.cos(a)[..., None], sign * np.sin(a)[..., None]
    row_j, row_k = cos * R[..., j, :] + sin * R[..., k, :], cos * R[..., k, :] - sin * R[..., j, :]
    b = np.arctan2(sign * R[..., i, k], row_k[..., k])
    c = np.arctan2(sign * row_j[..., i], row_j[..., j])
    return np.stack([a, b, c], axis=-1)


def _nearest(angles: Float64, reference: Float64) -> Float64:
    """The same angles plus full turns, nearest to `reference`."""
    return np.asarray(angles + 2 * np.pi * np.round((reference - angles) / (2 * np.pi)))


def _squares(a: Float64) -> Float64:
    return np.asarray(np.einsum("...i,...i->...", a, a))
