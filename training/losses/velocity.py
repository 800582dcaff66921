"""Motion from one frame to the next."""

from __future__ import annotations

import torch
from torch import Tensor

from training.losses.answer import Answer


def velocity_error(answer: Answer) -> Tensor:
    """Mean |Δp − Δt| between consecutive frames of the clips; 0 when there are none.

    It is the term against jitter. Its price is lag: large weights teach the network to average.
    """
    if not len(answer.clips) or answer.clips.shape[1] < 2:
        return answer.predicted.new_zeros(())
    steps = [joints[answer.clips].diff(dim=1) for joints in (answer.predicted, answer.target)]  # (M,N-1,J,3)
    return torch.mean(torch.linalg.vector_norm(steps[0] - steps[1], dim=-1))
