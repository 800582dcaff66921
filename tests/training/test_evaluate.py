"""Evaluation: every measure of every sequence, and the frame that each answer belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lifting.errors import ConfigError
from lifting.models.ray_lifter import RayLifter
from lifting.skeleton import H36M17, SEALCAP26
from training import cli, evaluate, metrics
from training import structure_metrics as structure
from training.batches import BatchMaker, Windows, seeded
from training.config import TrainingConfig
from training.corpus import load_corpus
from training.score_tables import MEANING, readable

MEASURES = (
    "mpjpe_m", "p_mpjpe_m", "n_mpjpe_m", "mpjve_mps", "acceleration_error_mps2", "pck150", "auc", "lse",
    "bsle", "lle", "mpsse_m", "mpsce_m", "bone_angle_deg", "depth_order", "bone_variation",
)  # fmt: skip


class Oracle(RayLifter):
    """Answers with the x coordinate of one joint of one frame of its window, everywhere."""

    def __init__(self, window: int, answers: int) -> None:
        super().__init__("temporal_conv", window, {"width": 8, "blocks": 1, "hidden": 8})
        self.frames = (answers,)

    def forward(self, keypoints: torch.Tensor, gravity: torch.Tensor) -> torch.Tensor:
        value = keypoints[:, self.frames[0], 0, 0] + gravity[:, 0]
        return value[:, None, None].expand(-1, len(SEALCAP26), 3)


def made(count: int = 5, frames: int = 12) -> Windows:
    """Sequences numbered in x of everything: 100 × sequence + frame."""
    number = 100.0 * torch.arange(count)[:, None] + torch.arange(frames)
    joints = torch.zeros(count, frames, len(SEALCAP26), 3)
    joints[:, :, 12, 0] = number  # an elbow, so that the hips stay at the origin
    keypoints = number[..., None, None].expand(-1, -1, 21, 3)
    return Windows(joints, keypoints, torch.arange(count)[:, None] * torch.tensor([[1000.0, 0, 0, 0]]))


@pytest.mark.parametrize(("window", "answers"), [(3, 2), (9, 4), (1, 0)])
@pytest.mark.parametrize("at_once", [1, 10_000])
def test_answers_meet_their_truth(
    monkeypatch: pytest.MonkeyPatch, window: int, answers: int, at_once: int
) -> None:
    """Whether the newest or the middle frame is answered, in one call or many, truth is of that frame."""
    monkeypatch.setattr(evaluate, "_FRAMES_AT_ONCE", at_once)
    sequences = made()
    predicted, truth = evaluate.lift_windows(Oracle(window, answers), sequences)
    assert predicted.shape == truth.shape == (5, 12 - window + 1, 26, 3)
    own_gravity = 1000.0 * np.arange(5)[:, None]
    assert np.array_equal(predicted[:, :, 12, 0] - own_gravity, truth[:, :, 12, 0])
    assert truth[0, 0, 12, 0] == answers
    with pytest.raises(ValueError, match="as long as a window of 27 frames, got 12"):
        evaluate.lift_windows(Oracle(27, 26), sequences)


@pytest.mark.parametrize("skeleton", [SEALCAP26, H36M17], ids=lambda s: s.name)
def test_each_sequence_has_its_own_errors(skeleton: Any) -> None:
    """Row s is what the metrics say of sequence s alone, without the root where distances are meant."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(3, 6, len(skeleton), 3))
    predicted = truth + 0.1 * rng.normal(size=truth.shape)
    predicted[:, :, 0] = truth[:, :, 0]
    errors = evaluate.sequence_errors(predicted, truth, skeleton, 30.0)
    assert tuple(errors) == MEASURES
    for s in range(3):
        p, t = predicted[s], truth[s]
        assert errors["mpjpe_m"][s] == pytest.approx(metrics.mpjpe(p[:, 1:], t[:, 1:]))
        assert errors["mpjve_mps"][s] == pytest.approx(metrics.mpjve(p[:, 1:], t[:, 1:], 30.0))
        assert errors["lse"][s] == pytest.approx(structure.limb_symmetry_error(p, skeleton))
        assert errors["mpsce_m"][s] == pytest.approx(structure.mpsce(p, skeleton))
    assert all(values.shape == (3,) for values in errors.values())


