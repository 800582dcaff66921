"""Examples for the corrector and the projector: intermediate poses, observations, truth for some of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor

from lifting.camera import Intrinsics
from lifting.errors import ConfigError, DataError
from lifting.lifter import Lifter
from lifting.models.ray_lifter import RayLifter, centre_weights, node_weights, normalise
from lifting.skeleton import BODY21, SEALCAP26
from lifting.window import TimeWindow
from training.batches import BatchMaker, from_hips, seeded
from training.checkpoint import load_checkpoint, load_weights
from training.corpus import LIVE_FPS, Corpus
from training.evaluate import load_detections
from training.pose_machine_config import IntermediateConfig, PoseMachineConfig, UnlabelledConfig
from training.trainer import make_lifter

FEWEST_POINTS = 6


@dataclass(frozen=True, eq=False)
class Examples:
    """A batch in crop axes (`lifting.models.ray_lifter`); labelled rows come first."""

    intermediate: Tensor
    """(B,26,3) metres, relative to mid-hip: what C gets."""
    observed: Tensor
    """(B,26,2) crop units: u."""
    seen: Tensor
    """(B,26) 1 where u is known."""
    target: Tensor
    """(L,26,3) metres, the truth of the first L rows; the others have none."""

    @property
    def labelled(self) -> int:
        """L."""
        return len(self.target)

    def __len__(self) -> int:
        return len(self.intermediate)


Lift = Callable[[Tensor, Tensor], Tensor]
"""Windows (B,T,21,3) and gravity (B,4) to joints (B,26,3) in camera axes."""


class ExampleMaker:
    """Makes the examples of any step: a pure function of (configuration, step)."""

    def __init__(self, corpus: Corpus, config: PoseMachineConfig) -> None:
        """Raises ModelError or ConfigError for a lifter, DataError for detections that cannot be used."""
        self._config, self._observe = config, BatchMaker(corpus, config.data())
        lifter = config.intermediate.lifter
        self._lift: Lift | None = None
        self._window = config.intermediate.window
        if lifter is not None:
            self._lift, self._window = open_lifter(lifter)
        self._bank: Tensor | None = None
        if config.unlabelled.detections is not None:
            self._bank = detection_windows(config.unlabelled.detections, self._window, config.unlabelled)

    def __call__(self, step: int) -> Examples:
        """The examples of `step`; figures with next to nothing visible are left out."""
        config, rng = self._config, seeded(self._config.seed, step)
        unlabelled = round(config.batch * config.unlabelled.share)
        synthetic = config.batch - (0 if self._bank is None else unlabelled)
        with torch.no_grad():
            made = self._observe.windows(synthetic, self._window, rng)
            keypoints, gravity = made.keypoints, made.gravity
            truth = from_hips(made.joints_cam[:, -1])
            labelled = max(len(keypoints) - (unlabelled if self._bank is None else 0), 1)
            if self._bank is not None:
                rows = torch.randint(len(self._bank), (unlabelled,), generator=rng)
                keypoints = torch.cat([keypoints, self._bank[rows]])
                gravity = torch.cat([gravity, torch.zeros(unlabelled, 4)])
            return self._examples(keypoints, gravity, truth, labelled, rng)

    def poses(self, step: int) -> Tensor:
        """True poses of `step` in crop axes, for the range tables."""
        return self(step).target

    def _examples(
        self, keypoints: Tensor, gravity: Tensor, truth: Tensor, labelled: int, rng: Generator
    ) -> Examples:
        crop = normalise(keypoints, gravity, centre_weights(), node_weights())
        R = crop.R_crop_from_cam
        target = _turned(R[: len(truth)], truth)
        if self._lift is None:
            intermediate = disturbed(target, self._config.intermediate, rng)
        else:
            intermediate = _turned(R, self._lift(keypoints, gravity))
        newest = crop.joints[:, -1]
        seen = (newest[..., 2] > -1.0).float()
        return Examples(intermediate, newest[..., :2], seen, target[:labelled])


def disturbed(poses: Tensor, config: IntermediateConfig, rng: Generator) -> Tensor:
    """Poses (B,26,3) in crop axes with wrong bone directions, as a lifter might answer them.

    Every bone is moved by a random share of its length, more along the viewing direction (z), and put back to
    its length; the errors add up along the limbs.
    """
    parents = [max(p, 0) for p in SEALCAP26.parents]
    bones = poses - poses[:, parents]
    length = bones.norm(dim=-1, keepdim=True)
    spread = torch.tensor([config.direction_sd, config.direction_sd, config.depth_sd])
    moved = bones + length * spread * torch.randn(bones.shape, generator=rng)
    moved = moved * length / moved.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    wrong = [torch.zeros_like(poses[:, 0])]
    for joint in range(1, len(SEALCAP26)):
        wrong.append(wrong[SEALCAP26.parents[joint]] + moved[:, joint])
    return from_hips(torch.stack(wrong, dim=1))


def open_lifter(path: Path) -> tuple[Lift, int]:
    """A frozen lifter, exported (.onnx) or as a checkpoint, and the frames of its window.

    Raises ModelError when the file is none, ConfigError when it is not one for live use.
    """
    if path.suffix == ".onnx":
        exported = Lifter.load(path)

        def run(keypoints: Tensor, gravity: Tensor) -> Tensor:
            return torch.from_numpy(exported.lift(keypoints.numpy(), gravity.numpy()))

        return run, exported.window_length
    trained = load_checkpoint(path)
    network = make_lifter(trained.config)
    if not isinstance(network, RayLifter) or network.frames[-1] != network.window - 1:
        raise ConfigError(
            f"{path} is no live lifter: it knows one data set's screens, or answers an earlier frame than "
            f"the newest. intermediate.lifter must be one of corpus.kind motion, in its causal form."
        )
    load_weights(network, trained.averaged(), trained.joints, network.skeleton)
    return network.eval().requires_grad_(False), network.window


def detection_windows(folder: Path, window: int, config: UnlabelledConfig) -> Tensor:
    """All windows (N,T,21,3) of a folder's clips in which somebody was found well enough.

    Raises DataError when there is none, ConfigError when there is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError(
            f"There is no folder {folder}; unlabelled.detections must name one with .npz files."
        )
    windows = [row for clip in sorted(folder.glob("*.npz")) for row in _clip_windows(clip, window, config)]
    if not windows:
        raise DataError(f"No .npz in {folder} holds a frame with {FEWEST_POINTS} detected joints.")
    return torch.from_numpy(np.stack(windows))


def _clip_windows(clip: Path, window: int, config: UnlabelledConfig) -> list[np.ndarray]:
    found = load_detections(clip)
    width, height = (int(v) for v in found["size"])
    camera = Intrinsics.from_fov(width, height, config.fov_deg)
    history, rows = TimeWindow(window, LIVE_FPS, len(BODY21)), []
    for i in np.flatnonzero(found["found"]):
        rays = camera.rays(found["points_px"][i])
        history.add(int(found["capture_time_ns"][i]), rays, found["confidence"][i])
        if np.count_nonzero(found["confidence"][i] > 0) >= FEWEST_POINTS:
            rows.append(history.sample())
    return rows


def _turned(R: Tensor, joints: Tensor) -> Tensor:
    """(B,3,3) applied to (B,J,3)."""
    return torch.einsum("bij,bkj->bki", R, joints)
