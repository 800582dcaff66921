"""What TensorBoard shows of a run: losses, throughput, validation and skeletons."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lifting.skeleton import SEALCAP26
from training.batches import Batch
from training.config import TrainingConfig
from training.progress import Progress
from training.trainer import train


def events(run: Path) -> EventAccumulator:
    """The events that were written."""
    found = EventAccumulator(str(run))
    found.Reload()
    return found


class FourWindows:
    """A batch as far as progress looks at it."""

    def __len__(self) -> int:
        return 4


def test_waiting_is_measured(tmp_path: Path) -> None:
    """Batches that take 20 ms, steps that take 5 ms: 80 % of the time is spent waiting, 160 windows/s."""

    def slow() -> Iterator[Batch]:
        for _ in range(21):
            time.sleep(0.02)
            yield FourWindows()  # type: ignore[misc]

    with Progress(tmp_path, 0, 21) as progress:
        for step, _ in enumerate(progress.timed(slow())):
            time.sleep(0.005)
            progress.step(step, {"total": 1.0})
    written = events(tmp_path)
    share = written.Scalars("throughput/data_share")[-1].value
    rate = written.Scalars("throughput/windows_per_s")[-1].value
    assert 0.6 < share < 0.95
    assert 60 < rate < 165
    assert written.Scalars("loss/total")[-1].step == 20


def test_skeletons_are_shown(tmp_path: Path) -> None:
    """A picture arrives as it was drawn: red, green and blue in this order."""
    pose = np.zeros((3, 26, 3), np.float32)
    pose[:, SEALCAP26.index("left_wrist")] = (1.0, 0.0, 0.0)
    with Progress(tmp_path, 0, 1) as progress:
        progress.poses(0, pose, pose, SEALCAP26)
    image = events(tmp_path).Images("poses")[0]
    picture = cv2.imdecode(np.frombuffer(image.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] == 3 * picture.shape[0] // 2
    assert (picture[..., 0].astype(int) > picture[..., 2].astype(int) + 60).any(), "left is blue; BGR here"


def test_other_processes_are_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the first of several processes shows a bar and writes."""
    with Progress(tmp_path / "run", 0, 1, shown=False) as progress:
        progress.step(0, {"total": 1.0})
        progress.validation(0, {"mpjpe_m": 0.1})
        progress.poses(0, np.zeros((1, 26, 3)), np.zeros((1, 26, 3)), SEALCAP26)
    assert not (tmp_path / "run").exists()
    assert capsys.readouterr().out == ""


def test_a_training_can_be_watched(tiny_config: TrainingConfig, tmp_path: Path) -> None:
    """A run leaves losses, validation, throughput and a picture of held-out people."""
    train(tiny_config, tmp_path)
    written = events(tmp_path)
    scalars = written.Tags()["scalars"]
    assert {"loss/total", "validation/mpjpe_m", "throughput/windows_per_s"} <= set(scalars)
    assert [image.step for image in written.Images("poses")] == [8]
