"""Training on benchmark sequences: windows, mirror images, resume, errors, evaluation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lifting.errors import ConfigError, DataError
from lifting.models.screen_lifter import ScreenLifter, mirrored, screen_crop
from lifting.skeleton import H36M17
from training.checkpoint import load_checkpoint, save_checkpoint
from training.cli import averaged_lifter, evaluate, export
from training.config import TrainingConfig, load_config, parse_config
from training.datasets import load_sequences
from training.datasets.sequences import Clip, join
from training.material import open_material, score
from training.screen_batches import ScreenBatchMaker
from training.screen_evaluation import evaluate_sequences, predict
from training.segments import below_root
from training.trainer import Trainer, train

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


def settings(folder: Path, kind: str = "h36m", **changes: Any) -> dict[str, Any]:
    """A run of a second."""
    raw: dict[str, Any] = {
        "name": "tiny",
        "checkpoint_every": 3,
        "validate_every": 100,
        "corpus": {"folder": str(folder), "kind": kind},
        "model": {"backbone": "simple_baseline", "window": 1, "options": {"width": 32, "stages": 1}},
        "losses": {"position": 1.0},
        "optimiser": {"steps": 6, "batch": 16, "warmup": 1, "learning_rate": 0.002},
    }
    return raw | changes


def config(folder: Path, kind: str = "h36m", **changes: Any) -> TrainingConfig:
    return parse_config(settings(folder, kind, **changes), "test")


def mixste(window: int, causal: bool) -> dict[str, Any]:
    return {
        "backbone": "mixste",
        "window": window,
        "options": {"width": 16, "layers": 1, "heads": 2, "causal": causal},
    }


def test_windows_are_clips_of_the_data(h36m_folder: Path) -> None:
    """Every window is a row of neighbours in one clip with its truth, mirrored in about half of the cases."""
    data = load_sequences("h36m", h36m_folder, "val")
    made = config(h36m_folder, model={"backbone": "video_pose", "window": 9})
    batch = ScreenBatchMaker(data, made, frames=(8,))(3)
    assert (batch.crop.joints.shape, batch.target.shape) == ((16, 9, 17, 3), (16, 9, 17, 3))
    plain, flipped = 0, 0
    for window, truth in zip(batch.crop.joints, batch.target, strict=True):
        newest = data.joints[:, None] - np.stack([truth[-1], mirrored(truth[-1], H36M17)])
        row, turn = np.unravel_index(np.abs(newest).sum(axis=(2, 3)).argmin(), newest.shape[:2])
        assert np.abs(newest[row, turn]).max() < 1e-6
        plain, flipped = plain + (turn == 0), flipped + (turn == 1)
        clip = int(np.searchsorted(data.first, row, side="right")) - 1
        rows = np.maximum(np.arange(row - 8, row + 1), data.first[clip])
        expected = torch.from_numpy(data.keypoints[rows])
        expected = mirrored(expected, H36M17) if turn else expected
        assert torch.allclose(window[..., :2], expected[..., :2], atol=1e-6)
        assert torch.allclose(window[..., 2], 2 * expected[..., 2] - 1)
    assert min(plain, flipped) >= 3


def test_batches_follow_from_the_step(h36m_folder: Path) -> None:
    """The same step gives the same batch, another step another one."""
    data = load_sequences("h36m", h36m_folder, "val")
    makers = [ScreenBatchMaker(data, config(h36m_folder), (0,)) for _ in range(2)]
    assert torch.equal(makers[0](5).target, makers[1](5).target)
    assert not torch.equal(makers[0](5).target, makers[0](6).target)


def test_clips_are_frames_in_a_row(h36m_folder: Path) -> None:
    """The rows of `clips` are windows that move on by one frame, mirrored alike."""
    data = load_sequences("h36m", h36m_folder, "val")
    maker = ScreenBatchMaker(data, config(h36m_folder), (0,), clip_frames=3)
    batch = maker(1)
    assert batch.clips.shape == (round(16 * 0.33), 3)
    assert len(batch) == 16 + 2 * len(batch.clips)
    both = torch.from_numpy(data.joints)
    both = torch.cat([both, mirrored(both, H36M17)])
    for clip in batch.clips:
        rows = [int((both - batch.target[i, 0]).abs().sum((1, 2)).argmin()) for i in clip]
        inside = rows[0] % len(data.joints) not in data.first
        assert (np.diff(rows) == 1).all() or not inside


def test_invalid_frames_are_never_answers(mpi_folder: Path) -> None:
    """Only valid frames become targets, for one frame and for whole windows."""
    data = load_sequences("3dhp", mpi_folder, "test")
    made = config(mpi_folder, "3dhp")
    for step in range(5):
        target = ScreenBatchMaker(data, made, (0,))(step).target
        assert (target.abs().sum((1, 2, 3)) > 1).all()  # joints of frames that are not valid are 0
    with pytest.raises(ConfigError, match="set a smaller"):
        ScreenBatchMaker(data, config(mpi_folder, "3dhp", model=mixste(4, False)), (0, 1, 2, 3))


def test_mirror_twice_is_nothing() -> None:
    """Mirroring is its own inverse and keeps confidences with their joints' twins."""
    points = torch.randn(2, 3, 17, 3)
    assert torch.equal(mirrored(mirrored(points, H36M17), H36M17), points)
    left, right = H36M17.index("left_knee"), H36M17.index("right_knee")
    assert torch.equal(mirrored(points, H36M17)[..., left, 1:], points[..., right, 1:])
    assert torch.equal(mirrored(points, H36M17)[..., left, 0], -points[..., right, 0])


