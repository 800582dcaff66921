"""Energies that change no faster than the motion: SEAL-pose's pairwise temporal term.

Source: the ICLR 2026 version of SEAL-pose (openreview pdEUDwGn7h), author code.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def temporal_pair(
    energy: Tensor,
    truth: Tensor,
    clips: Tensor,
    *,
    window: int,
    kappa: float,
    generator: torch.Generator,
) -> Tensor:
    """mean max(0, |Ē_t − Ē_s| − κ MPJPE(x̄_t, x̄_s)) over clips, a Lipschitz condition in time.

    energy (F,) of the lifter's answers, truth (F,J,3) metres, clips (M,N) rows in time order. For each clip
    two distinct starts t ≠ s of windows of `window` frames are drawn; Ē and x̄ are means over a window. Clips
    too short for two windows use N − 1 frames; without clips the term is 0.
    """
    count, frames = clips.shape
    if not count or frames < 2:
        return energy.new_zeros(())
    window = min(window, frames - 1)
    t, s = _two_starts(count, frames - window + 1, generator, clips.device)
    mean_energy = energy[clips].unfold(1, window, 1).mean(dim=-1)  # (M,N-w+1)
    mean_pose = truth[clips].unfold(1, window, 1).mean(dim=-1)  # (M,N-w+1,J,3)
    rows = torch.arange(count, device=clips.device)
    moved = torch.linalg.vector_norm(mean_pose[rows, t] - mean_pose[rows, s], dim=-1).mean(dim=-1)
    change = (mean_energy[rows, t] - mean_energy[rows, s]).abs()
    return torch.mean(functional.relu(change - kappa * moved))


def _two_starts(
    count: int, starts: int, generator: torch.Generator, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Two different numbers below `starts` for each of `count` clips."""
    t = torch.randint(starts, (count,), generator=generator, device=device)
    step = torch.randint(1, starts, (count,), generator=generator, device=device)
    return t, (t + step) % starts
