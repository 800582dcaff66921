"""Losses: zero for the truth, known values for known errors, gradients where they belong."""

from __future__ import annotations

import pytest
import torch

from lifting.skeleton import SEALCAP26
from training.losses import LOSSES
from training.losses.answer import Answer
from training.losses.joint import joint_weights

HIPS = SEALCAP26.indices("left_hip", "right_hip")


def answer(predicted: torch.Tensor, target: torch.Tensor, before: torch.Tensor | None = None) -> Answer:
    """An answer in which everything is seen; `before` is both the earlier prediction and truth."""
    pairs = before if before is not None else predicted[:0]
    return Answer(predicted, target, torch.ones(target.shape[:2]), pairs, pairs)


def poses(count: int = 6) -> torch.Tensor:
    """Random poses around mid-hip."""
    joints = torch.randn(count, len(SEALCAP26), 3, generator=torch.Generator().manual_seed(count))
    joints -= joints[:, HIPS].mean(dim=1, keepdim=True)
    joints[:, 0] = 0
    return joints


@pytest.mark.parametrize("name", LOSSES)
def test_truth_costs_nothing(name: str) -> None:
    """Every loss is 0 at the truth and positive beside it."""
    truth = poses()
    assert LOSSES[name](answer(truth, truth, truth)).item() == pytest.approx(0, abs=1e-7)
    wrong = truth + 0.1 * poses().flip(0)
    assert LOSSES[name](answer(wrong, truth, truth)).item() > 0.01


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_reaches_the_prediction(name: str) -> None:
    """Every loss moves the prediction and nothing else."""
    predicted = (1.1 * poses()).requires_grad_()
    LOSSES[name](answer(predicted, poses(), poses())).backward()
    assert predicted.grad is not None
    assert predicted.grad.abs().sum() > 0


def test_joint_error_is_a_weighted_distance() -> None:
    """10 cm at one joint costs its weight times 10 cm, shared by 26 joints; unseen joints half of it."""
    truth, knee = poses(1), SEALCAP26.index("left_knee")
    wrong = truth.clone()
    wrong[0, knee, 1] += 0.1
    expected = joint_weights()[knee] * 0.1 / len(SEALCAP26)
    assert LOSSES["joint"](answer(wrong, truth)).item() == pytest.approx(expected.item(), rel=1e-5)
    unseen = Answer(wrong, truth, torch.zeros(1, len(SEALCAP26)), truth[:0], truth[:0])
    assert LOSSES["joint"](unseen).item() == pytest.approx(0.5 * expected.item(), rel=1e-5)


def test_bone_length_ignores_rotation_and_measures_scale() -> None:
    """Turning a pose costs nothing; enlarging it by 10 % costs 10 % of the mean length."""
    truth = poses(4)
    turn = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    assert LOSSES["bone_length"](answer(truth @ turn, truth)).item() == pytest.approx(0, abs=1e-6)
    bigger = LOSSES["bone_length"](answer(1.1 * truth, truth)).item()
    assert bigger == pytest.approx(LOSSES["bone_length"](answer(0 * truth, truth)).item() * 0.1, rel=1e-4)


def test_velocity_ignores_constant_errors() -> None:
    """An error that is the same in both frames costs nothing; without pairs there is nothing to say."""
    truth, before = poses(5), poses(3)
    shifted = Answer(truth + 0.2, truth, torch.ones(5, 26), before + 0.2, before)
    assert LOSSES["velocity"](shifted).item() == pytest.approx(0, abs=1e-6)
    assert LOSSES["velocity"](answer(truth + 1, truth)).item() == 0
