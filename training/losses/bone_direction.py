"""Directions of bones, whatever their lengths: the plainest control for learned structure losses."""

from __future__ import annotations

import torch
from torch import Tensor

from training.losses.answer import Answer
from training.losses.bones import bone_vectors

SHORTEST_M = 1e-4


def bone_direction(answer: Answer) -> Tensor:
    """Mean |û − u| between the unit vectors along the predicted and the true bones, no unit.

    The chord is 2 sin(θ/2), for small errors the angle θ in radians: like a joint's distance, it pulls as
    hard near the truth as far from it, which 1 − cos θ = |û − u|²/2 does not.
    """
    predicted, true = (
        _unit(bone_vectors(joints, answer.skeleton)) for joints in (answer.predicted, answer.target)
    )
    return torch.mean(torch.linalg.vector_norm(predicted - true, dim=-1))


def _unit(vectors: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return vectors / length.clamp(min=SHORTEST_M)
