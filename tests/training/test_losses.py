"""Losses: zero for the truth, known values for known errors, gradients where they belong."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lifting.skeleton import SEALCAP26
from training.losses import LOSSES, loss_term
from training.losses.answer import Answer
from training.losses.joint import joint_weights

HIPS = SEALCAP26.indices("left_hip", "right_hip")


def answer(predicted: torch.Tensor, target: torch.Tensor, seen: float = 1.0) -> Answer:
    """Successive frames of one person, everything seen."""
    count = len(target)
    return Answer(
        skeleton=SEALCAP26,
        predicted=predicted,
        target=target,
        seen=torch.full(target.shape[:2], seen),
        observed=torch.cat([target[..., :2], torch.ones_like(target[..., :1])], dim=-1),
        R_crop_from_cam=torch.eye(3).expand(count, 3, 3),
        clips=torch.arange(count)[None],
    )


def poses(count: int = 6) -> torch.Tensor:
    """Random poses around mid-hip."""
    joints = torch.randn(count, len(SEALCAP26), 3, generator=torch.Generator().manual_seed(count))
    joints -= joints[:, HIPS].mean(dim=1, keepdim=True)
    joints[:, 0] = 0
    return joints


@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"bone_symmetry", "structure"}))
def test_truth_costs_nothing(name: str) -> None:
    """Every loss is 0 at the truth and positive beside it; symmetry asks for more than the truth."""
    truth = poses()
    assert LOSSES[name](answer(truth, truth)).item() == pytest.approx(0, abs=1e-7)
    wrong = truth + 0.1 * poses().flip(0)
    assert LOSSES[name](answer(wrong, truth)).item() > 0.0001


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_reaches_the_prediction(name: str) -> None:
    """Every loss moves the prediction and nothing else."""
    predicted = (-1.1 * poses()).requires_grad_()
    LOSSES[name](answer(predicted, poses())).backward()
    assert predicted.grad is not None
    assert predicted.grad.abs().sum() > 0


def test_joint_error_is_a_weighted_distance() -> None:
    """10 cm at one joint costs its weight times 10 cm, shared by 26 joints; unseen joints half of it."""
    truth, knee = poses(1), SEALCAP26.index("left_knee")
    wrong = truth.clone()
    wrong[0, knee, 1] += 0.1
    expected = joint_weights(SEALCAP26)[knee] * 0.1 / len(SEALCAP26)
    assert LOSSES["joint"](answer(wrong, truth)).item() == pytest.approx(expected.item(), rel=1e-5)
    unseen = answer(wrong, truth, seen=0.0)
    assert LOSSES["joint"](unseen).item() == pytest.approx(0.5 * expected.item(), rel=1e-5)


def test_bone_length_ignores_rotation_and_measures_scale() -> None:
    """Turning a pose costs nothing; enlarging it by 10 % costs 10 % of the mean length."""
    truth = poses(4)
    turn = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    assert LOSSES["bone_length"](answer(truth @ turn, truth)).item() == pytest.approx(0, abs=1e-6)
    bigger = LOSSES["bone_length"](answer(1.1 * truth, truth)).item()
    assert bigger == pytest.approx(LOSSES["bone_length"](answer(0 * truth, truth)).item() * 0.1, rel=1e-4)


def test_velocity_ignores_constant_errors() -> None:
    """An error that is the same in every frame costs nothing; without clips there is nothing to say."""
    truth = poses(5)
    assert LOSSES["velocity"](answer(truth + 0.2, truth)).item() == pytest.approx(0, abs=1e-6)
    alone = replace(answer(truth + poses(5), truth), clips=torch.zeros(0, 2, dtype=torch.int64))
    assert LOSSES["velocity"](alone).item() == 0


def test_velocity_is_the_error_of_steps() -> None:
    """A joint that moves 3 cm too far in one step of two costs 3 cm shared by steps and joints."""
    truth = poses(1).repeat(3, 1, 1)
    wrong = truth.clone()
    wrong[2, 8, 1] += 0.03
    expected = 0.03 / (2 * len(SEALCAP26))
    assert LOSSES["velocity"](answer(wrong, truth)).item() == pytest.approx(expected, rel=1e-4)


def test_losses_take_options_and_refuse_others() -> None:
    """A number is a weight; a table may hold options of the loss; anything else is named with what exists."""
    assert loss_term("joint", 2.0).weight == 2.0
    assert loss_term("joint", {"weight": 0.5}).weight == 0.5
    with pytest.raises(ValueError, match=r"no option tie.*weight"):
        loss_term("joint", {"weight": 1.0, "tie": 3.0})
    with pytest.raises(ValueError, match=r"no loss is called jont; there are joint"):
        loss_term("jont", 1.0)
