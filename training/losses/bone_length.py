"""Lengths of the long bones and of the trunk's sides."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from lifting.skeleton import Skeleton
from training.losses.answer import Answer

SEGMENTS = [
    *((f"{s}_{a}", f"{s}_{b}") for s in ("left", "right") for a, b in (
        ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"), ("hip", "shoulder"),
    )),
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
]  # fmt: skip


@cache
def _ends(skeleton: Skeleton) -> tuple[list[int], list[int]]:
    return skeleton.indices(*(a for a, _ in SEGMENTS)), skeleton.indices(*(b for _, b in SEGMENTS))


def segment_lengths(joints: Tensor, skeleton: Skeleton) -> Tensor:
    """(F,J,3) -> (F,12) metres."""
    begin, end = _ends(skeleton)
    lengths: Tensor = torch.linalg.vector_norm(joints[:, begin] - joints[:, end], dim=-1)
    return lengths


def bone_length_error(answer: Answer) -> Tensor:
    """Mean absolute error of the lengths of `SEGMENTS`."""
    predicted = segment_lengths(answer.predicted, answer.skeleton)
    return torch.mean(torch.abs(predicted - segment_lengths(answer.target, answer.skeleton)))
