"""The training loop: batches in, better weights out; can be killed and continued at any time."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from lifting.errors import ConfigError, DataError, ModelError
from lifting.models.ray_lifter import Crop, RayLifter
from lifting.models.screen_lifter import ScreenLifter
from lifting.skeleton import Skeleton
from training.batches import Batch, feed
from training.checkpoint import Checkpoint, load_checkpoint, load_weights, save_checkpoint
from training.config import TrainingConfig, config_record
from training.datasets import KINDS
from training.devices import CPU, has_bf16
from training.distributed import Process, data_parallel, joined
from training.losses.answer import Answer
from training.losses.critic import Critic
from training.losses.judge import Judge
from training.losses.seal import Seal
from training.material import Lifter, open_material
from training.progress import Progress

FLOOR = 0.01
"""Share of the peak learning rate at the end."""


class Trainer:
    """Network, optimiser, judges and running mean, one step at a time."""

    def __init__(self, config: TrainingConfig, device: torch.device = CPU) -> None:
        self.config, self.device, self.step = config, device, 0
        torch.manual_seed(config.seed)
        self.lifter = make_lifter(config).to(device)
        self._network = data_parallel(self.lifter.backbone, device)
        self.judges = make_judges(config, self.lifter.skeleton, device)
        self.terms = config.loss_terms()
        optimiser = config.optimiser
        self.optimiser = torch.optim.AdamW(
            self.lifter.parameters(),
            lr=optimiser.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=optimiser.weight_decay,
            fused=True,
        )
        self.ema = {name: p.detach().clone() for name, p in self.lifter.named_parameters()}
        self._bf16 = optimiser.bf16 and has_bf16(device)

    @property
    def clip_frames(self) -> int:
        """Frames in a row in which batches must answer part of the windows; 1 where windows alone will do."""
        one_answer = len(self.lifter.frames) == 1
        return self.config.optimiser.clip_frames if one_answer and self.config.needs_clips else 1

    def train_step(self, batch: Batch) -> dict[str, float]:
        """One gradient step; returns the losses before it, unweighted, and their weighted sum `total`.

        Judges learn first, from what the network answers as it stands (SEAL-pose's alternating update).
        Raises DataError when the loss is no number any more.
        """
        torch.manual_seed(self.config.seed * 7_919 + self.step)  # dropout, the same after a resume
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.config, self.step)
        batch = batch.to(self.device)
        logged = self._teach_judges(batch)
        self.lifter.train()
        answer = self.answer(batch)
        parts = {name: term(answer) for name, term in self.terms.items() if self.step >= term.from_step}
        supervised = torch.stack([self.terms[name].weight * value for name, value in parts.items()]).sum()
        total = supervised
        for name, judge in self._present_judges().items():
            parts[name] = judge.loss(answer, supervised)
            total = total + parts[name]
            logged |= {f"{name}_{key}": value for key, value in judge.log.items()}
        self._descend(total)
        return {"total": total.item(), **{name: value.item() for name, value in parts.items()}, **logged}

    def answer(self, batch: Batch) -> Answer:
        """What the network says to `batch`, in its present mode, with the truth beside it."""
        frames = list(self.lifter.frames)
        context = batch.crop.context if batch.crop.context.shape[-1] else None
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16):
            crop_joints = self._network(batch.crop.joints, context)
        joints = self.lifter.to_camera(crop_joints.float(), batch.crop.R_crop_from_cam)  # (W,N,J,3)
        windows, answered = joints.shape[:2]
        clips = batch.clips
        if answered > 1:
            clips = torch.arange(windows * answered, device=self.device).view(windows, answered)
        return Answer(
            skeleton=self.lifter.skeleton,
            predicted=joints.flatten(0, 1),
            target=batch.target[:, frames].flatten(0, 1),
            seen=batch.seen[:, frames].flatten(0, 1),
            observed=batch.crop.joints[:, frames].flatten(0, 1),
            R_crop_from_cam=batch.crop.R_crop_from_cam.repeat_interleave(answered, dim=0),
            clips=clips,
        )

    def averaged(self) -> Lifter:
        """A copy of the network with the running mean of its weights, ready for use."""
        lifter = make_lifter(self.config).to(self.device)
        lifter.load_state_dict(self.lifter.state_dict() | self.ema)
        return lifter.eval()

    def checkpoint(self, seconds: float, validation: dict[str, float]) -> Checkpoint:
        """Everything needed to continue."""
        tensors: dict[str, Tensor] = {f"ema.{name}": t for name, t in self.ema.items()}
        tensors |= {f"model.{name}": t for name, t in self.lifter.state_dict().items()}
        for name, parameter in self.lifter.named_parameters():
            for kind in ("exp_avg", "exp_avg_sq"):
                tensors[f"{kind}.{name}"] = self.optimiser.state[parameter][kind]
        for name, judge in self.judges.items():
            tensors |= {f"judge.{name}.{key}": t for key, t in judge.tensors().items()}
        joints = self.lifter.skeleton.joints
        return Checkpoint(self.config, self.step, seconds, validation, joints, tensors)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from there; the next step is the one an uninterrupted run would have made.

        Raises ModelError when the checkpoint is one of another network, or not whole.
        """
        load_weights(self.lifter, checkpoint.part("model"), checkpoint.joints, self.lifter.skeleton)
        self.step = checkpoint.step
        kinds = ("exp_avg", "exp_avg_sq")
        try:
            for name, parameter in self.lifter.named_parameters():
                self.ema[name] = checkpoint.tensors[f"ema.{name}"].to(self.device)
                state = {kind: checkpoint.tensors[f"{kind}.{name}"].to(self.device) for kind in kinds}
                step = torch.tensor(float(self.step), device=self.device)
                self.optimiser.state[parameter] = {"step": step, **state}
        except KeyError as error:
            raise ModelError(
                f"The checkpoint lacks {error}, without which its training cannot go on. Begin anew with "
                f"--restart."
            ) from error
        for name, judge in self.judges.items():
            judge.restore(checkpoint.part(f"judge.{name}"))

    def start_from(self, checkpoint: Checkpoint) -> None:
        """Take over what another training learned, its judges' too, and begin at step 0 with a schedule of
        one's own; judges it did not have begin untrained. Raises ModelError when the checkpoint is one of
        another network."""
        load_weights(self.lifter, checkpoint.averaged(), checkpoint.joints, self.lifter.skeleton)
        self.ema = {name: p.detach().clone() for name, p in self.lifter.named_parameters()}
        for name, judge in self.judges.items():
            if learned := checkpoint.part(f"judge.{name}"):
                judge.restore(learned)

    def _teach_judges(self, batch: Batch) -> dict[str, float]:
        judges = self._present_judges()
        if not judges:
            return {}
        self.lifter.eval()
        with torch.no_grad():
            answer = self.answer(batch)
        learned = {name: judge.learn(answer) for name, judge in judges.items()}
        return {f"{name}_{key}": value for name, log in learned.items() for key, value in log.items()}

    def _present_judges(self) -> dict[str, Judge]:
        """Those whose time has come."""
        return {name: judge for name, judge in self.judges.items() if self.step >= judge.config.from_step}

    def _descend(self, total: Tensor) -> None:
        if not math.isfinite(total.item()):
            raise DataError(
                f"The loss of step {self.step} is {total.item()}. Lower optimiser.learning_rate, or look for "
                f"broken motion in {self.config.corpus.folder}."
            )
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        clip_grad_norm_(self.lifter.parameters(), self.config.optimiser.clip)
        self.optimiser.step()
        self.step += 1
        self._follow()

    def _follow(self) -> None:
        """Move the running mean; early on it forgets faster, so that it never averages the first weights."""
        decay = min(self.config.optimiser.ema, (self.step + 1) / (self.step + 20))
        with torch.no_grad():
            for name, parameter in self.lifter.named_parameters():
                self.ema[name].lerp_(parameter, 1 - decay)


def make_lifter(config: TrainingConfig) -> Lifter:
    """An untrained network. Raises ConfigError when there is no such backbone or option."""
    model = config.model
    if config.corpus.kind == "motion":
        return RayLifter(model.backbone, model.window, model.options)
    kind = KINDS[config.corpus.kind]
    return ScreenLifter(
        model.backbone,
        kind.skeleton,
        model.window,
        model.options,
        confidence=config.corpus.confidence,
    )


def make_judges(config: TrainingConfig, skeleton: Skeleton, device: torch.device) -> dict[str, Judge]:
    """Untrained judges by name, in the order in which they learn."""
    judges: dict[str, Judge] = {}
    if config.seal:
        judges["seal"] = Seal(skeleton, config.seal, config.seed, device)
    if config.critic:
        judges["critic"] = Critic(skeleton, config.critic, config.seed, device)
    return judges


def train(config: TrainingConfig, run: Path, *, restart: bool = False) -> Checkpoint:
    """Train to the last step, writing `run/checkpoint.safetensors` and TensorBoard events into `run`.

    Continues from the checkpoint of an earlier, interrupted call with the same configuration unless
    `restart`. Under torchrun all its processes train together (`training.distributed`). Raises DataError for
    a bad corpus, ConfigError when the folder holds another run.
    """
    with joined() as process:
        _train(config, run, restart, process)
    return load_checkpoint(run / "checkpoint.safetensors")


def _train(config: TrainingConfig, run: Path, restart: bool, process: Process) -> None:
    cores = max(1, (os.cpu_count() or 1) // process.world)
    workers = max(1, min(4, cores // 2))
    torch.set_num_threads(max(1, cores - workers))
    trainer, path = Trainer(config, process.device), run / "checkpoint.safetensors"
    seconds, validation = 0.0, dict[str, float]()
    if path.is_file() and not restart:
        before = load_checkpoint(path)
        _same_run(config, before.config, path)
        trainer.restore(before)
        seconds, validation = before.seconds, before.validation
    elif config.start_from is not None:
        trainer.start_from(load_checkpoint(config.start_from))
    process.check_same(trainer.step)
    material = open_material(config, trainer.lifter.frames, trainer.clip_frames)
    last, begin = config.optimiser.steps, time.monotonic() - seconds

    def own_batch(step: int) -> Batch:
        return material.batch(process.batch_of(step))

    with Progress(run, trainer.step, last, shown=process.first) as progress:
        for batch in progress.timed(feed(own_batch, trainer.step, last, workers)):
            progress.step(trainer.step, trainer.train_step(batch))
            ended = trainer.step == last
            if process.first and (ended or trainer.step % config.validate_every == 0):
                lifter = trainer.averaged()
                validation = material.validate(lifter)
                progress.validation(trainer.step, validation)
                progress.poses(trainer.step, *some_poses(lifter, material.held_out(0)), lifter.skeleton)
            if process.first and (ended or trainer.step % config.checkpoint_every == 0):
                save_checkpoint(path, trainer.checkpoint(time.monotonic() - begin, validation))


def some_poses(
    lifter: Lifter, batch: Batch, count: int = 6
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The newest answers (N,J,3) to the first windows of `batch`, and the truth; metres, camera axes."""
    crop = Crop(*(part[:count] for part in batch.crop))
    device = next(lifter.parameters()).device
    context = crop.context.to(device) if crop.context.shape[-1] else None
    with torch.no_grad():
        joints = lifter.backbone(crop.joints.to(device), context)[:, -1:].float()
        predicted = lifter.to_camera(joints, crop.R_crop_from_cam.to(device))[:, 0].cpu()
    return predicted.numpy(), batch.target[:count, lifter.frames[-1]].numpy()


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Linear rise, then a cosine down to `FLOOR` of the peak."""
    optimiser = config.optimiser
    rise = min(1.0, (step + 1) / max(optimiser.warmup, 1))
    cosine = 0.5 * (1 + math.cos(math.pi * step / optimiser.steps))
    return optimiser.learning_rate * rise * (FLOOR + (1 - FLOOR) * cosine)


def _same_run(config: TrainingConfig, before: TrainingConfig, path: Path) -> None:
    ignored = {"checkpoint_every", "validate_every"}
    new, old = config_record(config), config_record(before)
    changed = [key for key in new if key not in ignored and new[key] != old[key]]
    if changed:
        raise ConfigError(
            f"{path} belongs to a run with another {', '.join(changed)}. Choose another --out folder, or "
            f"start anew with --restart."
        )
