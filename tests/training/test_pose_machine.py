"""Training of C and P: every loss falls, truth withheld stays withheld, a resumed run is the same run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import lifting
from lifting.errors import ConfigError, DataError, ModelError
from lifting.skeleton import BODY21, SEALCAP26
from training import cli
from training.config import parse_config
from training.corpus import load_corpus
from training.pose_machine import PoseMachineTrainer, measure, stage_of, train_pose_machine
from training.pose_machine_checkpoint import load_pose_machine, save_pose_machine
from training.pose_machine_config import (
    IntermediateConfig,
    PoseMachineConfig,
    StageConfig,
    UnlabelledConfig,
    is_pose_machine,
    load_pose_machine_config,
)
from training.pose_machine_data import ExampleMaker, Examples, detection_windows, disturbed
from training.trainer import train

SHIPPED = Path(lifting.__file__).parent / "weights" / "lifter-small.onnx"
LOSSES = ("pose_3d", "bone_3d", "projection", "bone_2d")


@pytest.fixture
def machine_settings(corpus_dir: Path) -> dict[str, Any]:
    """What the YAML file would say."""
    return {
        "kind": "pose_machine",
        "name": "tiny",
        "checkpoint_every": 3,
        "validate_every": 50,
        "corpus": {"folder": str(corpus_dir), "name": "tiny"},
        "intermediate": {"window": 3},
        "width": 32,
        "batch": 24,
        "stages": [
            {"steps": 3, "learning_rate": 1e-3, "corrector_head": 2.0, "projector_head": 5.0},
            {"steps": 4, "learning_rate": 1e-3, "bone_2d": 1.0, "joint_mask": 0.2, "trunk_mask": 0.4},
        ],
    }


@pytest.fixture
def config(machine_settings: dict[str, Any]) -> PoseMachineConfig:
    return PoseMachineConfig.model_validate(machine_settings)


@pytest.fixture
def maker(config: PoseMachineConfig) -> ExampleMaker:
    return ExampleMaker(load_corpus(config.corpus.folder, "tiny", "train"), config)


def write(folder: Path, settings: dict[str, Any]) -> Path:
    path = folder / "machine.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.mark.parametrize("loss", LOSSES)
def test_training_lowers_each_loss(config: PoseMachineConfig, maker: ExampleMaker, loss: str) -> None:
    """Twenty steps on one batch with that loss alone bring it down by a third."""
    weights = {name: 1.0 if name == loss else 0.0 for name in LOSSES[:3]}
    stage = StageConfig(steps=30, learning_rate=3e-3, bone_2d=1.0 if loss == "bone_2d" else 0.0)
    alone = config.model_copy(update={"weights": type(config.weights)(**weights), "stages": [stage]})
    examples = maker(0)
    trainer = PoseMachineTrainer(alone, examples.target)
    values = [trainer.train_step(examples)[loss] for _ in range(20)]
    assert values[-1] < 0.67 * values[0]


def test_losses_are_their_formulas(config: PoseMachineConfig, maker: ExampleMaker) -> None:
    """½ Σ|·|² per example, 3D over labelled rows in table units, 2D over all rows and seen joints."""
    examples = maker(0)
    trainer = PoseMachineTrainer(config, examples.target)
    values = trainer.losses(examples, StageConfig(steps=1))
    corrected = trainer.corrector(examples.intermediate)
    projected = trainer.projector(corrected)
    expected = dict.fromkeys(LOSSES, 0.0)
    for i, (u, shown, m) in enumerate(zip(examples.observed, projected, examples.seen, strict=True)):
        off = (shown - u) * m[:, None]
        expected["projection"] += 0.5 * off.square().sum().item() / len(projected)
        bones = [off[p] - off[c] for p, c in SEALCAP26.edges]
        expected["bone_2d"] += 0.5 * torch.stack(bones).square().sum().item() / len(projected)
        if i < examples.labelled:
            wrong = (corrected[i] - examples.target[i]) / trainer.corrector.range.span
            expected["pose_3d"] += 0.5 * wrong.square().sum().item() / examples.labelled
            bones = [wrong[p] - wrong[c] for p, c in SEALCAP26.edges]
            expected["bone_3d"] += 0.5 * torch.stack(bones).square().sum().item() / examples.labelled
    assert {k: v.item() for k, v in values.items()} == pytest.approx(expected, rel=1e-4)


def test_unlabelled_examples_teach_by_their_projection_alone(
    config: PoseMachineConfig, maker: ExampleMaker
) -> None:
    """Three eighths have no truth in the batch at all; they change the 2D losses and not the 3D ones."""
    examples = maker(1)
    rows = len(examples.intermediate)
    assert examples.target.shape[0] == rows - 9 == examples.labelled
    trainer = PoseMachineTrainer(config, examples.target)
    other = examples.observed.clone()
    other[examples.labelled :] += 1.0
    before = trainer.losses(examples, config.stages[0])
    changed = Examples(examples.intermediate, other, examples.seen, examples.target)
    after = trainer.losses(changed, config.stages[0])
    assert after["pose_3d"] == before["pose_3d"]
    assert after["projection"] > before["projection"]


def test_examples_are_a_function_of_the_step(config: PoseMachineConfig, maker: ExampleMaker) -> None:
    """The same step gives the same bits, another step another batch."""
    again = ExampleMaker(load_corpus(config.corpus.folder, "tiny", "train"), config)
    torch.testing.assert_close(again(5).observed, maker(5).observed, rtol=0, atol=0)
    torch.testing.assert_close(again(5).intermediate, maker(5).intermediate, rtol=0, atol=0)
    assert not torch.equal(maker(5).intermediate[:4], maker(6).intermediate[:4])


def test_disturbed_poses_keep_their_bones_and_err_in_depth(maker: ExampleMaker) -> None:
    """Lengths to a micrometre; the error along the viewing direction is the larger one."""
    truth = maker(0).target
    wrong = disturbed(truth, IntermediateConfig(), torch.Generator().manual_seed(0))
    for parent, child in SEALCAP26.edges:
        lengths = [(p[:, parent] - p[:, child]).norm(dim=-1) for p in (truth, wrong)]
        torch.testing.assert_close(*lengths, atol=1e-6, rtol=1e-5)
    error = (wrong - truth).abs().mean(dim=(0, 1))
    assert error[2] > 1.3 * error[:2].max()


def test_stages_follow_each_other_with_a_fresh_optimiser(
    config: PoseMachineConfig, maker: ExampleMaker
) -> None:
    """Rates of the heads in stage one, equal rates and a step counter from 1 in stage two."""
    assert [stage_of(config, step)[1] for step in (0, 2, 3, 6)] == [0, 0, 3, 3]
    trainer = PoseMachineTrainer(config, maker.poses(-1))
    assert [g["lr"] for g in trainer.optimiser.param_groups] == pytest.approx([1e-3, 2e-3, 5e-3])
    for step in range(4):
        trainer.train_step(maker(step))
    assert [g["lr"] for g in trainer.optimiser.param_groups] == pytest.approx([1e-3] * 3)
    assert all(state["step"] == 1 for state in trainer.optimiser.state.values())


def test_masked_joints_are_zero_in_the_units_of_the_tables(
    config: PoseMachineConfig, maker: ExampleMaker
) -> None:
    """A share p of the joints is at the bottom of its range, of the trunk more, the rest as it was."""
    trainer = PoseMachineTrainer(config, maker.poses(-1))
    pose = maker(0).target.repeat(200, 1, 1)
    stage = StageConfig(steps=1, joint_mask=0.02, trunk_mask=0.4)
    hidden = (trainer.masked(pose, stage) == trainer.corrector.range.low).all(dim=-1).float().mean(dim=0)
    trunk = SEALCAP26.indices("spine", "head")
    others = [i for i in range(1, 26) if i not in trunk]
    assert hidden[trunk].numpy() == pytest.approx([0.4, 0.4], abs=0.05)
    assert hidden[others].mean().item() == pytest.approx(0.02, abs=0.01)
    torch.testing.assert_close(trainer.masked(pose, StageConfig(steps=1)), pose, rtol=0, atol=0)


def test_the_packaged_configuration_is_valid() -> None:
    """It has three stages, trains behind the shipped lifter and parses."""
    config = load_pose_machine_config(SHIPPED.parents[2] / "configs" / "pose_machine.yaml")
    assert [stage.bone_2d for stage in config.stages] == [0.0, 0.0, 0.0625]
    assert config.intermediate.lifter is not None
    assert config.intermediate.lifter.is_file()


@pytest.mark.parametrize("stop", [2, 3, 5])
def test_a_resumed_run_makes_the_same_steps(
    config: PoseMachineConfig, maker: ExampleMaker, tmp_path: Path, stop: int
) -> None:
    """Bit for bit, also when it was interrupted just between two stages."""
    whole = PoseMachineTrainer(config, maker.poses(-1))
    for step in range(config.steps):
        if step == stop:
            save_pose_machine(tmp_path / "machine.safetensors", whole.machine())
        whole.train_step(maker(step))
    resumed = PoseMachineTrainer(config, maker.poses(-1))
    resumed.restore(load_pose_machine(tmp_path / "machine.safetensors"))
    assert resumed.step == stop
    for step in range(stop, config.steps):
        resumed.train_step(maker(step))
    for a, b in ((whole.corrector, resumed.corrector), (whole.projector, resumed.projector)):
        for name, tensor in a.state_dict().items():
            torch.testing.assert_close(b.state_dict()[name], tensor, rtol=0, atol=0, msg=name)


def test_train_from_a_yaml_file(
    machine_settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`kind: pose_machine` makes `sealcap train` train C and P; its file measures the same again."""
    path = write(tmp_path, machine_settings)
    assert is_pose_machine(path)
    cli.train(path, tmp_path / "run")
    assert "refined" in capsys.readouterr().out
    machine = load_pose_machine(tmp_path / "run" / "pose_machine.safetensors")
    assert machine.step == 7
    held_out = ExampleMaker(load_corpus(machine.config.corpus.folder, "tiny", "val"), machine.config)
    assert measure(machine.corrector, machine.projector, held_out) == pytest.approx(machine.validation)
    other = machine.config.model_copy(update={"seed": 2})
    with pytest.raises(ConfigError, match="another seed"):
        train_pose_machine(other, tmp_path / "run")


