"""Training: learns, resumes exactly, and refuses what it cannot continue."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from lifting.camera import GRAVITY_SD_DEG
from lifting.errors import ConfigError, DataError, ModelError
from lifting.skeleton import H36M17
from training.batches import BatchMaker, feed, from_hips, seeded
from training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from training.config import TrainingConfig, parse_config
from training.corpus import load_corpus
from training.trainer import Trainer, learning_rate, train


@pytest.fixture
def maker(tiny_config: TrainingConfig) -> BatchMaker:
    """Batches of the tiny corpus."""
    return BatchMaker(load_corpus(tiny_config.corpus.folder, "tiny", "train"), tiny_config, clip_frames=2)


def weights(trainer: Trainer) -> torch.Tensor:
    """All parameters and running means in one vector."""
    means = [trainer.ema[name].flatten() for name in sorted(trainer.ema)]
    return torch.cat([*(p.detach().flatten() for p in trainer.lifter.parameters()), *means])


def test_one_batch_can_be_learned(tiny_config: TrainingConfig, maker: BatchMaker) -> None:
    """Forty steps on the same batch halve its loss."""
    trainer, batch = Trainer(tiny_config), maker(0)
    losses = []
    for _ in range(40):
        trainer.step = 3  # stay at the peak of the learning rate
        losses.append(trainer.train_step(batch)["total"])
    assert losses[-1] < 0.5 * losses[0]


def test_batches_follow_from_the_step(maker: BatchMaker) -> None:
    """The same step gives the same batch, another step another one, in order from any number of threads."""
    expected = [maker(step) for step in range(2, 7)]
    for workers in (1, 3):
        for ours, fed in zip(expected, feed(maker, 2, 7, workers), strict=True):
            assert torch.equal(ours.crop.joints, fed.crop.joints)
            assert torch.equal(ours.target, fed.target)
    assert not torch.equal(expected[0].target, expected[1].target)


@pytest.mark.parametrize("judged", [True, False])
def test_a_training_may_start_from_another(settings: dict, tmp_path: Path, judged: bool) -> None:
    """It begins at step 0 with the other's running mean and what its judge learned, if it had one."""
    seal = {"seal": {"options": {"width": 8, "depth": 1, "heads": 2}, "gradient_ratio": 0.1, "frames": 8}}
    with_judge = parse_config(settings | seal, "test")
    maker = BatchMaker(load_corpus(with_judge.corpus.folder, "tiny", "train"), with_judge, clip_frames=2)
    first = Trainer(with_judge if judged else parse_config(settings, "test"))
    first.train_step(maker(0))
    save_checkpoint(tmp_path / "first.safetensors", first.checkpoint(1.0, {}))
    second = Trainer(with_judge.model_copy(update={"seed": 9}))
    untrained = second.judges["seal"].tensors()["updates"].item()
    second.start_from(load_checkpoint(tmp_path / "first.safetensors"))
    assert second.step == 0
    for name, parameter in second.lifter.named_parameters():
        assert torch.equal(parameter, first.ema[name])
        assert torch.equal(second.ema[name], first.ema[name])
    kept = second.judges["seal"].tensors()
    if judged:
        theirs = first.judges["seal"].tensors()
        assert all(torch.equal(kept[key], theirs[key]) for key in theirs)
    assert (kept["updates"].item() > untrained) is judged
    second.train_step(maker(0))
    assert not torch.equal(weights(second), weights(first))


def test_batch_fits_together(tiny_config: TrainingConfig) -> None:
    """Truth and network input have matching sizes; clips are windows that end in successive frames."""
    corpus = load_corpus(tiny_config.corpus.folder, "tiny", "train")
    batch = BatchMaker(corpus, tiny_config, clip_frames=3)(0)
    count, clips = len(batch), batch.clips
    assert batch.crop.joints.shape == (count, 3, 26, 3)
    assert batch.crop.context.shape[0] == len(batch.crop.R_crop_from_cam) == count
    assert batch.target.shape == (count, 3, 26, 3)
    assert batch.seen.shape == (count, 3, 26)
    assert 0 < 3 * len(clips) < count <= 32 * (1 + 2 * 0.33) + 1
    for earlier, later in ((0, 1), (1, 2)):
        assert torch.equal(batch.target[clips[:, later], -2], batch.target[clips[:, earlier], -1])
        assert not torch.equal(batch.target[clips[:, later], -1], batch.target[clips[:, earlier], -1])


def test_clips_are_made_only_where_a_loss_needs_them(settings: dict) -> None:
    """Without a loss on motion, or with a network that answers every frame, windows alone will do."""
    assert Trainer(parse_config(settings, "test")).clip_frames == 2
    still = settings | {"losses": {"joint": 1.0}}
    assert Trainer(parse_config(still, "test")).clip_frames == 1


