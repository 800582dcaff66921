"""Training of the corrector C and the projector P behind a frozen lifter.

3D Human Pose Machines with Self-supervised Learning (Wang et al., TPAMI 2019), stages 3 to 5. With the pose p
of the lifter, its truth p*, the observation u and a joint mask m, a step descends

    ½ Σ|p̃ − p*|² + ½ Σ|bone p̃ − bone p*|²      examples with 3D, p̃ = C(m p)
    ½ Σ|M(û − u)|² + w ½ Σ|bone Mû − bone Mu|²   all examples, û = P(p̃); w = 0 before stage 5

each a mean over its examples, 3D in the units of the range tables. Examples without 3D take part by their
projection alone: the self-supervision. Adam with a constant rate, gradients clipped to norm 5.

Differences: the lifter stays frozen in every stage, so that its own losses are constants and left out; the 2D
observations are those of a detector, not of a network trained along.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from lifting.errors import ConfigError, DataError
from lifting.models.pose_machine import Corrector, Projector, bone_vectors
from lifting.models.refinement import observed_mask, refine
from lifting.skeleton import SEALCAP26
from training import metrics
from training.batches import feed, seeded
from training.corpus import check_live_rate, load_corpus
from training.pose_machine_checkpoint import PoseMachine, load_pose_machine, save_pose_machine
from training.pose_machine_config import PoseMachineConfig, StageConfig
from training.pose_machine_data import ExampleMaker, Examples
from training.progress import Progress

BETAS = (0.9, 0.999)
TRUNK = ("spine", "head")
"""Masked by `trunk_mask`: joints 7 and 9 of the paper."""
RANGE_STEP, VALIDATION_STEP, VALIDATION_BATCHES = -1, -2, 2
"""Steps whose examples set the range tables and measure; training never makes them."""


class PoseMachineTrainer:
    """C, P and their optimiser, one step at a time."""

    def __init__(self, config: PoseMachineConfig, poses: Tensor) -> None:
        """`poses` (N,26,3), metres in crop axes, set the range tables."""
        self.config, self.step = config, 0
        torch.manual_seed(config.seed)
        self.corrector = Corrector(SEALCAP26, width=config.width)
        self.projector = Projector(SEALCAP26, width=config.width)
        self.corrector.range.fit(poses)
        self.projector.range.load_state_dict(self.corrector.range.state_dict())
        self.optimiser = self._fresh_optimiser(config.stages[0])

    def train_step(self, examples: Examples) -> dict[str, float]:
        """One gradient step; returns the losses before it, unweighted, and their weighted sum `total`.

        Raises DataError when the loss is no number any more.
        """
        stage, first = stage_of(self.config, self.step)
        if self.step == first and self.step > 0:
            self.optimiser = self._fresh_optimiser(stage)
        parts = self.losses(examples, stage)
        weights = {**self.config.weights.model_dump(), "bone_2d": stage.bone_2d}
        total = torch.stack([weights[name] * value for name, value in parts.items()]).sum()
        if not bool(torch.isfinite(total)):
            raise DataError(
                f"The loss of step {self.step} is {total.item()}. Lower the stage's learning_rate."
            )
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        clip_grad_norm_([*self.corrector.parameters(), *self.projector.parameters()], self.config.clip)
        self.optimiser.step()
        self.step += 1
        return {"total": total.item(), **{name: value.item() for name, value in parts.items()}}

    def losses(self, examples: Examples, stage: StageConfig) -> dict[str, Tensor]:
        """The module's text, unweighted."""
        corrected = self.corrector(self.masked(examples.intermediate, stage))
        projected = self.projector(corrected)
        answer, truth = (
            self.corrector.range.scaled(p) for p in (corrected[: examples.labelled], examples.target)
        )
        seen = examples.seen[..., None]
        shown, wanted = projected * seen, examples.observed * seen
        return {
            "pose_3d": _half_square(answer - truth),
            "bone_3d": _half_square(bone_vectors(answer - truth, SEALCAP26)),
            "projection": _half_square(shown - wanted),
            "bone_2d": _half_square(bone_vectors(shown - wanted, SEALCAP26)),
        }

    def machine(self, seconds: float = 0.0, validation: dict[str, float] | None = None) -> PoseMachine:
        """Everything needed to use C and P, and to continue their training."""
        return PoseMachine(
            self.config, self.step, seconds, validation or {}, self.corrector, self.projector, self._moments()
        )

    def restore(self, before: PoseMachine) -> None:
        """Continue from there; the next step is the one an uninterrupted run would have made."""
        self.corrector.load_state_dict(before.corrector.state_dict())
        self.projector.load_state_dict(before.projector.state_dict())
        self.step = before.step
        stage, first = stage_of(self.config, max(self.step - 1, 0))
        self.optimiser = self._fresh_optimiser(stage)
        for name, parameter in self._parameters().items():
            if f"exp_avg.{name}" in before.moments:
                self.optimiser.state[parameter] = {
                    "step": torch.tensor(float(self.step - first)),
                    **{kind: before.moments[f"{kind}.{name}"].clone() for kind in ("exp_avg", "exp_avg_sq")},
                }

    def _fresh_optimiser(self, stage: StageConfig) -> torch.optim.Adam:
        heads = [*self.corrector.out.parameters(), *self.projector.out.parameters()]
        inner = [p for p in self._parameters().values() if all(p is not head for head in heads)]
        groups: list[dict[str, Any]] = [
            {"params": inner},
            {"params": heads[:2], "lr": stage.learning_rate * stage.corrector_head},
            {"params": heads[2:], "lr": stage.learning_rate * stage.projector_head},
        ]
        return torch.optim.Adam(groups, lr=stage.learning_rate, betas=BETAS)

    def _parameters(self) -> dict[str, torch.nn.Parameter]:
        networks = {"corrector": self.corrector, "projector": self.projector}
        return {f"{name}.{key}": p for name, net in networks.items() for key, p in net.named_parameters()}

    def _moments(self) -> dict[str, Tensor]:
        return {
            f"{kind}.{name}": self.optimiser.state[parameter][kind]
            for name, parameter in self._parameters().items()
            for kind in ("exp_avg", "exp_avg_sq")
            if parameter in self.optimiser.state
        }

    def masked(self, pose: Tensor, stage: StageConfig) -> Tensor:
        """Joints zeroed at random; zero in the units of the tables, as C gets them."""
        chance = torch.full((len(SEALCAP26),), stage.joint_mask)
        chance[SEALCAP26.indices(*TRUNK)] = stage.trunk_mask
        draw = torch.rand(pose.shape[:2], generator=seeded(self.config.seed + 77, self.step))
        return torch.where((draw < chance)[..., None], self.corrector.range.low, pose)