def test_a_lifter_before_it_and_real_detections_beside_it(
    settings: dict[str, Any], machine_settings: dict[str, Any], tmp_path: Path
) -> None:
    """A checkpoint or an exported lifter makes the poses; detections fill the unlabelled rows."""
    lifter_yaml = tmp_path / "lifter.yaml"
    lifter_yaml.write_text(yaml.safe_dump(settings))
    cli.train(lifter_yaml, tmp_path / "lifter")
    folder = tmp_path / "detections"
    folder.mkdir()
    np.savez(
        folder / "clip.npz",
        points_px=np.random.default_rng(0).uniform(100, 400, (10, len(BODY21), 2)).astype(np.float32),
        confidence=np.ones((10, len(BODY21)), np.float32),
        capture_time_ns=np.arange(10) * 33_333_333,
        size=np.array([640, 480]),
        found=np.arange(10) >= 2,
    )
    machine_settings["unlabelled"] = {"detections": "detections"}
    for lifter in ("lifter/checkpoint.safetensors", str(SHIPPED)):
        machine_settings["intermediate"] = {"lifter": lifter}
        config = load_pose_machine_config(write(tmp_path, machine_settings))
        made = ExampleMaker(load_corpus(config.corpus.folder, "tiny", "train"), config)(0)
        assert made.labelled == len(made.intermediate) - 9
        assert bool(made.seen[-9:].all())
        assert bool(torch.isfinite(made.intermediate).all())
    wrong = (made.intermediate[: made.labelled] - made.target).norm(dim=-1).mean()
    assert 0.01 < wrong < 0.2, "the shipped lifter is good but not perfect"


