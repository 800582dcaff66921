"""Explicit structure: bones as long as they should be, and the same on both sides.

The control for learned losses: what SEAL is meant to find by itself, written down.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.losses.answer import Answer
from training.losses.bones import bone_lengths, side_lengths

SHORTEST_M = 0.01
"""Lengths below count as this in denominators."""


def bone_symmetry(answer: Answer) -> Tensor:
    """Mean |l_left − l_right| over mirrored bones of the prediction, metres. It needs no truth."""
    left, right = side_lengths(answer.predicted, answer.skeleton)
    return torch.mean(torch.abs(left - right))


def structure(answer: Answer, *, symmetry: float = 1.0) -> Tensor:
    """The "+Constraint" arm: the metrics BSLE and LSE themselves, as shares without a unit.

        mean |l̂ − l| / l  +  symmetry · mean |l̂_left − l̂_right| / (l̂_left + l̂_right)

    The first mean is over bones, against the truth, the second over mirrored bones of the prediction.
    """
    true_length = bone_lengths(answer.target, answer.skeleton)
    difference = torch.abs(bone_lengths(answer.predicted, answer.skeleton) - true_length)
    left, right = side_lengths(answer.predicted, answer.skeleton)
    uneven = torch.abs(left - right) / (left + right).clamp(min=2 * SHORTEST_M)
    return torch.mean(difference / true_length.clamp(min=SHORTEST_M)) + symmetry * torch.mean(uneven)
