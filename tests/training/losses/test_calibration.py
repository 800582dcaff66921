"""The weight of a judge: given, or kept at a share of the supervised gradient."""

from __future__ import annotations

import math

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from training.losses import calibration as calibration_module
from training.losses.calibration import Calibration, WeightConfig


def losses(scale: float) -> tuple[Tensor, Tensor, Tensor]:
    """An energy whose gradient has norm `scale`, a supervised loss with norm 2, and what both depend on."""
    predicted = torch.zeros(4, 2, 3, requires_grad=True) * 1
    direction = torch.zeros(4, 2, 3)
    direction[0, 0, 0] = 1
    return (scale * direction * predicted).sum(), (2 * direction.flip(0) * predicted).sum(), predicted


def test_given_weight_is_kept_and_its_ratio_reported() -> None:
    """α = 0.1 with gradients 6 and 2 is a ratio of 0.3."""
    calibration = Calibration(WeightConfig(weight=0.1))
    weighted = calibration.weigh(*losses(6))
    predicted_gradient = torch.autograd.grad(calibration.weigh(*(case := losses(6))), case[2])[0]
    assert weighted.item() == 0
    assert predicted_gradient.norm().item() == pytest.approx(0.6)
    assert calibration.log == {"weight": 0.1, "gradient_ratio": pytest.approx(0.3)}


def test_weight_follows_the_target_ratio() -> None:
    """The first measurement is met exactly, later ones in the mean over ten of them."""
    calibration = Calibration(WeightConfig(gradient_ratio=0.05, calibrate_every=1))
    calibration.weigh(*losses(10))
    assert calibration.log == {"weight": pytest.approx(0.01), "gradient_ratio": pytest.approx(0.05)}
    calibration.weigh(*losses(1000))
    assert calibration.log["weight"] == pytest.approx(math.sqrt(0.01 * 0.0001))
    for _ in range(100):
        calibration.weigh(*losses(1000))
    assert calibration.log["gradient_ratio"] == pytest.approx(0.05, rel=0.01)


def test_processes_that_train_together_agree_on_the_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    """It follows from the mean of their gradients, as only the first process's weight is kept."""

    def with_another(norms: Tensor) -> None:
        norms += torch.tensor([40.0, 2.0])
        norms /= 2

    monkeypatch.setattr(calibration_module, "average_over_processes", with_another)
    calibration = Calibration(WeightConfig(gradient_ratio=0.05))
    calibration.weigh(*losses(10))
    assert calibration.log["weight"] == pytest.approx(0.05 / ((10 + 40) / (2 + 2)))


def test_measured_again_every_so_often() -> None:
    """In between, the weight stays and the ratio is that of the last measurement."""
    calibration = Calibration(WeightConfig(gradient_ratio=0.1, calibrate_every=3))
    weights = []
    for scale in (1.0, 2.0, 2.0, 2.0):
        calibration.weigh(*losses(scale))
        weights.append(calibration.log["weight"])
    assert weights[0] == weights[1] == weights[2]
    assert weights[3] == pytest.approx(weights[0] / math.sqrt(2))


def test_ramp_rises_from_zero() -> None:
    """Linear over `ramp` steps, then flat."""
    calibration = Calibration(WeightConfig(weight=2.0, ramp=4))
    weights = []
    for _ in range(6):
        calibration.weigh(*losses(1))
        weights.append(calibration.log["weight"])
    assert weights == [0, 0.5, 1.0, 1.5, 2.0, 2.0]


def test_without_gradients_nothing_is_learned() -> None:
    """A supervised loss that is already 0 has no ratio; the weight waits for a batch that has one."""
    calibration = Calibration(WeightConfig(gradient_ratio=0.1, calibrate_every=1))
    energy, supervised, predicted = losses(1)
    assert calibration.weigh(energy, 0 * supervised, predicted).item() == 0
    assert calibration.log == {"weight": 0.0}
    calibration.weigh(*losses(1))
    assert calibration.log["weight"] == pytest.approx(0.2)


def test_state_is_restored_to_the_last_bit() -> None:
    """A continued calibration gives the very weights of an uninterrupted one."""
    config = WeightConfig(gradient_ratio=0.07, calibrate_every=2)
    one, other = Calibration(config), Calibration(config)
    for step in range(5):
        one.weigh(*losses(1 + step / 3))
    other.restore(one.tensors())
    for step in range(5):
        one.weigh(*losses(3 + step))
        other.weigh(*losses(3 + step))
        assert one.log == other.log


@pytest.mark.parametrize("settings", [{}, {"weight": 1.0, "gradient_ratio": 0.1}])
def test_one_way_of_weighing(settings: dict[str, float]) -> None:
    """Neither or both of weight and gradient_ratio is an error that shows what to write."""
    with pytest.raises(
        ValidationError, match="either weight or gradient_ratio, for example gradient_ratio: 0"
    ):
        WeightConfig(**settings)
