"""What a loss-net learns, at known energies."""

from __future__ import annotations

import math

import pytest
import torch

from training.losses.negatives import Negative
from training.losses.objectives import distances, margin, nce, regression
from training.losses.temporal_pair import temporal_pair


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    """Standard normal numbers."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_margin_rests_when_satisfied() -> None:
    """0, with no gradient, where E⁻ − E⁺ ≥ ρΔ; the missing part otherwise."""
    truth, delta = random(8).requires_grad_(), random(8, seed=1).abs()
    loss = margin(truth, truth.detach() + delta + 1e-6, delta)
    loss.backward()
    assert loss.item() == 0
    assert truth.grad is not None
    assert not truth.grad.any()
    missing = margin(truth, truth.detach() + 0.25 * delta, delta).item()
    assert missing == pytest.approx(0.75 * delta.mean().item(), rel=1e-5)
    assert margin(truth, truth.detach(), delta, 2.0).item() == pytest.approx(2 * delta.mean().item())


def test_negative_rho_switches_the_hinge_off() -> None:
    """Then it is mean E⁺ − E⁻, however large the difference."""
    truth, other = random(8), random(8, seed=1) + 100
    expected = (truth - other).mean().item()
    assert margin(truth, other, torch.ones(8), -1.0).item() == pytest.approx(expected)


@pytest.mark.parametrize("tau", [0.1, 1.0, 3.0])
def test_nce_with_one_negative_is_softplus(tau: float) -> None:
    """softplus((E⁺ − E⁻)/τ), and ln 2 where both are equal."""
    truth, other = 5 * random(16), 5 * random(16, seed=1)
    expected = torch.nn.functional.softplus((truth - other) / tau).mean()
    torch.testing.assert_close(nce(truth, other[None], tau), expected)
    assert nce(truth, truth[None], tau).item() == pytest.approx(math.log(2))


def test_nce_with_many_negatives_is_cross_entropy() -> None:
    """The truth is class 0 of K + 1; a weight of 2 counts as the same negative twice."""
    truth, others = random(16), random(3, 16, seed=1)
    logits = -torch.cat([truth[None], others]).T / 0.5
    expected = torch.nn.functional.cross_entropy(logits, torch.zeros(16, dtype=torch.int64))
    torch.testing.assert_close(nce(truth, others, 0.5), expected)
    twice = nce(truth, torch.cat([others, others[1:2]]))
    torch.testing.assert_close(nce(truth, others, weights=torch.tensor([1.0, 2.0, 1.0])), twice)


def test_nce_survives_absurd_energies() -> None:
    """No overflow far from equality."""
    assert nce(torch.tensor([1e6]), torch.tensor([[-1e6]])).item() == pytest.approx(2e6)


def test_regression_is_best_where_energy_says_the_quality() -> None:
    """Its gradient vanishes at σ(−E) = exp(−Δ/scale); far away, E ≈ Δ/scale."""
    delta = torch.tensor([0.01, 0.05, 0.5])
    quality = torch.exp(-delta / 0.05)
    energy = -torch.logit(quality)
    energy.requires_grad_()
    regression(energy, delta, 0.05).backward()
    torch.testing.assert_close(energy.grad, torch.zeros(3), atol=1e-7, rtol=0)
    assert energy[2].item() == pytest.approx(0.5 / 0.05, rel=1e-4)


def test_distances_average_over_moved_joints() -> None:
    """One joint off by (3, 0, 4) cm: mean over one or two moved joints, in each unit."""
    truth = torch.zeros(2, 4, 3)
    pose = truth.clone()
    pose[:, 2] = torch.tensor([0.03, 0, 0.04])
    moved = torch.tensor([[0.0, 0, 1, 0], [0, 0, 1, 1]])
    negative = Negative(pose, moved)
    torch.testing.assert_close(distances(negative, truth), torch.tensor([0.05, 0.025]))
    torch.testing.assert_close(distances(negative, truth, "l1"), torch.tensor([0.07, 0.035]) / 3)
    torch.testing.assert_close(distances(negative, truth, "mse"), torch.tensor([0.0025, 0.00125]) / 3)


def pair(
    energy: torch.Tensor,
    truth: torch.Tensor,
    clips: torch.Tensor,
    seed: int = 0,
    window: int = 2,
    kappa: float = 1.0,
) -> float:
    """The temporal pair term."""
    generator = torch.Generator().manual_seed(seed)
    return temporal_pair(energy, truth, clips, window=window, kappa=kappa, generator=generator).item()


def test_pair_term_by_hand() -> None:
    """Three frames make two windows of two: |Ē₀ − Ē₁| − κ times the mean distance of the mean poses."""
    energy = torch.tensor([9.0, 0.0, 1.0, 4.0])
    truth = torch.zeros(4, 5, 3)
    truth[:, :, 1] = torch.tensor([7.0, 0.0, 0.5, 1.0])[:, None]
    clips = torch.tensor([[1, 2, 3]])
    change, moved = 2.5 - 0.5, 0.75 - 0.25
    for seed in range(3):
        assert pair(energy, truth, clips, seed) == pytest.approx(change - moved)
    assert pair(energy, truth, clips, kappa=4.0) == 0


def test_pair_term_is_zero_where_it_has_nothing_to_say() -> None:
    """For one energy everywhere, for energies that move no faster than the pose, and without clips."""
    truth, clips = random(12, 5, 3), torch.arange(12).view(2, 6)
    assert pair(torch.full((12,), 3.0), truth, clips) == 0
    assert pair(random(12), truth, torch.zeros(0, 1, dtype=torch.int64)) == 0
    along = torch.arange(12.0)[:, None, None] * torch.tensor([0.0, 0, 1]).expand(12, 5, 3)
    assert pair(torch.arange(12.0), along, clips) == pytest.approx(0, abs=1e-6)


def test_pair_term_uses_shorter_windows_in_short_clips() -> None:
    """Two frames are two windows of one."""
    energy, truth = torch.tensor([0.0, 3.0]), torch.zeros(2, 5, 3)
    assert pair(energy, truth, torch.tensor([[0, 1]]), window=7) == pytest.approx(3)