def test_gravity_is_told_to_half(maker: BatchMaker) -> None:
    """Half of the windows know gravity, to within a few degrees; the others get zeros."""
    made = maker.windows(400, 2, seeded(1, 1))
    told = made.gravity[:, 3] > 0
    assert 0.4 < told.float().mean() < 0.6
    assert (made.gravity[~told] == 0).all()
    assert torch.allclose(made.gravity[told, :3].norm(dim=-1), torch.ones(int(told.sum())), atol=1e-5)
    up = from_hips(made.joints_cam[:, -1])[:, 4]  # the head is above the hips of standing people
    assert (torch.einsum("bi,bi->b", up, made.gravity[:, :3])[told] < 0).float().mean() > 0.9


def test_gravity_is_told_with_how_far_to_trust_it(settings: dict, corpus_dir: Path) -> None:
    """Directions are as wrong as their trust says, for every grade of it; a share gets none."""
    graded = parse_config(settings | {"gravity_known": 0.7, "gravity_sd_deg": [1.0, 20.0]}, "test")
    exact = parse_config(settings | {"gravity_known": 1.0, "gravity_sd_deg": [1e-4, 1e-4]}, "test")
    corpus = load_corpus(corpus_dir, "tiny", "train")
    told, truth = (BatchMaker(corpus, c).windows(4000, 1, seeded(1, 1)).gravity for c in (graded, exact))
    trust, known = told[:, 3], told[:, 3] > 0
    assert known.float().mean().item() == pytest.approx(0.7, abs=0.03)
    assert (told[~known] == 0).all()
    off_deg = torch.rad2deg(torch.acos((told[:, :3] * truth[:, :3]).sum(dim=1).clamp(-1, 1)))
    sd_deg = GRAVITY_SD_DEG * (1 / trust - 1).sqrt()
    for low, high in ((1, 3), (3, 8), (8, 20)):
        some = known & (sd_deg >= low) & (sd_deg < high)
        # two tangent directions with this deviation each
        ratio = (off_deg[some] / sd_deg[some]).square().mean().sqrt().item()
        assert ratio == pytest.approx(2**0.5, rel=0.1)


def test_a_failing_batch_is_reported(maker: BatchMaker) -> None:
    """An error in a thread that makes batches reaches the trainer."""

    def broken(step: int) -> object:
        raise DataError(f"no batch {step}")

    with pytest.raises(DataError, match="no batch 0"):
        next(feed(broken, 0, 3))  # type: ignore[arg-type]


def test_resuming_is_exact(tiny_config: TrainingConfig, maker: BatchMaker, tmp_path: Path) -> None:
    """Stop after three steps, load, continue: the fifth step's weights are those of a run never stopped."""
    whole = Trainer(tiny_config)
    for step in range(5):
        whole.train_step(maker(step))
    first = Trainer(tiny_config)
    for step in range(3):
        first.train_step(maker(step))
    save_checkpoint(tmp_path / "c.safetensors", first.checkpoint(1.0, {}))
    second = Trainer(tiny_config)
    second.restore(load_checkpoint(tmp_path / "c.safetensors"))
    for step in range(second.step, 5):
        second.train_step(maker(step))
    assert torch.equal(weights(whole), weights(second))


