"""A tiny motion corpus made on the spot, and a configuration that trains on it in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lifting.skeleton import SEALCAP26
from training.config import TrainingConfig, parse_config

FRAMES = (40, 60, 30)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


def standing_figure(frames: int, phase: float) -> np.ndarray:
    """(frames,26,3) metres, Z up, facing +X: stands, swings its arms and sways."""
    place = {
        "pelvis": (0, 0, 0.95), "spine": (0, 0, 1.1), "chest": (0, 0, 1.3), "neck": (0, 0, 1.48),
        "head": (0, 0, 1.6), "nose": (0.11, 0, 1.58), "eye": (0.08, 0.03, 1.62), "ear": (0, 0.07, 1.6),
        "shoulder": (0, 0.18, 1.42), "elbow": (0, 0.22, 1.14), "wrist": (0.05, 0.22, 0.88),
        "hip": (0, 0.09, 0.95), "knee": (0.02, 0.09, 0.51),
        "ankle": (0, 0.09, 0.08), "heel": (-0.05, 0.09, 0.02), "toe": (0.18, 0.09, 0.02),
    }  # fmt: skip
    pose = np.zeros((len(SEALCAP26), 3))
    for i, joint in enumerate(SEALCAP26.joints):
        side, _, part = joint.partition("_")
        pose[i] = np.array(place[part or joint]) * (1, -1 if side == "right" else 1, 1)
    time = np.arange(frames) / 30 + phase
    moved = np.repeat(pose[None], frames, axis=0)
    moved[..., 1] += 0.05 * np.sin(2 * time)[:, None] * pose[:, 2]
    for side, sign in (("left", 1), ("right", -1)):
        swing = 0.25 * sign * np.sin(4 * time)
        moved[:, SEALCAP26.index(f"{side}_wrist"), 0] += 2 * swing
        moved[:, SEALCAP26.index(f"{side}_elbow"), 0] += swing
    return moved


def corpus_arrays() -> dict[str, Any]:
    """The arrays of a corpus file with three clips."""
    joints = [name.replace("left_", "l_").replace("right_", "r_") for name in SEALCAP26.joints]
    clips = [standing_figure(frames, phase) for phase, frames in enumerate(FRAMES)]
    positions = np.concatenate(clips)
    root = positions[:, 0].astype(np.float32)
    count = len(FRAMES)
    return {
        "joints": np.array([*joints[::-1], "head_top"]),
        "rel": np.round(
            np.concatenate([positions[:, ::-1], positions[:, 4:5]], axis=1) / 0.00025
            - root[:, None] / 0.00025
        ).astype(np.int16),
        "root": root,
        "scale": np.float32(0.00025),
        "start": np.concatenate([[0], np.cumsum(FRAMES)]).astype(np.int64),
        "name": np.array([f"clip{i}" for i in range(count)]),
        "subject": np.array(["one", "one", "two"]),
        "category": np.array(["walk", "stand", "stand"]),
        "stature": np.full(count, 1.7, np.float32),
        "fps": np.full(count, 30.0, np.float32),
        "joint_valid": np.ones((count, len(joints) + 1), bool),
    }


@pytest.fixture
def arrays() -> dict[str, Any]:
    """The arrays of a corpus file, to be damaged."""
    return corpus_arrays()


@pytest.fixture
def recorded_joints() -> np.ndarray:
    """(130,26,3) the joints from which the corpus was made, all clips end to end."""
    return np.concatenate([standing_figure(frames, phase) for phase, frames in enumerate(FRAMES)])


@pytest.fixture
def settings(corpus_dir: Path) -> dict[str, Any]:
    """What the YAML file of `tiny_config` would say."""
    return tiny_settings(corpus_dir)


@pytest.fixture
def corpus_dir(tmp_path: Path) -> Path:
    """A folder with tiny_train.npz, tiny_val.npz and tiny_test.npz."""
    for split in ("train", "val", "test"):
        np.savez(tmp_path / f"tiny_{split}.npz", **corpus_arrays())
    return tmp_path


@pytest.fixture
def tiny_config(corpus_dir: Path) -> TrainingConfig:
    """Trains in a second."""
    return parse_config(tiny_settings(corpus_dir), "test")


def tiny_settings(corpus_dir: Path) -> dict[str, Any]:
    """What the YAML file of `tiny_config` would say."""
    return {
        "name": "tiny",
        "checkpoint_every": 4,
        "validate_every": 50,
        "corpus": {"folder": str(corpus_dir), "name": "tiny"},
        "model": {"window": 3, "options": {"width": 32, "blocks": 1, "hidden": 32, "dropout": 0.1}},
        "losses": {"joint": 1.0, "bone_length": 0.25, "velocity": 1.0},
        "optimiser": {"steps": 8, "batch": 32, "warmup": 2, "learning_rate": 0.002},
    }