@pytest.mark.parametrize("confidence", [True, False])
def test_flip_test_commutes_with_the_mirror(confidence: bool) -> None:
    """With the flip test, the answer to a mirror image is the mirror image of the answer; the pelvis is 0."""
    torch.manual_seed(0)
    options: Any = {"width": 32, "stages": 1}
    lifter = ScreenLifter("simple_baseline", H36M17, 1, options, confidence=confidence).eval()
    keypoints = torch.rand(4, 1, 17, 3)
    with torch.no_grad():
        answer, mirror = lifter(keypoints), lifter(mirrored(keypoints, H36M17))
        lifter.flip_test = False
        assert not torch.allclose(lifter(mirrored(keypoints, H36M17)), mirrored(lifter(keypoints), H36M17))
    assert torch.allclose(mirror, mirrored(answer, H36M17), atol=1e-6)
    assert (answer[:, :, 0] == 0).all()
    assert screen_crop(keypoints).context.shape == (4, 1, 0)


def test_origin_of_several_joints_is_their_middle() -> None:
    """Where no joint is at the pelvis, the middle of the hips is 0, and every joint is learned."""
    between = replace(H36M17, origin=("left_hip", "right_hip"))
    assert below_root(between) == tuple(range(17))
    lifter = ScreenLifter("simple_baseline", between, 1, {"width": 8}).eval()
    with torch.no_grad():
        answer = lifter(torch.rand(2, 1, 17, 3))
    hips = H36M17.indices("left_hip", "right_hip")
    assert answer[:, :, hips].mean(dim=2).abs().max() < 1e-6
    assert answer[:, :, 0].abs().max() > 0


@pytest.mark.parametrize("kind", ["h36m", "3dhp", "h3wb"])
def test_train_resume_evaluate(data_folders: dict[str, Path], tmp_path: Path, kind: str) -> None:
    """A killed and continued run ends with the weights of one in a piece, and can be scored."""
    made = config(data_folders[kind], kind)
    whole = train(made, tmp_path / "whole")
    stopped = Trainer(made)
    broken = tmp_path / "broken"
    shorter = train(made.model_copy(update={"checkpoint_every": 3}), broken)
    assert shorter.step == 6
    # What the file held after three steps, continued:
    material = open_material(made, stopped.lifter.frames, stopped.clip_frames)
    for step in range(3):
        stopped.train_step(material.batch(step))
    save_checkpoint(broken / "checkpoint.safetensors", stopped.checkpoint(1.0, {}))
    resumed = train(made, broken)
    for name, tensor in whole.tensors.items():
        assert torch.equal(tensor, resumed.tensors[name]), name
    assert whole.validation["mpjpe_m"] == pytest.approx(resumed.validation["mpjpe_m"])
    scores = score(averaged_lifter(load_checkpoint(broken / "checkpoint.safetensors")), made, "test")
    assert 0 < scores["p_mpjpe_m"] <= scores["mpjpe_m"] < 2


