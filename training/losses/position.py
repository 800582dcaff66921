"""Plain distances from the truth, as published backbones are trained. The root, the origin, is left out."""

from __future__ import annotations

import torch
from torch import Tensor

from training.losses.answer import Answer
from training.losses.bones import without_root


def position(answer: Answer) -> Tensor:
    """MPJPE: mean |p − t| over frames and joints, metres."""
    difference = without_root(answer.predicted - answer.target, answer.skeleton)
    return torch.mean(torch.linalg.vector_norm(difference, dim=-1))


def squared(answer: Answer) -> Tensor:
    """MSE: mean (p − t)² over frames, joints and the three coordinates, square metres."""
    return torch.mean(torch.square(without_root(answer.predicted - answer.target, answer.skeleton)))
