"""Answers to feed to losses."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lifting.skeleton import SEALCAP26, Skeleton
from training.losses.answer import Answer

MakeAnswer = Callable[..., Answer]


@pytest.fixture
def make_answer() -> MakeAnswer:
    """Call it with a prediction and a truth (F,J,3), optionally who was seen and which rows are clips."""

    def make(
        predicted: Tensor,
        target: Tensor,
        skeleton: Skeleton = SEALCAP26,
        seen: Tensor | None = None,
        clips: list[list[int]] | None = None,
    ) -> Answer:
        frames = len(predicted)
        return Answer(
            skeleton=skeleton,
            predicted=predicted,
            target=target,
            seen=torch.ones(predicted.shape[:2]) if seen is None else seen,
            observed=torch.zeros(predicted.shape),
            R_crop_from_cam=torch.eye(3).expand(frames, 3, 3),
            clips=torch.zeros(0, 1, dtype=torch.int64) if clips is None else torch.tensor(clips),
        )

    return make
