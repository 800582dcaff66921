"""Every backbone with every loss, from a training step to the exported file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lifting.errors import ModelError
from lifting.export import export_lifter
from lifting.lifter import Lifter
from lifting.metadata import LifterMetadata
from lifting.models import BACKBONES
from training.batches import Batch, BatchMaker
from training.checkpoint import load_checkpoint, save_checkpoint
from training.cli import averaged_lifter
from training.config import TrainingConfig, parse_config
from training.corpus import load_corpus
from training.losses import LOSSES
from training.trainer import Trainer

JUDGES: dict[str, dict[str, Any]] = {
    "seal": {"loss_net": "graph", "options": {"width": 32, "depth": 1, "heads": 2}, "gradient_ratio": 0.1},
    "critic": {"loss_net": "mlp", "options": {"width": 32}, "gradient_ratio": 0.1},
}


@pytest.fixture(scope="module", params=sorted(BACKBONES))
def backbone(request: pytest.FixtureRequest) -> str:
    """Each one's name."""
    return str(request.param)


def configured(
    backbone: str, settings: dict[str, Any], small_backbones: dict[str, dict], **changes: Any
) -> TrainingConfig:
    """The tiny training with another network."""
    model = {"backbone": backbone, "window": 9, "options": small_backbones[backbone]}
    optimiser = settings["optimiser"] | {"batch": 6, "pairs": 0.5}
    return parse_config(settings | {"model": model, "optimiser": optimiser} | changes, "test")


def one_batch(trainer: Trainer) -> Batch:
    """Of six windows."""
    config = trainer.config
    corpus = load_corpus(config.corpus.folder, config.corpus.name, "train")
    return BatchMaker(corpus, config, trainer.clip_frames)(0)


def moved(before: dict[str, torch.Tensor], trainer: Trainer) -> int:
    """How many parameters a step has changed."""
    return sum(not torch.equal(before[name], p) for name, p in trainer.lifter.named_parameters())


def test_one_step_with_every_loss(
    backbone: str, settings: dict[str, Any], small_backbones: dict[str, dict]
) -> None:
    """Each loss alone gives a finite number and moves the network's weights."""
    for loss in LOSSES:
        trainer = Trainer(configured(backbone, settings, small_backbones, losses={loss: 1.0}))
        before = {name: p.detach().clone() for name, p in trainer.lifter.named_parameters()}
        logged = trainer.train_step(one_batch(trainer))
        assert logged["total"] == pytest.approx(logged[loss], rel=1e-5)
        assert logged[loss] > 0
        assert moved(before, trainer) > len(before) / 2, f"{loss} does not reach {backbone}"


@pytest.mark.parametrize("judge", JUDGES)
def test_one_step_with_every_judge(
    backbone: str, judge: str, settings: dict[str, Any], small_backbones: dict[str, dict]
) -> None:
    """SEAL's loss-net and the critic learn and teach beside any backbone."""
    trainer = Trainer(configured(backbone, settings, small_backbones, **{judge: JUDGES[judge]}))
    kept = {name: t.clone() for name, t in trainer.judges[judge].tensors().items()}
    for _ in range(2):
        logged = trainer.train_step(one_batch(trainer))
    assert all(value == value for value in logged.values()), logged
    after = trainer.judges[judge].tensors()
    assert any(not torch.equal(kept[name], after[name]) for name in kept)


def test_checkpoint_to_onnx(
    backbone: str, settings: dict[str, Any], small_backbones: dict[str, dict], tmp_path: Path
) -> None:
    """Two steps, saved, loaded, exported: the file gives the numbers of the network to 0.1 mm."""
    trainer = Trainer(configured(backbone, settings, small_backbones))
    for _ in range(2):
        trainer.train_step(one_batch(trainer))
    save_checkpoint(tmp_path / "c.safetensors", trainer.checkpoint(0.0, {}))
    lifter = averaged_lifter(load_checkpoint(tmp_path / "c.safetensors"))
    keypoints, gravity = torch.rand(3, 9, 21, 3), torch.tensor([[0.0, 1, 0, 1]]).repeat(3, 1)
    with torch.no_grad():
        expected = lifter(keypoints, gravity)
        assert torch.equal(expected, trainer.averaged()(keypoints, gravity))
    out = tmp_path / "lifter.onnx"
    assert export_lifter(lifter, LifterMetadata(window=9, fps=30.0), out) < 1e-4
    exported = Lifter.load(out).lift(keypoints.numpy(), gravity.numpy())
    assert torch.allclose(torch.from_numpy(exported), expected, atol=1e-4)


@pytest.mark.parametrize("centred", ["video_pose", "pose_former_v2"])
def test_networks_that_answer_late_are_not_exported(
    centred: str, settings: dict[str, Any], small_backbones: dict[str, dict], tmp_path: Path
) -> None:
    """The published forms that answer the middle frame train, but do not become a live lifter."""
    options = small_backbones[centred] | {"causal": False}
    config = configured(centred, settings, small_backbones | {centred: options})
    trainer = Trainer(config)
    assert trainer.train_step(one_batch(trainer))["total"] > 0
    with pytest.raises(ModelError, match=r"answers frame 5 of 9.*causal: true"):
        export_lifter(trainer.averaged(), LifterMetadata(window=9, fps=30.0), tmp_path / "late.onnx")
