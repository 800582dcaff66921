"""Measures of 3D pose error. Poses are (N,J,3) in metres, relative to a root unless said otherwise."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def mpjpe(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Mean joint position error ("protocol 1"), metres."""
    p, t = _pair(predicted, truth)
    return float(np.linalg.norm(p - t, axis=-1).mean())


def n_mpjpe(predicted: ArrayLike, truth: ArrayLike) -> float:
    """MPJPE after the best scale for each pose, metres."""
    p, t = _pair(predicted, truth)
    scale = (p * t).sum(axis=(1, 2)) / np.maximum((p * p).sum(axis=(1, 2)), 1e-12)
    return mpjpe(p * scale[:, None, None], t)


def p_mpjpe(predicted: ArrayLike, truth: ArrayLike) -> float:
    """MPJPE after the best similarity (rotation, translation, scale) for each pose ("protocol 2"), metres."""
    p, t = _pair(predicted, truth)
    return mpjpe(align_similarity(p, t), t)


def align_similarity(predicted: ArrayLike, truth: ArrayLike) -> Floats:
    """Each pose of `predicted` moved onto `truth` by the similarity with the least squared error.

    Umeyama 1991, without reflections.
    """
    p, t = _pair(predicted, truth)
    mean_p, mean_t = p.mean(axis=1, keepdims=True), t.mean(axis=1, keepdims=True)
    p0, t0 = p - mean_p, t - mean_t
    U, S, Vt = np.linalg.svd(np.swapaxes(p0, 1, 2) @ t0)  # (N,3,3)
    sign = np.ones_like(S)
    sign[:, 2] = np.sign(np.linalg.det(U @ Vt))
    rotation = (U * sign[:, None, :]) @ Vt
    scale = (S * sign).sum(axis=1) / np.maximum((p0 * p0).sum(axis=(1, 2)), 1e-12)
    aligned: Floats = scale[:, None, None] * (p0 @ rotation) + mean_t
    return aligned


def pck(predicted: ArrayLike, truth: ArrayLike, threshold_m: float = 0.150) -> float:
    """Share of joints nearer than `threshold_m`, 0..1."""
    p, t = _pair(predicted, truth)
    return float((np.linalg.norm(p - t, axis=-1) < threshold_m).mean())


def acceleration_error(predicted: ArrayLike, truth: ArrayLike, fps: float) -> float:
    """Mean |p'' − t''| of a sequence of at least three poses, m/s²."""
    p, t = _pair(predicted, truth)
    if len(p) < 3:
        raise ValueError(f"acceleration needs three poses in a row, got {len(p)}")
    second = np.diff(p - t, n=2, axis=0) * fps**2
    return float(np.linalg.norm(second, axis=-1).mean())


def bone_variation(joints: ArrayLike, segments: list[tuple[int, int]]) -> float:
    """Standard deviation over mean of each segment's length along a sequence, averaged; 0 for real people."""
    sequence = np.asarray(joints, np.float64)
    a, b = (list(ends) for ends in zip(*segments, strict=True))
    length = np.linalg.norm(sequence[:, a] - sequence[:, b], axis=-1)  # (N,S)
    return float((length.std(axis=0) / np.maximum(length.mean(axis=0), 1e-9)).mean())


def limb_symmetry_error(joints: ArrayLike, pairs: list[tuple[tuple[int, int], tuple[int, int]]]) -> float:
    """Mean |left − right| / (left + right) of paired segments, 0..1 (SEAL-pose's LSE; the sum is below)."""
    poses = np.asarray(joints, np.float64)
    shares = []
    for left, right in pairs:
        a, b = (np.linalg.norm(poses[:, i] - poses[:, j], axis=-1) for i, j in (left, right))
        shares.append(np.abs(a - b) / np.maximum(a + b, 1e-9))
    return float(np.mean(shares))


def _pair(predicted: ArrayLike, truth: ArrayLike) -> tuple[Floats, Floats]:
    p, t = np.asarray(predicted, np.float64), np.asarray(truth, np.float64)
    if p.shape != t.shape or p.ndim != 3 or p.shape[-1] != 3:
        raise ValueError(f"poses must both be (N,J,3), got {p.shape} and {t.shape}")
    return p, t