def test_a_lifter_that_answers_late_cannot_stand_before_it(
    settings: dict[str, Any], machine_settings: dict[str, Any], tmp_path: Path
) -> None:
    """The published, centred form answers another frame than the one that is corrected."""
    settings["model"] = {"backbone": "video_pose", "window": 3, "options": {"width": 8, "causal": False}}
    trained = train(parse_config(settings, "test"), tmp_path / "late")
    assert trained.step == 8
    machine_settings["intermediate"] = {"lifter": "late/checkpoint.safetensors"}
    config = load_pose_machine_config(write(tmp_path, machine_settings))
    with pytest.raises(ConfigError, match=r"no live lifter.*causal form"):
        ExampleMaker(load_corpus(config.corpus.folder, "tiny", "train"), config)


def _no_lifter(settings: dict[str, Any], folder: Path) -> None:
    settings["unlabelled"] = {"detections": "."}


def _typo(settings: dict[str, Any], folder: Path) -> None:
    settings["stages"][0]["learning_rte"] = 1.0


def _no_stage(settings: dict[str, Any], folder: Path) -> None:
    settings["stages"] = []


@pytest.mark.parametrize(
    ("damage", "message"),
    [(_no_lifter, "needs a lifter"), (_typo, "learning_rte"), (_no_stage, "stages")],
)
def test_a_configuration_that_cannot_be_obeyed(
    machine_settings: dict[str, Any], tmp_path: Path, damage: Any, message: str
) -> None:
    """The message names the key."""
    damage(machine_settings, tmp_path)
    with pytest.raises(ConfigError, match=message):
        load_pose_machine_config(write(tmp_path, machine_settings))


