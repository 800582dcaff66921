"""Training batches from benchmark sequences: windows around random valid frames, half of them mirrored.

A batch is a pure function of (configuration, step), as in `training.batches`.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lifting.errors import ConfigError
from lifting.models.screen_lifter import mirrored, screen_crop
from training.batches import Batch, seeded
from training.config import TrainingConfig
from training.datasets.sequences import Sequences

FLIPPED = 0.5
"""Share of mirrored windows."""


class ScreenBatchMaker:
    """Makes the batch of any step from one split.

    `frames` are those of the window that the network answers; the last of them is placed on a random valid
    frame. Beyond the ends of a clip, its first or last frame is repeated (VideoPose3D's padding).
    `clip_frames` > 1 answers a share of the windows that often in a row.
    """

    def __init__(
        self, data: Sequences, config: TrainingConfig, frames: tuple[int, ...], clip_frames: int = 1
    ) -> None:
        """Raises ConfigError when the data hold no frames in a row but the window wants them."""
        self._data, self._config, self._clip = data, config, clip_frames
        self._frames, self._window = frames, config.model.window
        if self._window > 1 and int(data.frames.max()) == 1:
            raise ConfigError("This data set has single pictures, no video: set model.window to 1.")
        self._keypoints, self._joints = torch.from_numpy(data.keypoints), torch.from_numpy(data.joints)
        self._clip_of_row = np.repeat(np.arange(len(data)), data.frames)
        self._usable = np.flatnonzero(self._answers_are_valid())

    def __call__(self, step: int) -> Batch:
        """The batch of `step`."""
        optimiser = self._config.optimiser
        rng = seeded(self._config.seed, step)
        chosen = torch.randint(len(self._usable), (optimiser.batch,), generator=rng).numpy()
        newest = self._usable[chosen]
        clips = round(optimiser.batch * optimiser.pairs) if self._clip > 1 else 0
        earlier = [newest[:clips] - back for back in range(1, self._clip)] if clips else []
        within = self._data.first[self._clip_of_row[newest[:clips]]]
        anchors = np.concatenate([newest, *(np.maximum(rows, within) for rows in earlier)])
        flip = torch.rand(optimiser.batch, generator=rng) < FLIPPED
        flips = torch.cat([flip, *(flip[:clips] for _ in earlier)])
        return self._batch(anchors, flips, _clip_rows(optimiser.batch, clips, self._clip))

    def _batch(self, anchors: NDArray[np.int64], flips: Tensor, clips: Tensor) -> Batch:
        clip = self._clip_of_row[anchors]
        rows = torch.from_numpy(window_rows(self._data, clip, anchors - self._frames[-1], self._window))
        keypoints, joints = self._keypoints[rows], self._joints[rows]  # (W,T,J,3)
        skeleton, turn = self._data.skeleton, flips[:, None, None, None]
        keypoints = torch.where(turn, mirrored(keypoints, skeleton), keypoints)
        joints = torch.where(turn, mirrored(joints, skeleton), joints)
        return Batch(screen_crop(keypoints), joints, (keypoints[..., 2] > 0).float(), clips)

    def _answers_are_valid(self) -> NDArray[np.bool_]:
        """(F,) whether every frame that a window anchored there answers has a truth to learn from.

        Windows that are answered throughout lie inside their clips, unless these are shorter.
        """
        answered = self._frames[-1] - self._frames[0] + 1
        span = self._clip - 1 + answered
        wrong = np.concatenate([[0], np.cumsum(~self._data.valid)])
        last, first = np.arange(len(self._data.valid)), self._data.first[self._clip_of_row]
        length = self._data.frames[self._clip_of_row]
        usable: NDArray[np.bool_] = wrong[last + 1] == wrong[np.maximum(first, last - span + 1)]
        usable &= last - first >= np.minimum(answered, length) - 1
        if not usable.any():
            raise ConfigError(f"No {span} frames in a row are valid; set a smaller model.window.")
        return usable


def window_rows(
    data: Sequences, clip: NDArray[np.int64], begin: NDArray[np.int64], window: int
) -> NDArray[np.int64]:
    """(W,T) rows of the windows that begin at rows `begin` (W,), kept inside the clips `clip` (W,)."""
    rows = begin[:, None] + np.arange(window)
    first = data.first[clip][:, None]
    inside: NDArray[np.int64] = np.clip(rows, first, first + data.frames[clip][:, None] - 1)
    return inside


def _clip_rows(batch: int, clips: int, length: int) -> Tensor:
    """(M,N) where the windows of each clip are in the batch, oldest first."""
    newest = torch.arange(clips)
    before = [batch + clips * i + newest for i in range(length - 1)]
    return torch.stack([newest, *before][::-1], dim=1)
