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


def test_velocity_equals_plain_loops() -> None:
    """MPJVE as two nested loops, in m/s; a constant error has none; one pose is too few."""
    p, t = poses(9, 5, 4), poses(10, 5, 4)
    steps = [
        np.linalg.norm((p[n + 1, j] - p[n, j]) - (t[n + 1, j] - t[n, j])) * 30
        for n, j in itertools.product(range(4), range(4))
    ]
    assert metrics.mpjve(p, t, 30.0) == pytest.approx(np.mean(steps))
    assert metrics.mpjve(t + 0.3, t, 30.0) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="velocity needs two poses"):
        metrics.mpjve(t[:1], t[:1], 30.0)
    with pytest.raises(ValueError, match="must be positive, got 0"):
        metrics.mpjve(p, t, 0)


@given(st.integers(0, 1000), st.floats(0.01, 0.3))
@settings(max_examples=25, deadline=None)
def test_pck_curve_and_auc(seed: int, size: float) -> None:
    """The curve rises, passes through PCK@150, and its mean is the AUC counted threshold by threshold."""
    p, t = poses(seed) * size, poses(seed + 1) * size
    curve = metrics.pck_curve(p, t)
    assert (np.diff(curve) >= 0).all()
    assert curve[-1] == metrics.pck(p, t)
    each = np.linalg.norm(p - t, axis=-1).ravel()
    counted = [sum(e < step / 1000 for e in each) / len(each) for step in range(0, 151, 5)]
    assert metrics.auc(p, t) == pytest.approx(np.mean(counted), abs=1e-3)


def test_auc_of_known_errors() -> None:
    """An error of 52 mm everywhere passes 20 of 31 thresholds; none passes all but that of 0; 1 m none."""
    truth = poses(11)
    assert metrics.auc(truth + np.array([0, 0.052, 0]), truth) == pytest.approx(20 / 31)
    assert metrics.auc(truth, truth) == pytest.approx(30 / 31)
    assert metrics.auc(truth + np.array([1, 0, 0]), truth) == 0


@given(st.integers(0, 1000), st.floats(0.0, 1.0))
@settings(max_examples=25, deadline=None)
def test_depth_order_equals_the_loop(seed: int, gap_m: float) -> None:
    """Share of clearly separate pairs in the right order, counted pair by pair, with and without marks."""
    p, t = poses(seed), poses(seed + 1)
    marked = np.random.default_rng(seed).random(p.shape[:2]) < 0.5
    right: dict[bool, list[bool]] = {True: [], False: []}
    for n, (i, j) in itertools.product(range(len(p)), itertools.combinations(range(p.shape[1]), 2)):
        if abs(t[n, i, 2] - t[n, j, 2]) > gap_m:
            ordered = (p[n, i, 2] < p[n, j, 2]) == (t[n, i, 2] < t[n, j, 2])
            right[bool(marked[n, i] or marked[n, j])].append(ordered)
    assert metrics.depth_order_accuracy(p, t, gap_m) == pytest.approx(np.mean(right[True] + right[False]))
    assert metrics.depth_order_accuracy(p, t, gap_m, only=marked) == pytest.approx(np.mean(right[True]))


def test_depth_order_ignores_increasing_maps() -> None:
    """Any increasing map of depth is perfect, its negative all wrong, a constant too; no gap is an error."""
    truth = poses(12)
    mapped, flat = truth.copy(), truth.copy()
    mapped[..., 2], flat[..., 2] = np.tanh(truth[..., 2]) - 5, 1.0
    assert metrics.depth_order_accuracy(mapped, truth) == 1
    assert metrics.depth_order_accuracy(-mapped, truth) == 0
    assert metrics.depth_order_accuracy(flat, truth) == 0
    with pytest.raises(ValueError, match="no pair of joints"):
        metrics.depth_order_accuracy(truth, flat)
    with pytest.raises(ValueError, match=r"must be \(4, 9\), got \(4, 8\)"):
        metrics.depth_order_accuracy(truth, truth, only=np.ones((4, 8), bool))


PAIRED = {
    "mpjpe": metrics.mpjpe, "n_mpjpe": metrics.n_mpjpe, "p_mpjpe": metrics.p_mpjpe, "pck": metrics.pck,
    "auc": metrics.auc, "depth_order": metrics.depth_order_accuracy,
    "mpjve": lambda p, t: metrics.mpjve(p, t, 30.0),
    "acceleration": lambda p, t: metrics.acceleration_error(p, t, 30.0),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRED)
def test_bad_poses_are_refused(name: str) -> None:
    """No poses, other shapes and NaN are errors that name what came."""
    broken = poses(1)
    broken[2, 3, 1] = np.nan
    with pytest.raises(ValueError, match=r"1 predicted coordinates of \(4, 9, 3\) are not finite"):
        PAIRED[name](broken, poses(2))
    with pytest.raises(ValueError, match=r"1 true coordinates of \(4, 9, 3\) are not finite"):
        PAIRED[name](poses(2), broken)
    with pytest.raises(ValueError, match=r"at least one pose with a joint, got \(0, 9, 3\)"):
        PAIRED[name](poses(1)[:0], poses(1)[:0])
    with pytest.raises(ValueError, match=r"got \(9, 3\) and \(9, 3\)"):
        PAIRED[name](poses(1)[0], poses(1)[0])


def test_shapes_are_checked() -> None:
    """Poses of different shapes are refused with both shapes named."""
    with pytest.raises(ValueError, match=r"\(4, 9, 3\) and \(4, 8, 3\)"):
        metrics.mpjpe(poses(1), poses(1, 4, 8))
