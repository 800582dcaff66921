"""Lengths of the long bones and of the trunk's sides."""

from __future__ import annotations

import torch
from torch import Tensor

from lifting.skeleton import SEALCAP26
from training.losses.answer import Answer

SEGMENTS = [
    *((f"{s}_{a}", f"{s}_{b}") for s in ("left", "right") for a, b in (
        ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"), ("hip", "shoulder"),
    )),
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
]  # fmt: skip
_A = SEALCAP26.indices(*(a for a, _ in SEGMENTS))
_B = SEALCAP26.indices(*(b for _, b in SEGMENTS))


def segment_lengths(joints: Tensor) -> Tensor:
    """(B,26,3) -> (B,12) metres."""
    lengths: Tensor = torch.linalg.vector_norm(joints[:, _A] - joints[:, _B], dim=-1)
    return lengths


def bone_length_error(answer: Answer) -> Tensor:
    """Mean absolute error of the lengths of `SEGMENTS`."""
    return torch.mean(torch.abs(segment_lengths(answer.predicted) - segment_lengths(answer.target)))
