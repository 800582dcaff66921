"""Distance of joints from the truth once the size is right."""

from __future__ import annotations

import torch
from torch import Tensor

from training.losses.answer import Answer
from training.losses.bones import without_root

SMALLEST_M2 = 1e-8


def normalised(answer: Answer) -> Tensor:
    """N-MPJPE: mean |s p − t| with the least-squares scale s = Σ p·t / Σ p·p of each frame, metres.

    The gradient flows through s too, so a change of size alone costs nothing. MotionBERT and
    MotionAGFormer add half of it to `position`.

    Rhodin et al., "Unsupervised geometry-aware representation for 3D human pose estimation", ECCV 2018.
    """
    predicted = without_root(answer.predicted, answer.skeleton)
    target = without_root(answer.target, answer.skeleton)
    size = predicted.square().sum(dim=(1, 2), keepdim=True).clamp(min=SMALLEST_M2)
    scale = (predicted * target).sum(dim=(1, 2), keepdim=True) / size  # (F,1,1)
    return torch.mean(torch.linalg.vector_norm(scale * predicted - target, dim=-1))
