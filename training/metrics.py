"""Measures of 3D pose error. Poses are (N,J,3) in metres, camera axes, relative to a root.

Every measure raises ValueError when the shapes differ or are not (N,J,3), when there is no pose, and when a
coordinate is not finite. Measures of the body's build are in `training.structure_metrics`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

PCK_THRESHOLDS_M: Floats = np.linspace(0.0, 0.150, 31)
"""0, 5, ... 150 mm."""


def mpjpe(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Mean joint position error ("protocol 1"), metres."""
    p, t = pair_of_poses(predicted, truth)
    return float(np.linalg.norm(p - t, axis=-1).mean())


def n_mpjpe(predicted: ArrayLike, truth: ArrayLike) -> float:
    """MPJPE after the best scale for each pose, metres."""
    p, t = pair_of_poses(predicted, truth)
    scale = (p * t).sum(axis=(1, 2)) / np.maximum((p * p).sum(axis=(1, 2)), 1e-12)
    return mpjpe(p * scale[:, None, None], t)


def p_mpjpe(predicted: ArrayLike, truth: ArrayLike) -> float:
    """MPJPE after the best similarity (rotation, translation, scale) for each pose ("protocol 2"), metres."""
    p, t = pair_of_poses(predicted, truth)
    return mpjpe(align_similarity(p, t), t)


def align_similarity(predicted: ArrayLike, truth: ArrayLike) -> Floats:
    """Each pose of `predicted` moved onto `truth` by the similarity with the least squared error.

    Umeyama 1991, without reflections.
    """
    p, t = pair_of_poses(predicted, truth)
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
    p, t = pair_of_poses(predicted, truth)
    return float((np.linalg.norm(p - t, axis=-1) < threshold_m).mean())


def pck_curve(predicted: ArrayLike, truth: ArrayLike, thresholds_m: ArrayLike = PCK_THRESHOLDS_M) -> Floats:
    """PCK at each threshold, (K,)."""
    p, t = pair_of_poses(predicted, truth)
    distance = np.linalg.norm(p - t, axis=-1).ravel()
    curve: Floats = (distance[:, None] < np.asarray(thresholds_m, np.float64)).mean(axis=0)
    return curve


def auc(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Area under the PCK curve: its mean over 0, 5, ... 150 mm, as on MPI-INF-3DHP.

    Nothing is nearer than 0, so the best possible value is 30/31.
    """
    return float(pck_curve(predicted, truth).mean())


def mpjve(predicted: ArrayLike, truth: ArrayLike, fps: float) -> float:
    """Mean joint velocity error |p' − t'| of a sequence of at least two poses, m/s.

    VideoPose3D, who introduced it, report it per frame: divide by fps.
    """
    return _difference_error(predicted, truth, fps, 1)


def acceleration_error(predicted: ArrayLike, truth: ArrayLike, fps: float) -> float:
    """Mean |p'' − t''| of a sequence of at least three poses, m/s²."""
    return _difference_error(predicted, truth, fps, 2)


def depth_order_accuracy(
    predicted: ArrayLike, truth: ArrayLike, gap_m: float = 0.02, only: ArrayLike | None = None
) -> float:
    """Share of joint pairs of a pose, clearly apart in true depth (third axis), in the right order, 0..1.

    Pairs count when |Δz*| > `gap_m`; with `only` (N,J) of bools, when one of their joints is marked as well.
    Equal predicted depths are not the right order. Raises ValueError when no pair counts.
    """
    p, t = pair_of_poses(predicted, truth)
    i, j = np.triu_indices(p.shape[1], 1)
    gap = t[:, i, 2] - t[:, j, 2]  # (N,P)
    clear = np.abs(gap) > gap_m
    if only is not None:
        marked = np.asarray(only, bool)
        if marked.shape != p.shape[:2]:
            raise ValueError(f"marks of joints must be {p.shape[:2]}, got {marked.shape}")
        clear &= marked[:, i] | marked[:, j]
    if not clear.any():
        raise ValueError(
            f"no pair of joints differs by more than {gap_m} m in depth; there is no order to judge"
        )
    return float(((p[:, i, 2] - p[:, j, 2]) * gap > 0)[clear].mean())


def _difference_error(predicted: ArrayLike, truth: ArrayLike, fps: float, order: int) -> float:
    """Mean norm of the error's `order`-th difference in time, per second to that power."""
    p, t = pair_of_poses(predicted, truth)
    if len(p) <= order:
        what, need = (("velocity", "two"), ("acceleration", "three"))[order - 1]
        raise ValueError(f"{what} needs {need} poses in a row, got {len(p)}")
    if not fps > 0:
        raise ValueError(f"frames per second must be positive, got {fps}")
    return float(np.linalg.norm(np.diff(p - t, n=order, axis=0) * fps**order, axis=-1).mean())


def pair_of_poses(predicted: ArrayLike, truth: ArrayLike) -> tuple[Floats, Floats]:
    """Both as (N,J,3) float64. Raises ValueError naming the shapes, and where a number is not finite."""
    p, t = np.asarray(predicted, np.float64), np.asarray(truth, np.float64)
    if p.shape != t.shape or p.ndim != 3 or p.shape[-1] != 3:
        raise ValueError(f"poses must both be (N,J,3), got {p.shape} and {t.shape}")
    if not p.size:
        raise ValueError(f"there must be at least one pose with a joint, got {p.shape}")
    for name, poses in (("predicted", p), ("true", t)):
        if not np.isfinite(poses).all():
            raise ValueError(
                f"{(~np.isfinite(poses)).sum()} {name} coordinates of {poses.shape} are not finite"
            )
    return p, t
