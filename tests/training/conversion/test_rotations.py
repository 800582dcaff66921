"""Laws of the rotation helpers, and agreement with an independent implementation where it is installed."""

from __future__ import annotations

import numpy as np
import pytest

from training.conversion import rotations as r

RNG = np.random.default_rng(3)
VECTORS = RNG.normal(size=(200, 3)) * RNG.uniform(0, 1, (200, 1))
HALF_TURNS = np.pi * np.eye(3)


def test_rotations_are_orthogonal() -> None:
    """RᵀR = I and det R = 1, also at no turn and at half turns."""
    R = r.from_rotvec(np.concatenate([VECTORS, HALF_TURNS, np.zeros((1, 3))]))
    assert np.allclose(r.transpose(R) @ R, np.eye(3), atol=1e-12)
    assert np.allclose(np.linalg.det(R), 1)


def test_logarithm_inverts_exponential() -> None:
    """to_rotvec(from_rotvec(v)) = v for |v| < π."""
    short = VECTORS * np.minimum(1, 3.1 / np.linalg.norm(VECTORS, axis=-1, keepdims=True))
    assert np.allclose(r.to_rotvec(r.from_rotvec(short)), short, atol=1e-9)
    assert np.allclose(r.to_rotvec(np.eye(3)), 0)


def test_quaternions_round_trip() -> None:
    """R → q → R, with w ≥ 0, also at half turns, where every naive formula divides by zero."""
    R = r.from_rotvec(np.concatenate([VECTORS, HALF_TURNS, [[1e-9, 0, 0]]]))
    q = r.to_quaternion(R)
    assert (q[:, 3] >= 0).all()
    assert np.allclose(np.linalg.norm(q, axis=-1), 1)
    assert np.allclose(r.from_quaternion(q), R, atol=1e-12)


def test_agrees_with_scipy() -> None:
    """Exponential, quaternion and mean as in scipy."""
    spatial = pytest.importorskip("scipy.spatial.transform")
    theirs = spatial.Rotation.from_rotvec(VECTORS)
    assert np.allclose(r.from_rotvec(VECTORS), theirs.as_matrix(), atol=1e-12)
    assert np.allclose(r.to_quaternion(theirs.as_matrix()), theirs.as_quat(canonical=True), atol=1e-9)
    near = spatial.Rotation.from_rotvec(VECTORS * 0.2)
    assert np.allclose(r.mean_rotation(near.as_matrix()), near.mean().as_matrix(), atol=1e-9)


def test_between_has_constant_speed() -> None:
    """The way from A to B is split in the asked proportion."""
    A, B = r.from_rotvec(VECTORS[:100]), r.from_rotvec(VECTORS[100:])
    whole = r.angle_deg(A, B)
    assert np.allclose(r.angle_deg(A, r.between(A, B, 0.25)), whole / 4, atol=1e-5)
    assert np.allclose(r.between(A, B, 1.0), B)


def test_frames_and_shortest_rotations() -> None:
    """shortest_rotation takes a to b by the angle between them; a frame's axes are as asked."""
    a, b = VECTORS[0], VECTORS[1]
    R = r.shortest_rotation(a, b)
    assert np.allclose(R @ r.unit(a), r.unit(b))
    assert r.angle_deg(R, np.eye(3)) == pytest.approx(r.angle_between_deg(a, b), abs=1e-6)
    frame = r.frame_from_forward_up(a, b)
    assert np.allclose(frame[:, 2], r.unit(b))
    assert frame[:, 0] @ a > 0
    assert np.linalg.det(frame) == pytest.approx(1)
    assert frame[:, 1] @ a == pytest.approx(0, abs=1e-12)
