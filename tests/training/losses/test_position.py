"""Plain position losses against their definitions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from lifting.skeleton import H36M17, SEALCAP26, Skeleton
from training import metrics
from training.losses.answer import Answer
from training.losses.normalised import normalised
from training.losses.position import position, squared

MakeAnswer = Callable[..., Answer]
both = pytest.mark.parametrize("skeleton", [SEALCAP26, H36M17], ids=lambda s: s.name)


def rooted(skeleton: Skeleton, seed: int) -> torch.Tensor:
    """Random poses whose root is the origin."""
    joints = torch.randn(
        5, len(skeleton), 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    joints[:, 0] = 0
    return joints


@both
def test_position_and_squared_equal_the_metrics(make_answer: MakeAnswer, skeleton: Skeleton) -> None:
    """MPJPE and MSE of all joints but the root."""
    p, t = rooted(skeleton, 1), rooted(skeleton, 2)
    answer = make_answer(p, t, skeleton)
    assert position(answer).item() == pytest.approx(metrics.mpjpe(p[:, 1:], t[:, 1:]))
    assert squared(answer).item() == pytest.approx(np.mean((p - t)[:, 1:].numpy() ** 2))


@both
def test_normalised_equals_the_metric(make_answer: MakeAnswer, skeleton: Skeleton) -> None:
    """N-MPJPE, which a scaled copy of the truth makes 0 and a collapsed figure leaves finite."""
    p, t = rooted(skeleton, 3), rooted(skeleton, 4)
    loss = normalised(make_answer(p, t, skeleton))
    assert loss.item() == pytest.approx(metrics.n_mpjpe(p[:, 1:], t[:, 1:]))
    assert normalised(make_answer(0.4 * t, t, skeleton)).item() == pytest.approx(0, abs=1e-12)
    point = torch.zeros_like(p).requires_grad_()
    normalised(make_answer(point, t, skeleton)).backward()
    assert point.grad is not None
    assert torch.isfinite(point.grad).all()


def test_root_may_stand_anywhere_in_the_list(make_answer: MakeAnswer) -> None:
    """The root is found by the tree, not by being first: MPI-INF-3DHP lists it fifteenth."""
    last = Skeleton("root_last", ("left_hip", "right_hip", "pelvis"), (2, 2, -1))
    target = torch.zeros(1, 3, 3)
    predicted = target.clone()
    predicted[0, 2] = 5.0
    assert position(make_answer(predicted, target, last)).item() == 0
