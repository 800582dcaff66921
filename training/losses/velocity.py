"""Motion from one frame to the next."""

from __future__ import annotations

from torch import Tensor

from training.losses.answer import Answer


def velocity_error(answer: Answer) -> Tensor:
    """Mean |Δp − Δt| between the newest frame and the one before; 0 when the batch holds no pairs.

    It is the term against jitter. Its price is lag: large weights teach the network to average.
    """
    pairs = len(answer.predicted_before)
    if not pairs:
        return answer.predicted.sum() * 0.0
    step = answer.predicted[:pairs] - answer.predicted_before
    truth = answer.target[:pairs] - answer.target_before
    return (step - truth).norm(dim=-1).mean()
