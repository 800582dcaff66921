"""What a finished cell is measured by, on held-out sequences of the window bank."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lifting.models.ray_lifter import RayLifter
from lifting.skeleton import SEALCAP26
from training import metrics, structure_metrics
from training.batches import from_hips
from training.window_bank import WindowBank

_AT_ONCE = 2
"""Sequences; few, as tokens that fit into a core's cache are lifted in half the time."""
Floats = NDArray[np.float64]


def measure(lifter: RayLifter, bank: WindowBank, frames: int, device: torch.device) -> dict[str, float]:
    """Errors of the newest answer to every window, in `frames` consecutive windows of each sequence.

    The windows end in the last frames of a sequence, the same for networks with short and long ones. What a
    network says of an earlier frame than its newest (causal: false) is compared with the truth of that frame.
    Keys as in `training.compare.tables.MEASURES`.
    """
    parts = [
        _lift(lifter, bank, np.arange(i, min(i + _AT_ONCE, len(bank))), frames, device)
        for i in range(0, len(bank), _AT_ONCE)
    ]
    predicted, truth = (np.concatenate([part[i] for part in parts]) for i in range(2))  # (S,F,26,3)
    return pose_errors(predicted, truth, bank.fps)


def pose_errors(predicted: Floats, truth: Floats, fps: float) -> dict[str, float]:
    """Errors of sequences (S,F,26,3), metres, camera axes, relative to mid-hip (not counted)."""
    p, t = (x.reshape(-1, *x.shape[2:]) for x in (predicted, truth))
    moving = list(zip(predicted[:, :, 1:], truth[:, :, 1:], strict=True))
    return {
        "mpjpe_m": metrics.mpjpe(p[:, 1:], t[:, 1:]),
        "p_mpjpe_m": metrics.p_mpjpe(p[:, 1:], t[:, 1:]),
        "mpjve_mps": float(np.mean([metrics.mpjve(a, b, fps) for a, b in moving])),
        "acceleration_mps2": float(np.mean([metrics.acceleration_error(a, b, fps) for a, b in moving])),
        "lse": structure_metrics.limb_symmetry_error(p, SEALCAP26),
        "bsle": structure_metrics.body_segment_length_error(p, t, SEALCAP26),
        "lle": structure_metrics.limb_length_error(p, t, SEALCAP26),
        "bone_angle_deg": structure_metrics.bone_direction_error_deg(p, t, SEALCAP26),
        "depth_order": metrics.depth_order_accuracy(p[:, 1:], t[:, 1:]),
    }


def _lift(
    lifter: RayLifter, bank: WindowBank, rows: NDArray[np.int64], frames: int, device: torch.device
) -> tuple[Floats, Floats]:
    window = lifter.window
    made = bank.take(rows, window + frames - 1)
    slides = made.keypoints.unfold(1, window, 1).permute(0, 1, 4, 2, 3)  # (S,F,T,21,3)
    gravity = made.gravity[:, None].expand(-1, frames, -1)
    with torch.no_grad():
        joints = lifter(slides.flatten(0, 1).to(device), gravity.flatten(0, 1).to(device))
    first = lifter.frames[-1]
    truth = from_hips(made.joints_cam[:, first : first + frames])
    return joints.unflatten(0, (len(rows), frames)).cpu().double().numpy(), truth.double().numpy()