def test_training_learns(h36m_folder: Path) -> None:
    """The error on the data falls to less than half in a hundred steps."""
    optimiser = {"steps": 100, "batch": 64, "warmup": 1, "learning_rate": 0.005, "ema": 0.9}
    made = config(h36m_folder, optimiser=optimiser)
    data = load_sequences("h36m", h36m_folder, "train")
    trainer, maker = Trainer(made), ScreenBatchMaker(data, made, (0,))
    before = evaluate_sequences(trainer.averaged(), data)["mpjpe_m"]  # type: ignore[arg-type]
    for step in range(100):
        trainer.train_step(maker(step))
    after = evaluate_sequences(trainer.averaged(), data)["mpjpe_m"]  # type: ignore[arg-type]
    assert after < 0.5 * before


@pytest.mark.parametrize("causal", [True, False])
def test_losses_on_motion_depth_and_seal(h36m_folder: Path, causal: bool) -> None:
    """RePOSE, velocity and SEAL work on the benchmark's skeleton, for late and for whole answers."""
    losses = {
        "position": 1.0,
        "depth_order_space": 0.1,
        "depth_order_time": 0.1,
        "velocity": 0.1,
        "structure": 0.1,
    }
    made = config(
        h36m_folder,
        model=mixste(4, causal),
        losses=losses,
        seal={"gradient_ratio": 0.1, "pair_weight": 0.001},
    )
    trainer = Trainer(made)
    data = load_sequences("h36m", h36m_folder, "val")
    batch = ScreenBatchMaker(data, made, trainer.lifter.frames, trainer.clip_frames)(0)
    logged = trainer.train_step(batch)
    assert all(np.isfinite(value) for value in logged.values())
    assert logged["velocity"] > 0
    assert trainer.answer(batch).skeleton == H36M17
    assert {"seal", "velocity"} < set(logged)


def test_evaluation_against_brute_force(mpi_folder: Path) -> None:
    """Errors are those of a loop over valid frames; frames that are not valid do not matter."""
    data = load_sequences("3dhp", mpi_folder, "test")
    made = config(mpi_folder, "3dhp")
    lifter = Trainer(made).averaged()
    assert isinstance(lifter, ScreenLifter)
    with torch.no_grad():
        poses = lifter(torch.from_numpy(data.keypoints)[:, None])[:, 0].numpy()
    errors = [
        np.linalg.norm(poses[row, joint] - data.joints[row, joint])
        for row in range(len(data.joints))
        if data.valid[row]
        for joint in range(17)
    ]
    scores = evaluate_sequences(lifter, data)
    assert scores["mpjpe_m"] == pytest.approx(np.mean(errors), rel=1e-5)
    assert scores["pck150"] == pytest.approx(np.mean(np.array(errors) < 0.15))
    assert "mpjve_mps" not in scores


@pytest.mark.parametrize(("window", "causal"), [(1, True), (5, True), (5, False), (7, False), (30, False)])
def test_every_frame_is_answered_from_its_own_window(h36m_folder: Path, window: int, causal: bool) -> None:
    """Prediction of a clip equals the network on hand-made windows, whatever the window and its answers."""
    data = load_sequences("h36m", h36m_folder, "val")
    lifter = ScreenLifter(
        "mixste", H36M17, window, {"width": 16, "layers": 1, "heads": 2, "causal": causal}, flip_test=False
    ).eval()
    poses = predict(lifter, data, np.array([2, 5]))
    frames, length = lifter.frames, int(data.frames[0])
    for place, clip in enumerate((2, 5)):
        for frame in range(length):
            start = frame // len(frames) * len(frames) - frames[0]
            rows = np.clip(start + np.arange(window), 0, length - 1) + data.first[clip]
            with torch.no_grad():
                answer = lifter(torch.from_numpy(data.keypoints[rows])[None])[0, frame % len(frames)]
            assert np.allclose(poses[place * length + frame], answer, atol=1e-5)


def test_action_mean() -> None:
    """The mean over actions weighs a short action like a long one, and joins its two takes."""
    still = np.zeros((1, 17, 3), np.float32)
    still[:, 1:, 1] = np.linspace(-0.9, 0.9, 16)

    def clip(action: str, frames: int, off: float) -> Clip:
        joints = still.repeat(frames, 0)
        joints[:, 1:, 2] += off
        ones = np.ones((frames, 17, 3), np.float32)
        return Clip("S9", action, "0", 50.0, ones, joints, np.ones(frames, np.bool_))

    data = join([clip("Sit", 90, 0.1), clip("Walk", 5, 0.3), clip("Walk 1", 5, 0.5)], H36M17, "test", "x")

    class Still(ScreenLifter):
        def forward(self, keypoints: torch.Tensor) -> torch.Tensor:
            return torch.from_numpy(still).expand(len(keypoints), 1, 17, 3)

    scores = evaluate_sequences(Still("simple_baseline", H36M17, 1, {"width": 8}), data)
    assert scores["mpjpe_actions_m"] == pytest.approx(16 / 17 * (0.1 + 0.4) / 2, rel=1e-4)
    assert scores["mpjpe_m"] == pytest.approx(16 / 17 * (0.9 * 0.1 + 0.1 * 0.4), rel=1e-4)


