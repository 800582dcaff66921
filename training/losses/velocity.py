"""Motion from one frame to the next."""

from __future__ import annotations

import torch
from torch import Tensor

from training.losses.answer import Answer


def velocity_error(answer: Answer) -> Tensor:
    """Mean |Δp − Δt| between the newest frame and the one before; 0 when the batch holds no pairs.

    It is the term against jitter. Its price is lag: large weights teach the network to average.
    """
    pairs = len(answer.predicted_before)
    if not pairs:
        return torch.zeros(())
    step = answer.predicted[:pairs] - answer.predicted_before
    truth = answer.target[:pairs] - answer.target_before
    return torch.mean(torch.linalg.vector_norm(step - truth, dim=-1))
