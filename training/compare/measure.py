"""What a finished cell is measured by, on held-out sequences of the window bank."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lifting.models.ray_lifter import RayLifter
from lifting.skeleton import SEALCAP26, mirror_name
from training import metrics
from training.batches import from_hips
from training.window_bank import WindowBank

_AT_ONCE = 50
Floats = NDArray[np.float64]


def measure(lifter: RayLifter, bank: WindowBank, frames: int, device: torch.device) -> dict[str, float]:
    """Errors of the newest frame of every window, in `frames` consecutive windows of each sequence.

    The answered frames are the last ones of a sequence, the same for networks with short and long windows.
    Keys as in `training.compare.tables.MEASURES`.
    """
    parts = [
        _lift(lifter, bank, np.arange(i, min(i + _AT_ONCE, len(bank))), frames, device)
        for i in range(0, len(bank), _AT_ONCE)
    ]
    predicted, truth = (np.concatenate([part[i] for part in parts]) for i in range(2))  # (S,F,26,3)
    return pose_errors(predicted, truth, bank.fps)


def pose_errors(predicted: Floats, truth: Floats, fps: float) -> dict[str, float]:
    """Errors of sequences (S,F,26,3), metres, camera axes, relative to mid-hip."""
    p, t = predicted[:, :, 1:], truth[:, :, 1:]  # the pelvis is the origin
    flat_p, flat_t = (x.reshape(-1, *x.shape[2:]) for x in (p, t))
    velocity = np.linalg.norm(np.diff(p - t, axis=1), axis=-1).mean()
    return {
        "mpjpe_m": metrics.mpjpe(flat_p, flat_t),
        "p_mpjpe_m": metrics.p_mpjpe(flat_p, flat_t),
        "mpjve_m": float(velocity),
        "acceleration_mps2": float(
            np.mean([metrics.acceleration_error(a, b, fps) for a, b in zip(p, t, strict=True)])
        ),
    } | _structure(predicted.reshape(-1, *predicted.shape[2:]), truth.reshape(-1, *truth.shape[2:]))


def _structure(p: Floats, t: Floats) -> dict[str, float]:
    """Symmetry, lengths, directions and depth order of poses (N,26,3)."""
    (bone_p, length_p), (bone_t, length_t) = _bones(p), _bones(t)
    left, right = length_p[:, _LEFT], length_p[:, _RIGHT]
    limb_p, limb_t = length_p @ _LIMBS.T, length_t @ _LIMBS.T
    cosine = (bone_p * bone_t).sum(axis=-1) / np.maximum(length_p * length_t, 1e-9)
    return {
        "lse": float((np.abs(left - right) / np.maximum(left + right, 1e-9)).mean()),
        "bsle": float((np.abs(length_p - length_t) / np.maximum(length_t, 1e-9)).mean()),
        "lle": float((np.abs(limb_p - limb_t) / np.maximum(limb_t, 1e-9)).mean()),
        "bone_angle_deg": float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean()),
        "depth_order": _depth_order(p[:, 1:, 2], t[:, 1:, 2]),
    }


def _depth_order(z: Floats, truth: Floats, gap_m: float = 0.02) -> float:
    """Share of joint pairs, more than `gap_m` apart in depth, whose order is right. z (N,J)."""
    right = ranked = 0.0
    for joint in range(z.shape[1] - 1):
        gap = truth[:, joint + 1 :] - truth[:, joint : joint + 1]
        clear = np.abs(gap) > gap_m
        right += float((clear & ((z[:, joint + 1 :] - z[:, joint : joint + 1]) * gap > 0)).sum())
        ranked += float(clear.sum())
    return right / max(ranked, 1.0)


def _lift(
    lifter: RayLifter, bank: WindowBank, rows: NDArray[np.int64], frames: int, device: torch.device
) -> tuple[Floats, Floats]:
    window = lifter.window
    made = bank.take(rows, window + frames - 1)
    slides = made.keypoints.unfold(1, window, 1).permute(0, 1, 4, 2, 3)  # (S,F,T,21,3)
    gravity = made.gravity[:, None].expand(-1, frames, -1)
    with torch.no_grad():
        joints = lifter(slides.flatten(0, 1).to(device), gravity.flatten(0, 1).to(device))
    truth = from_hips(made.joints_cam[:, window - 1 :])
    return joints.unflatten(0, (len(rows), frames)).cpu().double().numpy(), truth.double().numpy()


def _bones(joints: Floats) -> tuple[Floats, Floats]:
    """(N,S,3) vectors and (N,S) lengths of `_SEGMENTS`."""
    vector = joints[:, [b for _, b in _SEGMENTS]] - joints[:, [a for a, _ in _SEGMENTS]]
    return vector, np.linalg.norm(vector, axis=-1)


def _limb(side: str, *parts: str) -> list[float]:
    ends = [SEALCAP26.index(f"{side}_{part}") for part in parts]
    return [float(child in ends) for _, child in _SEGMENTS]


_FACE = ("nose", "eye", "ear")
_SEGMENTS = [(a, b) for a, b in SEALCAP26.edges if SEALCAP26.joints[b].rpartition("_")[2] not in _FACE]
_ENDS = [SEALCAP26.joints[b] for _, b in _SEGMENTS]
_LEFT = [i for i, name in enumerate(_ENDS) if name.startswith("left_")]
_RIGHT = [_ENDS.index(mirror_name(_ENDS[i])) for i in _LEFT]
_LIMBS = np.array(
    [_limb(side, *parts) for side in ("left", "right") for parts in (("elbow", "wrist"), ("knee", "ankle"))]
)