def test_h3wb_parts(h3wb_folder: Path) -> None:
    """The whole-body error is the mean of its parts, weighed by their numbers of joints."""
    made = config(h3wb_folder, "h3wb")
    data = load_sequences("h3wb", h3wb_folder, "test")
    scores = evaluate_sequences(Trainer(made).averaged(), data)  # type: ignore[arg-type]
    mixed = (23 * scores["mpjpe_body_m"] + 68 * scores["mpjpe_face_m"] + 42 * scores["mpjpe_hands_m"]) / 133
    assert scores["mpjpe_m"] == pytest.approx(mixed)
    assert scores["mpjpe_face_from_nose_m"] > 0


def test_command_line(h36m_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`evaluate` scores a benchmark checkpoint; `export` says why it cannot be used live."""
    train(config(h36m_folder), tmp_path / "run")
    path = tmp_path / "run" / "checkpoint.safetensors"
    evaluate(path)
    assert "mpjpe" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="cannot be used live"):
        export(path, tmp_path / "x.onnx")
    with pytest.raises(ConfigError, match="motion corpus"):
        evaluate(path, occlusion=True)
    with pytest.raises(DataError, match="train, val, trainval, test"):
        evaluate(path, split="nowhere")


def test_bad_configurations(h3wb_folder: Path, h36m_folder: Path, tmp_path: Path) -> None:
    """Windows on pictures without video, inputs that do not exist and empty folders are told."""
    made = config(h3wb_folder, "h3wb", model=mixste(3, True))
    with pytest.raises(ConfigError, match=r"model.window to 1"):
        train(made, tmp_path / "run")
    with pytest.raises(ConfigError, match="no 2D input cpn"):
        config(h3wb_folder, corpus={"folder": str(h3wb_folder), "kind": "h3wb", "input": "cpn"})
    with pytest.raises(ConfigError, match="kind"):
        config(h3wb_folder, corpus={"folder": str(h3wb_folder), "kind": "coco"})
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="where to get it"):
        train(config(tmp_path / "empty"), tmp_path / "run")


def test_without_hold_out_all_subjects_are_learned(h36m_folder: Path) -> None:
    """`hold_out: false` learns S8 too."""
    all_in = config(h36m_folder, corpus={"folder": str(h36m_folder), "kind": "h36m", "hold_out": False})
    counts = []
    for made in (config(h36m_folder), all_in):
        batch = open_material(made, (0,), 1).batch
        assert isinstance(batch, ScreenBatchMaker)
        counts.append(len(batch._usable))
    assert counts[1] == counts[0] * 5 / 4


@pytest.mark.parametrize("name", ["h36m", "3dhp", "h3wb"])
def test_shipped_configurations(data_folders: dict[str, Path], tmp_path: Path, name: str) -> None:
    """Each shipped configuration trains, with its network at its size, once the folder is there."""
    shipped = load_config(CONFIGS / f"{name}.yaml")
    assert shipped.corpus.kind == name
    optimiser = shipped.optimiser.model_copy(update={"steps": 1, "batch": 2})
    corpus = shipped.corpus.model_copy(update={"folder": data_folders[name]})
    window = {"window": min(shipped.model.window, 5)}  # the tiny clips have no more
    made = shipped.model_copy(
        update={"optimiser": optimiser, "corpus": corpus, "model": shipped.model.model_copy(update=window)}
    )
    trainer = Trainer(made)
    material = open_material(made, trainer.lifter.frames, trainer.clip_frames)
    assert np.isfinite(trainer.train_step(material.batch(0))["total"])


@pytest.mark.parametrize("name", ["h36m", "3dhp", "h3wb"])
def test_shipped_configurations_explain_every_key(name: str) -> None:
    """Every line that sets a value says why."""
    for line in (CONFIGS / f"{name}.yaml").read_text().splitlines():
        if ": " in line and not line.lstrip().startswith("#") and "kind:" not in line:
            assert "#" in line, line
