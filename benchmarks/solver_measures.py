"""Measures of a solved body against the truth. Frames run along the first axis; metres, seconds, degrees.

Truth and convention: true soles are heel and toe joints minus the corpus's own heights above the sole (0.010
and 0.008 statures). Recorded feet roll and slip a little even while they carry, so every slide is shown with
the truth's own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES, CONTACTS, SEALCAP26
from training.metrics import acceleration_error

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FEET = SEALCAP26.indices(*CONTACTS)
SOLE = np.array([0.010, 0.008, 0.010, 0.008])
"""Heel and toe joints above the sole, statures, in the order of CONTACTS."""
WRISTS = SEALCAP26.indices("left_wrist", "right_wrist")
LOW_M = 0.03
SLOW_M_S = 0.3
LASTING_S = 0.1
EDGE_S = 0.034
"""Contact is labelled where the true sole is this low and slow for so long, without so much at either end."""
UNSEEN_BONES = ("LeftHand", "RightHand", "LeftToes", "RightToes")
"""Bones that no joint shows; they follow their parents."""


def horizontal_speed(points: Floats, fps: float) -> Floats:
    """(T,K,3) Y up to (T,K) m/s by central differences; one-sided at the ends."""
    velocity = np.gradient(points[..., [0, 2]], axis=0) * fps
    return np.asarray(np.linalg.norm(velocity, axis=-1))


def contact_labels(world: Floats, stature_m: float, fps: float, edge_s: float = EDGE_S) -> Bools:
    """(T,26,3) true joints to (T,4) labelled contact of CONTACTS."""
    points = world[:, FEET]
    velocity = np.gradient(points, axis=0) * fps
    low = points[..., 1] - SOLE * stature_m < LOW_M
    resting = low & (np.linalg.norm(velocity, axis=-1) < SLOW_M_S)
    out = np.zeros_like(resting)
    for k in range(resting.shape[1]):
        for first, last in runs(resting[:, k]):
            if (last - first) / fps >= LASTING_S - 1e-9:
                edge = round(edge_s * fps)
                out[first + edge : last - edge, k] = True
    return out


def runs(mask: Bools) -> list[tuple[int, int]]:
    """[first, last) of every stretch of True."""
    padded = np.concatenate([[0], mask.astype(int), [0]])
    change = np.flatnonzero(np.diff(padded))
    return list(zip(change[::2].tolist(), change[1::2].tolist(), strict=True))


def slide_m_s(world: Floats, labels: Bools, fps: float) -> Floats:
    """Horizontal speeds (N,) of labelled points in labelled frames; frames without a pose fall out."""
    speed = horizontal_speed(world[:, FEET], fps)[labels]
    return speed[np.isfinite(speed)]


def drift_m_s(world: Floats, labels: Bools, fps: float) -> Floats:
    """(N,) of each labelled contact: way from first to last frame over its duration; jitter falls out."""
    points = world[:, FEET][..., [0, 2]]
    out = []
    for k in range(labels.shape[1]):
        for first, last in runs(labels[:, k]):
            if last - first > 1:
                way = np.linalg.norm(points[last - 1, k] - points[first, k])
                out.append(way * fps / (last - 1 - first))
    values = np.array(out)
    return values[np.isfinite(values)]


def penetration_m(world: Floats) -> Floats:
    """(T,) how far the lowest foot joint lies below the floor, 0 above it."""
    return np.asarray(np.maximum(-world[:, FEET, 1].min(axis=1), 0.0))


def contact_score(found: Floats, labels: Bools, truly_up: Bools) -> tuple[float, float]:
    """Share of labelled frames reported as contact (≥ 0.5), and of clearly lifted frames falsely reported."""
    hit = float((found[labels] >= 0.5).mean()) if labels.any() else np.nan
    false = float((found[truly_up] >= 0.5).mean()) if truly_up.any() else np.nan
    return hit, false


def lifted_labels(world: Floats, stature_m: float) -> Bools:
    """(T,4) points that are clearly in the air: more than 10 cm."""
    return np.asarray(world[:, FEET, 1] - SOLE * stature_m > 0.10)


def fitted_roots(joints: Floats, rays: Floats, confidence: Floats) -> Floats:
    """(T,3) translation that puts joints (T,J,3) onto rays (T,J,2), each frame alone: least squares weighted
    by confidence (T,J), plain, so that it may serve as 'before'. NaN where fewer than four are seen."""
    out = np.full((len(joints), 3), np.nan)
    for t, (x, u, c) in enumerate(zip(joints, rays, confidence, strict=True)):
        seen = c > 0.05
        if seen.sum() < 4 or not np.isfinite(x).all():
            continue
        x, u, c = x[seen], u[seen], c[seen]
        one, zero = np.ones(len(x)), np.zeros(len(x))
        A = np.concatenate([np.stack([one, zero, -u[:, 0]], -1), np.stack([zero, one, -u[:, 1]], -1)])
        b = np.concatenate([u[:, 0] * x[:, 2] - x[:, 0], u[:, 1] * x[:, 2] - x[:, 1]])
        weight = np.concatenate([c, c])
        out[t] = np.linalg.lstsq(A * weight[:, None], b * weight, rcond=None)[0]
    return out


def lag_s(found: Floats, truth: Floats, fps: float, joints: list[int] | None = None) -> float:
    """Shift of the velocities of `joints` (wrists) that fits the truth best, in -0.1..0.2 s, to 1 ms.

    Least squares of velocity over the frames common to all shifts; positive = late. Poses (T,J,3).
    """
    rows = WRISTS if joints is None else joints
    v = np.gradient(found[:, rows].reshape(len(found), -1), axis=0) * fps
    w = np.gradient(truth[:, rows].reshape(len(truth), -1), axis=0) * fps
    times = np.arange(len(v)) / fps
    keep = np.isfinite(v).all(axis=1) & (times >= 0.2) & (times <= times[-1] - 0.1)
    shifts = np.arange(-100, 201) * 1e-3
    error = [
        sum(((v[keep, c] - np.interp(times[keep] - s, times, w[:, c])) ** 2).sum() for c in range(v.shape[1]))
        for s in shifts
    ]
    return float(shifts[int(np.argmin(error))])


def acceleration(found: Floats, truth: Floats, fps: float) -> float:
    """Mean acceleration error of the 25 joints below the root, m/s², over the frames that have a pose."""
    keep = np.isfinite(found).all(axis=(1, 2))
    return acceleration_error(found[keep][:, 1:], truth[keep][:, 1:], fps)


# --- rotations -----------------------------------------------------------------------------------------


def to_matrix(q: Floats) -> Floats:
    """Unit quaternions (...,4) xyzw to matrices; written apart from the solver's own."""
    v, w = q[..., :3], q[..., 3, None, None]
    K = np.zeros((*q.shape[:-1], 3, 3))
    K[..., 0, 1], K[..., 0, 2], K[..., 1, 2] = -v[..., 2], v[..., 1], -v[..., 0]
    K = K - np.swapaxes(K, -1, -2)
    return np.asarray(np.eye(3) + 2 * w * K + 2 * K @ K)


