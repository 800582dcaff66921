"""What a loss-net learns: energies of the truth below those of negatives. F frames, J joints.

Sources: SEAL (Lee et al., NeurIPS 2022), where the margin is that of structured SVMs, the ranking that of
noise contrastive estimation and the regression that of deep value networks; SEAL-pose (arXiv 2602.20051).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from training.losses.negatives import Negative


def margin(truth_energy: Tensor, negative_energy: Tensor, distance: Tensor, rho: float = 1.0) -> Tensor:
    """mean max(0, ρ Δ − E⁻ + E⁺); energies and Δ (F,), or Δ a scalar.

    With ρ < 0 the hinge is off: mean E⁺ − E⁻, and nothing bounds the energies but weight decay and clipping.
    """
    rise = negative_energy - truth_energy
    return torch.mean(functional.relu(rho * distance - rise) if rho >= 0 else -rise)


def nce(
    truth_energy: Tensor, negative_energies: Tensor, tau: float = 1.0, weights: Tensor | None = None
) -> Tensor:
    """mean −log( e^(−E⁺/τ) / (e^(−E⁺/τ) + Σ_k w_k e^(−E⁻_k/τ)) ).

    truth_energy (F,), negative_energies (K,F), weights (K,), 1 unless given. For one negative this is
    softplus((E⁺ − E⁻)/τ), SEAL-pose's two-way ranking.
    """
    logits = (truth_energy - negative_energies) / tau  # (K,F)
    if weights is not None:
        logits = logits + weights.log()[:, None]
    return torch.mean(functional.softplus(torch.logsumexp(logits, dim=0)))


def regression(energy: Tensor, distance: Tensor, scale_m: float = 0.05) -> Tensor:
    """mean binary cross-entropy of σ(−E) against the quality q = exp(−Δ/scale), both (F,).

    Deep value networks regress an oracle's verdict in [0, 1]; for labels that is F1, for poses there is none.
    This choice is 1 at the truth only, falls with the error and never reaches 0, and has E ≈ Δ/scale far from
    the truth: the energy becomes an error in units of the scale. At the default, a typical lifter's answer
    gets q = 0.37, in the middle where cross-entropy discriminates best.
    """
    quality = torch.exp(-distance / scale_m)
    return functional.binary_cross_entropy_with_logits(-energy, quality)


def _mpjpe(difference: Tensor) -> Tensor:
    lengths: Tensor = torch.linalg.vector_norm(difference, dim=-1)
    return lengths


def _mse(difference: Tensor) -> Tensor:
    return difference.square().mean(dim=-1)


def _l1(difference: Tensor) -> Tensor:
    return difference.abs().mean(dim=-1)


_PER_JOINT: dict[str, Callable[[Tensor], Tensor]] = {"mpjpe": _mpjpe, "mse": _mse, "l1": _l1}


def distances(negative: Negative, truth: Tensor, kind: str = "mpjpe") -> Tensor:
    """Δ of each frame (F,): mean over the moved joints of |difference| (mpjpe, m), or of the mean over
    coordinates of its square (mse, m²) or absolute value (l1, m)."""
    per_joint = _PER_JOINT[kind](negative.pose - truth)  # (F,J)
    return (per_joint * negative.moved).sum(dim=1) / negative.moved.sum(dim=1).clamp(min=1)
