"""RePOSE: which joint is nearer to the camera, and when.

The depth of a joint that nobody sees is an ambiguous target; whether it is in front of another is a
steadier one. Wherever the truth ranks two depths, the prediction must rank them alike: a zero-margin hinge.

    L_s = 1/(F·K·K)   Σ_f Σ_ij  1[z*_fi < z*_fj] · max(0, z_fi − z_fj)      K joints of one frame
    L_t = 1/(M·K·N·N) Σ_mk Σ_ab 1[z*_ak < z*_bk] · max(0, z_ak − z_bk)      N frames of one joint

z is the camera depth of the prediction, z* of the truth, in metres. The means are over the whole table, zeros
included, as in the authors' code. A ranking is blind to shift and to any strictly increasing map, and a
constant depth costs nothing: it needs a loss on positions beside it. Published weights are unknown; 1 and 1
in metres is a safe start.

Two options are not in the paper and off by default: `tie_m` leaves pairs unranked that differ by no more
(labels are only good to a few millimetres), `seen_only` leaves out pairs with a joint that the detector did
not see. Depths here are relative to each frame's root, where the authors take them relative to the root of
the clip's first frame: L_s is the same, L_t ranks the articulation but not the walk towards the camera.

RePOSE: Sun et al., "3D Human Pose Estimation via Spatio-Temporal Depth Relational Consistency", ECCV 2024.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.losses.answer import Answer


def depth_order_space(answer: Answer, *, tie_m: float = 0.0, seen_only: bool = False) -> Tensor:
    """L_s over every answered frame, metres."""
    return _misranked(
        answer.predicted[..., 2], answer.target[..., 2], answer.seen if seen_only else None, tie_m
    )


def depth_order_time(answer: Answer, *, tie_m: float = 0.0, seen_only: bool = False) -> Tensor:
    """L_t over `answer.clips`, metres; 0 when there are none."""
    if not answer.clips.numel():
        return answer.predicted.new_zeros(())
    by_joint = [
        table[answer.clips].transpose(1, 2)  # (M,K,N)
        for table in (answer.predicted[..., 2], answer.target[..., 2], answer.seen)
    ]
    return _misranked(by_joint[0], by_joint[1], by_joint[2] if seen_only else None, tie_m)


def _misranked(depth: Tensor, true_depth: Tensor, seen: Tensor | None, tie_m: float) -> Tensor:
    """(…,K) depths -> mean over the (…,K,K) table of how far a ranked pair is the wrong way round."""
    if tie_m < 0:
        raise ValueError(f"tie_m must be 0 or more metres, got {tie_m}")
    ranked = true_depth[..., :, None] + tie_m < true_depth[..., None, :]  # (…,K,K) i before j
    if seen is not None:
        ranked = ranked & (seen[..., :, None] > 0) & (seen[..., None, :] > 0)
    wrong_by = torch.relu(depth[..., :, None] - depth[..., None, :])
    return torch.mean(wrong_by * ranked)
