"""Metrics against their laws and against slow, plain versions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training import metrics


def poses(seed: int, count: int = 4, joints: int = 9) -> np.ndarray:
    """Random poses."""
    return np.random.default_rng(seed).normal(size=(count, joints, 3))


def rotation(seed: int) -> np.ndarray:
    """A random proper rotation."""
    Q, R = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    Q = Q * np.sign(np.diag(R))
    return Q * np.linalg.det(Q)


@given(st.integers(0, 1000), st.floats(0.2, 5.0))
@settings(max_examples=25, deadline=None)
def test_procrustes_undoes_any_similarity(seed: int, scale: float) -> None:
    """P-MPJPE of a turned, moved and scaled copy is 0; N-MPJPE of a scaled copy is 0."""
    truth = poses(seed)
    assert metrics.p_mpjpe(scale * truth @ rotation(seed) + [1, -2, 3], truth) == pytest.approx(0, abs=1e-9)
    assert metrics.n_mpjpe(scale * truth, truth) == pytest.approx(0, abs=1e-9)


@given(st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_alignments_only_help(seed: int) -> None:
    """The squared error after alignment is never larger, and alignment ignores the input's frame."""
    predicted, truth = poses(seed), poses(seed + 1)
    aligned = metrics.align_similarity(predicted, truth)
    assert ((aligned - truth) ** 2).sum() <= ((predicted - truth) ** 2).sum() + 1e-9
    turned = 2.5 * predicted @ rotation(seed) + 1
    assert np.allclose(metrics.align_similarity(turned, truth), aligned)


def test_procrustes_does_not_mirror() -> None:
    """A mirrored pose cannot be aligned."""
    truth = poses(3)
    assert metrics.p_mpjpe(truth * [-1, 1, 1], truth) > 0.1


def test_procrustes_is_the_best_of_many() -> None:
    """No rotation near the one found gives a smaller squared error."""
    predicted, truth = poses(1, 1), poses(2, 1)
    aligned = metrics.align_similarity(predicted, truth)
    best, mean = ((aligned - truth) ** 2).sum(), aligned.mean(axis=1, keepdims=True)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        w = rng.normal(size=3) * 0.1
        K = np.array([[0, -w[2], w[1]], [w[2], 0, -w[0]], [-w[1], w[0], 0]])
        near, _ = np.linalg.qr(np.eye(3) + K)
        near = near * np.sign(np.diag(near))
        other = (1 + rng.normal() * 0.05) * (aligned - mean) @ near + mean
        assert ((other - truth) ** 2).sum() >= best - 1e-9


def test_distances_equal_plain_loops() -> None:
    """MPJPE, PCK and acceleration error as three nested loops."""
    p, t = poses(5, 6, 4) * 0.2, poses(6, 6, 4) * 0.2
    each = [np.linalg.norm(p[n, j] - t[n, j]) for n, j in itertools.product(range(6), range(4))]
    assert metrics.mpjpe(p, t) == pytest.approx(np.mean(each))
    assert metrics.pck(p, t) == pytest.approx(np.mean([e < 0.15 for e in each]))
    second = [
        np.linalg.norm((p[n + 2, j] - 2 * p[n + 1, j] + p[n, j]) - (t[n + 2, j] - 2 * t[n + 1, j] + t[n, j]))
        * 900
        for n, j in itertools.product(range(4), range(4))
    ]
    assert metrics.acceleration_error(p, t, 30.0) == pytest.approx(np.mean(second))


def test_acceleration_ignores_constant_velocity() -> None:
    """An error that grows evenly has no acceleration; two poses are too few."""
    t = poses(7, 10)
    drift = t + np.arange(10)[:, None, None] * 0.1
    assert metrics.acceleration_error(drift, t, 60.0) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="three poses"):
        metrics.acceleration_error(t[:2], t[:2], 30.0)


def test_bone_variation_and_symmetry() -> None:
    """A rigid, turning figure has no variation; a bone alternating between 0.9 and 1.1 has 10 %."""
    pose = poses(8, 1)[0]
    turning = np.stack([pose @ rotation(i) for i in range(12)])
    assert metrics.bone_variation(turning, [(0, 1), (3, 4)]) == pytest.approx(0, abs=1e-12)
    bone = np.zeros((20, 2, 3))
    bone[:, 1, 0] = np.where(np.arange(20) % 2, 1.1, 0.9)
    assert metrics.bone_variation(bone, [(0, 1)]) == pytest.approx(0.1)
    uneven = np.array([[[0, 0, 0], [0, 0, 1.0], [0, 0, 0], [0, 3.0, 0]]])
    assert metrics.limb_symmetry_error(uneven, [((0, 1), (2, 3))]) == pytest.approx(0.5)


def test_shapes_are_checked() -> None:
    """Poses of different shapes are refused with both shapes named."""
    with pytest.raises(ValueError, match=r"\(4, 9, 3\) and \(4, 8, 3\)"):
        metrics.mpjpe(poses(1), poses(1, 4, 8))
