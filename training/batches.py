"""Training batches made on the fly: bodies, cameras and detector noise, one batch per step.

A batch is a pure function of (configuration, step), so a resumed run sees the same data as one that was never
stopped, and batches can be made by several threads at once.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Generator, Tensor

from lifting.camera import gravity_trust
from lifting.models.ray_lifter import Crop, centre_weights, node_weights, normalise
from lifting.skeleton import BODY21, SEALCAP26
from training.bodies import BodySampler
from training.cameras import look
from training.config import TrainingConfig
from training.corpus import Corpus
from training.detector_noise import observe

NEAREST_M = 0.3
FEWEST_POINTS = 6
_AHEAD = 3
B = TypeVar("B")


@dataclass(frozen=True, eq=False)
class Batch:
    """One step's data: W windows of T frames."""

    crop: Crop
    """(W,T,...) network input."""
    target: Tensor
    """(W,T,26,3) metres, camera axes, relative to mid-hip."""
    seen: Tensor
    """(W,T,26) 1 where the detector saw the joint."""
    clips: Tensor
    """(M,N) rows of windows that end in N consecutive frames of one person, oldest first."""

    def __len__(self) -> int:
        return len(self.target)

    def to(self, device: torch.device) -> Batch:
        """The same on `device`."""
        crop = Crop(*(part.to(device, non_blocking=True) for part in self.crop))
        rest = (part.to(device, non_blocking=True) for part in (self.target, self.seen, self.clips))
        return Batch(crop, *rest)


@dataclass(frozen=True, eq=False)
class Windows:
    """Synthetic observations with their truth, before any normalisation."""

    joints_cam: Tensor
    """(B,T,26,3) metres, camera axes."""
    keypoints: Tensor
    """(B,T,21,3) rays and confidence."""
    gravity: Tensor
    """(B,4) direction and flag, as the network gets it."""


class BatchMaker:
    """Makes the batch of any step. `clip_frames` > 1 answers a share of the windows that often in a row."""

    def __init__(self, corpus: Corpus, config: TrainingConfig, clip_frames: int = 1) -> None:
        self._config, self._bodies, self._clip = config, BodySampler(corpus, config.body), clip_frames

    def __call__(self, step: int) -> Batch:
        """The batch of `step`. Windows with next to nothing visible are left out, so sizes vary a little."""
        optimiser, window = self._config.optimiser, self._config.model.window
        with torch.no_grad():
            made = self.windows(optimiser.batch, window + self._clip - 1, seeded(self._config.seed, step))
            return cut_batch(made, window, round(len(made.keypoints) * optimiser.pairs))

    def windows(self, count: int, length: int, rng: Generator) -> Windows:
        """At most `count` windows of `length` frames."""
        config = self._config
        joints, half_tan, gravity = look(self._bodies.sample(count, length, rng), config.camera, rng)
        keypoints = observe(joints, half_tan, config.detector, rng)
        in_front = joints[..., 2].amin(dim=(1, 2)) > NEAREST_M
        good = in_front & ((keypoints[:, -1, :, 2] > 0).sum(dim=1) >= FEWEST_POINTS)
        return Windows(joints[good], keypoints[good], _told_gravity(gravity, config, rng)[good])


def seeded(seed: int, step: int) -> Generator:
    """The random numbers of one step."""
    return torch.Generator().manual_seed((seed * 1_000_003 + step) % (1 << 63))


def cut_batch(made: Windows, window: int, clips: int) -> Batch:
    """Network input from windows that are longer than `window` by the frames of a clip but one.

    All windows end in the newest frame; the first `clips` of them are also cut to end in each frame before.
    """
    earlier = made.keypoints.shape[1] - window
    clips = clips if earlier else 0
    cuts = [(slice(None), earlier), *((slice(clips), start) for start in range(earlier - 1, -1, -1) if clips)]
    keypoints, joints = (
        torch.cat([whole[rows, start : start + window] for rows, start in cuts])
        for whole in (made.keypoints, made.joints_cam)
    )
    gravity = torch.cat([made.gravity[rows] for rows, _ in cuts])
    newest, count = torch.arange(clips), len(made.keypoints)
    before = [count + clips * i + newest for i in range(len(cuts) - 1)]
    return Batch(
        crop=normalise(keypoints, gravity, _CENTRE_WEIGHTS, _NODES),
        target=from_hips(joints),
        seen=seen_joints(keypoints[..., 2]),
        clips=torch.stack([newest, *before][::-1], dim=1),
    )


def from_hips(joints: Tensor) -> Tensor:
    """(...,26,3) relative to mid-hip."""
    return joints - joints[..., _HIPS, :].mean(dim=-2, keepdim=True)


def seen_joints(confidence: Tensor) -> Tensor:
    """(...,21) confidences to (...,26) 0 or 1; joints inside the body, never reported, count as seen."""
    seen = torch.ones(*confidence.shape[:-1], len(SEALCAP26))
    seen[..., _BODY21] = (confidence > 0).float()
    return seen


def feed(maker: Callable[[int], B], first: int, last: int, workers: int = 1) -> Iterator[B]:
    """Batches of steps first..last-1 in order, made ahead by `workers` threads of one core each."""
    stop = threading.Event()
    queues: list[queue.Queue[B | BaseException]] = [queue.Queue(_AHEAD) for _ in range(workers)]

    def work(worker: int) -> None:
        torch.set_num_threads(1)
        for step in range(first + worker, last, workers):
            try:
                item: B | BaseException = maker(step)
            except Exception as error:  # noqa: BLE001 - raised again by the consumer
                item = error
            while not stop.is_set():
                try:
                    queues[worker].put(item, timeout=0.2)
                    break
                except queue.Full:
                    continue
            if stop.is_set() or isinstance(item, BaseException):
                return

    threads = [
        threading.Thread(target=work, args=(i,), name=f"batches-{i}", daemon=True) for i in range(workers)
    ]
    for thread in threads:
        thread.start()
    try:
        for step in range(first, last):
            item = queues[(step - first) % workers].get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _told_gravity(gravity: Tensor, config: TrainingConfig, rng: Generator) -> Tensor:
    """(B,3) true directions to (B,4): as wrong as the last number says, which is 0 for unknown."""
    count, (low, high) = len(gravity), config.gravity_sd_deg
    share = torch.rand(count, 1, generator=rng)
    sd_deg = torch.exp(math.log(low) + (math.log(high) - math.log(low)) * share)
    wrong = gravity + torch.deg2rad(sd_deg) * torch.randn(count, 3, generator=rng)
    known = (torch.rand(count, 1, generator=rng) < config.gravity_known).float()
    told = wrong / wrong.norm(dim=-1, keepdim=True)
    trust = torch.from_numpy(gravity_trust(sd_deg.numpy()))
    return torch.cat([told * known, trust * known], dim=-1)


_HIPS = SEALCAP26.indices("left_hip", "right_hip")
_BODY21 = SEALCAP26.indices(*BODY21.joints)
_CENTRE_WEIGHTS, _NODES = centre_weights(), node_weights()
