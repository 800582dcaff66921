"""What a trained loss-net thinks of poses: of the truth, of the lifter's answers and of known mistakes.

SEAL-pose's loss-net (arXiv 2602.20051) is kept in the checkpoint and costs nothing at run time; here it is
asked once more. A loss-net that learned structure ranks the truth before every kind of mistake; one that only
learned the size of errors follows the distance to the truth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lifting.errors import ConfigError
from training.batches import BatchMaker
from training.checkpoint import Checkpoint
from training.corpus import Corpus
from training.losses.answer import Answer
from training.losses.negatives import NEGATIVES
from training.losses.seal import Seal
from training.trainer import Trainer

BATCHES = 8


@dataclass(frozen=True)
class PlausibilityRow:
    """One kind of pose."""

    pose: str
    """truth, prediction, or a name in training.losses.negatives.NEGATIVES."""
    energy: float
    """Mean; lower = more plausible. Only differences mean anything."""
    after_truth: float | None
    """Share of frames in which it is less plausible than the truth, 0..1; 0.5 is chance."""
    error_m: float
    """Mean distance of its joints from the truth."""
    rank_correlation: float | None
    """Spearman's, of energy and distance from the truth over frames."""


def score_plausibility(trained: Checkpoint, corpus: Corpus, seed: int = 7) -> list[PlausibilityRow]:
    """Energies on synthetic observations of `corpus`, the same for the same seed.

    Raises ConfigError when the checkpoint holds no loss-net.
    """
    trainer = Trainer(trained.config)
    trainer.restore(trained)
    trainer.lifter.load_state_dict(trained.averaged())
    trainer.lifter.eval()
    seal = trainer.judges.get("seal")
    if not isinstance(seal, Seal):
        raise ConfigError(
            f"The checkpoint of {trained.config.name} holds no loss-net. Train with a `seal:` section, as in "
            f"configs/seal.yaml, or leave out --energy."
        )
    maker, energies = BatchMaker(corpus, trained.config), dict[str, list[Tensor]]()
    errors: dict[str, list[Tensor]] = {}
    for step in range(BATCHES):
        with torch.no_grad():
            answer = trainer.answer(maker(-1 - seed * BATCHES - step).to(trainer.device))
        for name, pose in _poses(answer, seed + step).items():
            energies.setdefault(name, []).append(seal.energy(replace(answer, predicted=pose)))
            errors.setdefault(name, []).append((pose - answer.target).norm(dim=-1).mean(dim=1))
    joined = {name: torch.cat(parts).cpu() for name, parts in energies.items()}
    distance = {name: torch.cat(parts).cpu() for name, parts in errors.items()}
    return [_row(name, energy, joined["truth"], distance[name]) for name, energy in joined.items()]


def spearman(a: Tensor, b: Tensor) -> float:
    """Rank correlation of two (N,) tensors without ties."""
    ranks = torch.stack([x.argsort().argsort().double() for x in (a, b)])
    return float(torch.corrcoef(ranks)[0, 1])


def _poses(answer: Answer, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator(answer.target.device).manual_seed(seed)
    negatives = {name: make(answer, generator).pose for name, make in NEGATIVES.items()}
    return {"truth": answer.target, **negatives}


def _row(name: str, energy: Tensor, truth: Tensor, distance: Tensor) -> PlausibilityRow:
    if name == "truth":
        return PlausibilityRow(name, float(energy.mean()), None, 0.0, None)
    return PlausibilityRow(
        pose=name,
        energy=float(energy.mean()),
        after_truth=float((energy > truth).float().mean()),
        error_m=float(distance.mean()),
        rank_correlation=spearman(energy, distance),
    )
