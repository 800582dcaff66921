"""The training loop: batches in, better weights out; can be killed and continued at any time."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from lifting.errors import ConfigError
from lifting.models.ray_lifter import RayLifter, to_camera
from training.batches import Batch, BatchMaker, feed
from training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from training.config import TrainingConfig
from training.corpus import load_corpus
from training.evaluate import evaluate_synthetic
from training.losses import LOSSES
from training.losses.answer import Answer
from training.progress import Progress

FLOOR = 0.01
"""Share of the peak learning rate at the end."""


class Trainer:
    """Network, optimiser and running mean, one step at a time."""

    def __init__(self, config: TrainingConfig) -> None:
        self.config, self.step = config, 0
        torch.manual_seed(config.seed)
        self.lifter = RayLifter(config.model.backbone, config.model.window, config.model.options)
        optimiser = config.optimiser
        self.optimiser = torch.optim.AdamW(
            self.lifter.parameters(),
            lr=optimiser.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=optimiser.weight_decay,
            fused=True,
        )
        self.ema = {name: p.detach().clone() for name, p in self.lifter.named_parameters()}
        self._bf16 = optimiser.bf16 and has_bf16()

    def train_step(self, batch: Batch) -> dict[str, float]:
        """One gradient step; returns the losses before it, unweighted, and their weighted sum `total`."""
        torch.manual_seed(self.config.seed * 7_919 + self.step)  # dropout, the same after a resume
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.config, self.step)
        self.lifter.train()
        answer = self._answer(batch)
        parts = {name: LOSSES[name](answer) for name in self.config.losses}
        total = torch.stack([weight * parts[name] for name, weight in self.config.losses.items()]).sum()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        clip_grad_norm_(self.lifter.parameters(), self.config.optimiser.clip)
        self.optimiser.step()
        self.step += 1
        self._follow()
        return {"total": total.item(), **{name: value.item() for name, value in parts.items()}}

    def averaged(self) -> RayLifter:
        """A copy of the network with the running mean of its weights, ready for use."""
        model = self.config.model
        lifter = RayLifter(model.backbone, model.window, model.options)
        lifter.load_state_dict(self.ema)
        return lifter.eval()

    def checkpoint(self, seconds: float, validation: dict[str, float]) -> Checkpoint:
        """Everything needed to continue."""
        tensors: dict[str, Tensor] = {f"ema.{name}": t for name, t in self.ema.items()}
        for name, parameter in self.lifter.named_parameters():
            tensors[f"model.{name}"] = parameter
            for kind in ("exp_avg", "exp_avg_sq"):
                tensors[f"{kind}.{name}"] = self.optimiser.state[parameter][kind]
        return Checkpoint(self.config, self.step, seconds, validation, tensors)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from there; the next step is the one an uninterrupted run would have made."""
        self.lifter.load_state_dict(checkpoint.part("model"))
        self.ema = checkpoint.part("ema")
        self.step = checkpoint.step
        moments = {kind: checkpoint.part(kind) for kind in ("exp_avg", "exp_avg_sq")}
        for name, parameter in self.lifter.named_parameters():
            state = {kind: tensors[name] for kind, tensors in moments.items()}
            self.optimiser.state[parameter] = {"step": torch.tensor(float(self.step)), **state}

    def _answer(self, batch: Batch) -> Answer:
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bf16):
            crop_joints = self.lifter.backbone(batch.crop.joints, batch.crop.context)
        joints = to_camera(crop_joints.float(), batch.crop.R_crop_from_cam)
        count = len(batch.target)
        return Answer(joints[:count], batch.target, batch.seen, joints[count:], batch.target_before)

    def _follow(self) -> None:
        """Move the running mean; early on it forgets faster, so that it never averages the first weights."""
        decay = min(self.config.optimiser.ema, (self.step + 1) / (self.step + 20))
        with torch.no_grad():
            for name, parameter in self.lifter.named_parameters():
                self.ema[name].lerp_(parameter, 1 - decay)


def train(config: TrainingConfig, run: Path, *, restart: bool = False) -> Checkpoint:
    """Train to the last step, writing `run/checkpoint.safetensors` and TensorBoard events into `run`.

    Continues from the checkpoint of an earlier, interrupted call with the same configuration unless
    `restart`. Raises DataError for a bad corpus, ConfigError when the folder holds another run.
    """
    cores = os.cpu_count() or 1
    workers = max(1, min(4, cores // 2))
    torch.set_num_threads(max(1, cores - workers))
    trainer, path = Trainer(config), run / "checkpoint.safetensors"
    seconds, validation = 0.0, dict[str, float]()
    if path.is_file() and not restart:
        before = load_checkpoint(path)
        _same_run(config, before.config, path)
        trainer.restore(before)
        seconds, validation = before.seconds, before.validation
    maker = BatchMaker(load_corpus(config.corpus.folder, config.corpus.name, "train"), config)
    held_out = load_corpus(config.corpus.folder, config.corpus.name, "val")
    last, begin = config.optimiser.steps, time.monotonic() - seconds
    with Progress(run, trainer.step, last) as progress:
        for batch in feed(maker, trainer.step, last, workers):
            progress.step(trainer.step, trainer.train_step(batch))
            ended = trainer.step == last
            if ended or trainer.step % config.validate_every == 0:
                validation = evaluate_synthetic(trainer.averaged(), held_out, config)
                progress.validation(trainer.step, validation)
            if ended or trainer.step % config.checkpoint_every == 0:
                save_checkpoint(path, trainer.checkpoint(time.monotonic() - begin, validation))
    return load_checkpoint(path)


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Linear rise, then a cosine down to `FLOOR` of the peak."""
    optimiser = config.optimiser
    rise = min(1.0, (step + 1) / max(optimiser.warmup, 1))
    cosine = 0.5 * (1 + math.cos(math.pi * step / optimiser.steps))
    return optimiser.learning_rate * rise * (FLOOR + (1 - FLOOR) * cosine)


def has_bf16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices; elsewhere autocast would only be slower."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported and supported())


def _same_run(config: TrainingConfig, before: TrainingConfig, path: Path) -> None:
    ignored = {"checkpoint_every", "validate_every"}
    new, old = config.model_dump(exclude=ignored), before.model_dump(exclude=ignored)
    for values in (new, old):
        values["corpus"].pop("folder")
    changed = [key for key in new if new[key] != old[key]]
    if changed:
        raise ConfigError(
            f"{path} belongs to a run with another {', '.join(changed)}. Choose another --out folder, or "
            f"start anew with --restart."
        )