def train_pose_machine(config: PoseMachineConfig, run: Path, *, restart: bool = False) -> PoseMachine:
    """Train through all stages, writing `run/pose_machine.safetensors` and TensorBoard events into `run`.

    Continues an earlier, interrupted call with the same configuration unless `restart`. Raises DataError for
    a bad corpus, ModelError for a bad lifter, ConfigError when the folder holds another run.
    """
    path = run / "pose_machine.safetensors"
    folder = config.corpus.folder
    maker, held_out = (
        ExampleMaker(check_live_rate(load_corpus(folder, config.corpus.name, split), folder), config)
        for split in ("train", "val")
    )
    trainer = PoseMachineTrainer(config, torch.cat([maker.poses(RANGE_STEP - i * 10) for i in range(4)]))
    seconds, validation = 0.0, dict[str, float]()
    if path.is_file() and not restart:
        before = load_pose_machine(path)
        _same_run(config, before.config, path)
        trainer.restore(before)
        seconds, validation = before.seconds, before.validation
    begin = time.monotonic() - seconds
    with Progress(run, trainer.step, config.steps) as progress:
        for examples in progress.timed(feed(maker, trainer.step, config.steps)):
            progress.step(trainer.step, trainer.train_step(examples))
            ended = trainer.step == config.steps
            if ended or trainer.step % config.validate_every == 0:
                validation = measure(trainer.corrector, trainer.projector, held_out)
                progress.validation(trainer.step, validation)
            if ended or trainer.step % config.checkpoint_every == 0:
                save_pose_machine(path, trainer.machine(time.monotonic() - begin, validation))
    return load_pose_machine(path)


def measure(
    corrector: Corrector,
    projector: Projector,
    maker: ExampleMaker,
    *,
    steps: int = 2,
    learning_rate: float = 1e-5,
    batches: int = VALIDATION_BATCHES,
) -> dict[str, float]:
    """Errors of the intermediate, the corrected and the refined pose on labelled examples.

    `mpjpe_m` is that of the corrected pose; `projection` and `refined_projection` are the root mean square of
    M(û − u) before and after refinement, crop units.
    """
    parts = [maker(VALIDATION_STEP - 10 * i) for i in range(batches)]
    labels = [part.labelled for part in parts]
    pose, observed, seen = (
        torch.cat([getattr(part, name)[:n] for part, n in zip(parts, labels, strict=True)])
        for name in ("intermediate", "observed", "seen")
    )
    truth = torch.cat([part.target for part in parts])
    mask = observed_mask(SEALCAP26, seen)
    poses = {"intermediate_": pose, "": refine(corrector, projector, pose, observed, mask, steps=0)}
    poses["refined_"] = refine(
        corrector, projector, pose, observed, mask, steps=steps, learning_rate=learning_rate
    )
    out: dict[str, float] = {}
    for name, answer in poses.items():
        out[f"{name}mpjpe_m"] = metrics.mpjpe(answer[:, 1:].numpy(), truth[:, 1:].numpy())
        out[f"{name}p_mpjpe_m"] = metrics.p_mpjpe(answer[:, 1:].numpy(), truth[:, 1:].numpy())
    for name in ("", "refined_"):
        with torch.no_grad():
            off = (projector(poses[name]) - observed) * mask[..., None]
        out[f"{name}projection"] = float((off.square().sum() / (2 * mask.sum())).sqrt())
    return out


def stage_of(config: PoseMachineConfig, step: int) -> tuple[StageConfig, int]:
    """The stage to which a step belongs, and the stage's first step."""
    first = 0
    for stage in config.stages:
        if step < first + stage.steps:
            return stage, first
        first += stage.steps
    raise ValueError(f"the run has {first} steps, so there is no step {step}")


def _half_square(difference: Tensor) -> Tensor:
    """½ mean_b Σ |·|², Caffe's Euclidean loss."""
    return 0.5 * difference.square().flatten(1).sum(dim=1).mean()


def _same_run(config: PoseMachineConfig, before: PoseMachineConfig, path: Path) -> None:
    ignored = {"checkpoint_every", "validate_every", "corpus", "intermediate", "unlabelled"}
    new, old = config.model_dump(exclude=ignored), before.model_dump(exclude=ignored)
    changed = [key for key in new if new[key] != old[key]]
    if changed:
        raise ConfigError(
            f"{path} belongs to a run with another {', '.join(changed)}. Choose another --out folder, or "
            f"start anew with --restart."
        )