def test_detections_without_anybody(machine_settings: dict[str, Any], tmp_path: Path) -> None:
    """An empty folder is no data; a folder that is none is a wrong setting."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds a frame"):
        detection_windows(tmp_path / "empty", 3, UnlabelledConfig())
    with pytest.raises(ConfigError, match="no folder"):
        detection_windows(tmp_path / "nowhere", 3, UnlabelledConfig())


def test_a_loss_that_is_no_number_stops_the_run(config: PoseMachineConfig, maker: ExampleMaker) -> None:
    """NaN in the data is reported before it reaches the weights."""
    examples = maker(0)
    trainer = PoseMachineTrainer(config, examples.target)
    before = trainer.corrector.out.weight.detach().clone()
    examples.intermediate[0] = float("nan")
    with pytest.raises(DataError, match="step 0"):
        trainer.train_step(examples)
    torch.testing.assert_close(trainer.corrector.out.weight.detach(), before)


def test_files_that_are_no_pose_machine(
    config: PoseMachineConfig, maker: ExampleMaker, tmp_path: Path
) -> None:
    """Missing, damaged, or a checkpoint of something else."""
    path = tmp_path / "machine.safetensors"
    with pytest.raises(ModelError, match="There is no"):
        load_pose_machine(path)
    path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match="damaged"):
        load_pose_machine(path)
    save_file({"x": torch.zeros(1)}, path, {"format": "else"})
    with pytest.raises(ModelError, match="no pose machine"):
        load_pose_machine(path)
    save_pose_machine(path, PoseMachineTrainer(config, maker.poses(-1)).machine())
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    for lost, error in (("step", ModelError), ("seconds", ModelError), ("config", ConfigError)):
        save_file(load_file(path), tmp_path / "lost", {k: v for k, v in metadata.items() if k != lost})
        with pytest.raises(error, match=r"damaged|not valid any more"):
            load_pose_machine(tmp_path / "lost")