def test_truth_is_perfect() -> None:
    """Predicting the truth costs nothing and gets full marks; noise gets worse in every measure."""
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(2, 6, 17, 3))
    best = evaluate.sequence_errors(truth, truth, H36M17, 30.0)
    wrong = evaluate.sequence_errors(truth + rng.normal(size=truth.shape), truth, H36M17, 30.0)
    build = {"lse", "mpsse_m", "mpsce_m", "bone_variation"}  # those of the prediction alone
    for name in set(MEASURES) - build:
        perfect = {"pck150": 1.0, "auc": 30 / 31, "depth_order": 1.0}.get(name, 0.0)
        assert best[name] == pytest.approx(perfect, abs=1e-5), name
        assert (np.abs(wrong[name] - perfect) > 0.01).all(), name


@pytest.mark.parametrize(
    ("predicted", "truth", "message"),
    [
        (np.zeros((2, 6, 17, 3)), np.zeros((2, 6, 16, 3)), r"\(2, 6, 17, 3\) and \(2, 6, 16, 3\)"),
        (np.zeros((6, 17, 3)), np.zeros((6, 17, 3)), r"must both be \(S,F,J,3\)"),
        (np.zeros((0, 6, 17, 3)), np.zeros((0, 6, 17, 3)), r"got \(0, 6, 17, 3\)"),
        (np.full((1, 6, 17, 3), np.nan), np.zeros((1, 6, 17, 3)), "288 predicted coordinates"),
        (np.zeros((1, 2, 17, 3)), np.zeros((1, 2, 17, 3)), "acceleration needs three poses"),
    ],
)
def test_bad_sequences_are_refused(predicted: np.ndarray, truth: np.ndarray, message: str) -> None:
    """Other shapes, no sequences, NaN and too few frames are said by name."""
    with pytest.raises(ValueError, match=message):
        evaluate.sequence_errors(predicted, truth, H36M17, 30.0)


def test_synthetic_evaluation_is_the_mean_of_its_sequences(
    tiny_config: TrainingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reported numbers are means of per-sequence values on seeded sequences: the same every time."""
    monkeypatch.setattr(evaluate, "SEQUENCES", 12)
    torch.manual_seed(0)
    model = tiny_config.model
    lifter = RayLifter(model.backbone, model.window, model.options).eval()
    corpus = load_corpus(tiny_config.corpus.folder, "tiny", "test")
    first = evaluate.evaluate_synthetic(lifter, corpus, tiny_config)
    assert first == evaluate.evaluate_synthetic(lifter, corpus, tiny_config)
    assert first != evaluate.evaluate_synthetic(lifter, corpus, tiny_config, seed=8)
    sequences = BatchMaker(corpus, tiny_config).windows(12, model.window + 23, seeded(7, 0))
    errors = evaluate.sequence_errors(*evaluate.lift_windows(lifter, sequences), SEALCAP26, corpus.fps)
    assert first == {name: pytest.approx(values.mean()) for name, values in errors.items()}
    assert tuple(first) == MEASURES == tuple(MEANING)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("mpjpe_m", 0.0731, ("mpjpe", "73.1 mm")),
        ("mpjve_mps", 0.25, ("mpjve", "250.0 mm/s")),
        ("acceleration_error_mps2", 3.21, ("acceleration_error", "3.2 m/s²")),
        ("bone_angle_deg", 7.25, ("bone_angle", "7.2°")),
        ("lse", 0.0123, ("lse", "1.23 %")),
        ("energy", -0.5, ("energy", "-0.5")),
    ],
)
def test_values_are_shown_with_their_unit(name: str, value: float, shown: tuple[str, str]) -> None:
    """The ending of a measure's name decides; shares are percent; what is unknown stays as it is."""
    assert readable(name, value) == shown


def test_occlusion_needs_a_truth(tmp_path: Path) -> None:
    """Hiding joints of real detections measures nothing."""
    with pytest.raises(ConfigError, match="leave out --occlusion and --energy, or --detections"):
        cli.evaluate(tmp_path / "x.onnx", detections=tmp_path, occlusion=True)