def world_rotations(local: Floats) -> Floats:
    """Local rotations (T,21,4) down the tree of BONES to matrices (T,21,3,3) in world axes."""
    R = to_matrix(local)
    for bone, parent in enumerate(BONES.parents):
        if parent >= 0:
            R[:, bone] = R[:, parent] @ R[:, bone]
    return R


def bone_axes() -> Floats:
    """(21,3) direction of each bone in the rest pose, X the person's left, Y up, Z ahead."""
    axes = []
    for name in BONES.joints:
        part = name.removeprefix("Left").removeprefix("Right")
        side = 1.0 if name.startswith("Left") else -1.0
        if part in ("Shoulder", "UpperArm", "LowerArm", "Hand"):
            axes.append([side, 0.0, 0.0])
        elif part in ("UpperLeg", "LowerLeg"):
            axes.append([0.0, -1.0, 0.0])
        else:
            axes.append([0.0, 0.0, 1.0] if part in ("Foot", "Toes") else [0.0, 1.0, 0.0])
    return np.array(axes)


def swing_twist_deg(found: Floats, truth: Floats, axes: Floats) -> tuple[Floats, Floats]:
    """Rotation matrices (T,B,3,3) against the truth: angle between the bones' axes, and what is left about
    the axis after the smallest turn that aligns them; both (T,B) degrees."""
    error = np.swapaxes(truth, -1, -2) @ found
    tip = np.einsum("tbij,bj->tbi", error, axes)
    cos = (tip * axes).sum(-1)
    swing = np.arctan2(np.linalg.norm(np.cross(axes, tip), axis=-1), cos)
    # Twist of q about a is 2 atan2(q_v·a, q_w), up to one factor: R - Rᵀ holds 4 w q_v, 1 + trace is 4 w².
    skew = np.stack(
        [
            error[..., 2, 1] - error[..., 1, 2],
            error[..., 0, 2] - error[..., 2, 0],
            error[..., 1, 0] - error[..., 0, 1],
        ],
        axis=-1,
    )
    w4 = np.maximum(1 + np.einsum("tbii->tb", error), 1e-12)  # 4 w²
    along = (skew * axes).sum(-1)  # 4 w (q_v·a)
    twist = 2 * np.arctan2(np.abs(along), w4)
    return np.degrees(swing), np.degrees(twist)


def pop_m(found: Floats, truth: Floats, joints: list[int], frames: range) -> float:
    """Largest step between neighbouring frames beyond the truth's own in that frame, metres."""
    rows = [t for t in frames if 0 < t < len(found)]
    step = (found[rows] - found[[t - 1 for t in rows]]) - (truth[rows] - truth[[t - 1 for t in rows]])
    size = np.linalg.norm(step[:, joints], axis=-1)
    return float(np.nanmax(size)) if np.isfinite(size).any() else float("nan")