def test_a_killed_run_continues(
    tiny_config: TrainingConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between two checkpoints, started again: the end is that of a run never killed."""
    train(tiny_config, tmp_path / "whole")
    steps = []
    real = Trainer.train_step

    def dying(self: Trainer, batch: object) -> dict[str, float]:
        if self.step == 6:
            raise KeyboardInterrupt
        steps.append(self.step)
        return real(self, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "train_step", dying)
    with pytest.raises(KeyboardInterrupt):
        train(tiny_config, tmp_path / "killed")
    monkeypatch.setattr(Trainer, "train_step", real)
    assert load_checkpoint(tmp_path / "killed" / "checkpoint.safetensors").step == 4
    resumed = train(tiny_config, tmp_path / "killed")
    whole = load_checkpoint(tmp_path / "whole" / "checkpoint.safetensors")
    assert resumed.step == whole.step == 8
    for name, tensor in whole.tensors.items():
        assert torch.allclose(tensor, resumed.tensors[name], atol=1e-6), name
    assert list((tmp_path / "whole").glob("events.*")), "curves for TensorBoard"
    assert not list((tmp_path / "whole").glob("*.partial"))


def test_another_configuration_is_not_continued(
    tiny_config: TrainingConfig, settings: dict, tmp_path: Path
) -> None:
    """A folder with a run of other settings is refused, unless it may be overwritten."""
    trainer = Trainer(tiny_config)
    trainer.train_step(BatchMaker(load_corpus(tiny_config.corpus.folder, "tiny", "train"), tiny_config)(0))
    save_checkpoint(tmp_path / "run" / "checkpoint.safetensors", trainer.checkpoint(1.0, {}))
    other = parse_config(settings | {"seed": 5}, "test")
    with pytest.raises(ConfigError, match=r"another seed.*--restart"):
        train(other, tmp_path / "run")
    assert train(other, tmp_path / "run", restart=True).config.seed == 5


def test_damaged_checkpoints(tmp_path: Path, tiny_config: TrainingConfig) -> None:
    """Missing, truncated and foreign files are model errors; writing replaces the old file as a whole."""
    path = tmp_path / "c.safetensors"
    with pytest.raises(ModelError, match="no training checkpoint"):
        load_checkpoint(path)
    save_checkpoint(
        path, Checkpoint(tiny_config, 3, 1.5, {"mpjpe_m": 0.1}, ("a", "b"), {"model.a": torch.ones(4)})
    )
    back = load_checkpoint(path)
    assert (back.step, back.validation, back.joints) == (3, {"mpjpe_m": 0.1}, ("a", "b"))
    assert back.config == tiny_config
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ModelError, match="damaged"):
        load_checkpoint(path)
    safetensors.torch.save_file({"x": torch.ones(1)}, path)
    with pytest.raises(ModelError, match="format is None"):
        load_checkpoint(path)


def test_a_checkpoint_of_another_network_is_refused(
    tiny_config: TrainingConfig, maker: BatchMaker, settings: dict
) -> None:
    """Other joints and other layers are model errors that say what differs."""
    trainer = Trainer(tiny_config)
    trainer.train_step(maker(0))
    kept = trainer.checkpoint(0.0, {})
    with pytest.raises(ModelError, match=r"answers 17 joints .*26 of sealcap26"):
        trainer.restore(replace(kept, joints=H36M17.joints))
    wide = settings | {"model": {"window": 3, "options": {"width": 48, "blocks": 1, "hidden": 32}}}
    with pytest.raises(ModelError, match=r"do not fit the network.*--restart"):
        Trainer(parse_config(wide, "test")).restore(kept)


@pytest.mark.parametrize("part", ["ema.", "exp_avg_sq."])
def test_a_checkpoint_that_is_not_whole_is_refused(
    tiny_config: TrainingConfig, maker: BatchMaker, part: str
) -> None:
    """Weights alone can be exported, but no training goes on from them: an error that names what lacks."""
    trainer = Trainer(tiny_config)
    trainer.train_step(maker(0))
    kept = trainer.checkpoint(0.0, {})
    some = {name: t for name, t in kept.tensors.items() if not name.startswith(part)}
    with pytest.raises(ModelError, match=rf"lacks '{part}backbone.*--restart"):
        Trainer(tiny_config).restore(replace(kept, tensors=some))


def test_a_loss_that_is_no_number_stops_the_run(tiny_config: TrainingConfig, maker: BatchMaker) -> None:
    """NaN in the data ends the training with an error that names the step; the weights stay as they were."""
    trainer, batch = Trainer(tiny_config), maker(0)
    before = weights(trainer)
    batch.target[0, -1, 5] = torch.nan
    with pytest.raises(DataError, match=r"step 0 is nan.*learning_rate"):
        trainer.train_step(batch)
    assert torch.equal(before, weights(trainer))


def test_learning_rate_rises_and_falls(tiny_config: TrainingConfig) -> None:
    """Up over the warm-up, down to one hundredth at the end."""
    rates = [learning_rate(tiny_config, step) for step in range(9)]
    assert rates[0] < rates[1] > rates[2] > rates[-1]
    assert rates[-1] == pytest.approx(0.01 * tiny_config.optimiser.learning_rate)


def test_losses_and_judges_that_come_later(settings: dict, maker: BatchMaker) -> None:
    """Before their step nothing is different; from then on they are, exactly as if they had waited."""
    judge = {"loss_net": "graph", "options": {"width": 8, "depth": 1, "heads": 2}, "weight": 0.1}
    later = settings | {
        "losses": settings["losses"] | {"structure": {"weight": 0.5, "from_step": 2}},
        "seal": judge | {"from_step": 2},
    }
    plain, late = (Trainer(parse_config(s, "test")) for s in (settings, later))
    for step in range(2):
        assert plain.train_step(maker(step)).keys() == late.train_step(maker(step)).keys()
    assert torch.equal(weights(plain), weights(late))
    logged = late.train_step(maker(2))
    assert {"structure", "seal", "seal_loss"} <= logged.keys()
    plain.train_step(maker(2))
    assert not torch.equal(weights(plain), weights(late))
