"""The loss-net of a checkpoint can be asked later, and answers by rank."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lifting.errors import ConfigError
from training.batches import BatchMaker
from training.checkpoint import load_checkpoint, save_checkpoint
from training.config import parse_config
from training.corpus import load_corpus
from training.plausibility import score_plausibility, spearman
from training.trainer import Trainer

SEAL = {
    "options": {"width": 64, "depth": 2, "heads": 2},
    "weight": 1e-6,
    "learning_rate": 0.002,
    "negatives": {"prediction": 1.0, "one_sided_length": 1.0},
    "rho": 1.0,
}


def trained(settings: dict[str, Any], path: Path, steps: int) -> None:
    """A checkpoint after some steps."""
    config = parse_config(settings | {"optimiser": settings["optimiser"] | {"steps": steps}}, "test")
    trainer = Trainer(config)
    maker = BatchMaker(load_corpus(config.corpus.folder, "tiny", "train"), config, trainer.clip_frames)
    for step in range(steps):
        trainer.train_step(maker(step))
    save_checkpoint(path, trainer.checkpoint(0.0, {}))


def test_a_kept_loss_net_ranks_the_truth_first(settings: dict[str, Any], tmp_path: Path) -> None:
    """After a short training beside a poor lifter, its answers look worse than the truth nearly always."""
    trained(settings | {"seal": SEAL}, tmp_path / "c.safetensors", 150)
    checkpoint = load_checkpoint(tmp_path / "c.safetensors")
    corpus = load_corpus(checkpoint.config.corpus.folder, "tiny", "test")
    rows = {row.pose: row for row in score_plausibility(checkpoint, corpus)}
    assert list(rows) == ["truth", "prediction", "gaussian", "bone_direction", "one_sided_length"]
    judged = rows["prediction"]
    assert judged.after_truth is not None
    assert judged.after_truth > 0.8
    assert judged.energy > rows["truth"].energy
    assert judged.error_m > 0.03
    assert rows["truth"].error_m == 0
    assert rows == {row.pose: row for row in score_plausibility(checkpoint, corpus)}


def test_without_a_loss_net_there_is_nothing_to_ask(settings: dict[str, Any], tmp_path: Path) -> None:
    """The error says how to get one."""
    trained(settings, tmp_path / "c.safetensors", 1)
    checkpoint = load_checkpoint(tmp_path / "c.safetensors")
    corpus = load_corpus(checkpoint.config.corpus.folder, "tiny", "test")
    with pytest.raises(ConfigError, match=r"no loss-net.*seal:"):
        score_plausibility(checkpoint, corpus)


def test_spearman_is_the_correlation_of_ranks() -> None:
    """1 for any rising map, -1 for any falling one, Spearman's formula in between."""
    a = torch.tensor([3.0, 1.0, 4.0, 1.5, 9.0])
    assert spearman(a, a.exp()) == pytest.approx(1)
    assert spearman(a, -(a**3)) == pytest.approx(-1)
    b = torch.tensor([2.0, 7.0, 1.0, 8.0, 2.5])  # ranks 1 3 0 4 2 against 2 0 3 1 4: sum d² = 32
    assert spearman(a, b) == pytest.approx(1 - 6 * 32 / (5 * 24))
