"""SEAL-pose: a learned loss. A loss-net E_θ(x, y) judges whole poses; the lifter is trained on its energy.

    loss-net   min_θ  objective( E_θ(x, truth), E_θ(x, negatives) ) + w L_pair
    lifter     min_φ  L_pos( F_φ(x), truth ) + α mean E_θ( x, F_φ(x) )

Both are updated in turns on every mini-batch (dynamic), or E is trained first and then kept (static). At run
time only F is left. Sources: SEAL (Lee et al., NeurIPS 2022) eq. 1; SEAL-pose (arXiv 2602.20051), author
code.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor

from training.losses.answer import Answer
from training.losses.negatives import NEGATIVES
from training.losses.network_judge import JudgeConfig, NetworkJudge
from training.losses.objectives import distances, margin, nce, regression
from training.losses.temporal_pair import temporal_pair


class SealConfig(JudgeConfig):
    """How the loss-net looks, what it learns and how much it weighs."""

    objective: Literal["margin", "nce", "regression"] = "margin"
    """What the loss-net minimises, see training.losses.objectives."""
    delta: Literal["mpjpe", "mse", "l1"] = "mpjpe"
    """Δ, the distance of a negative to the truth, in metres (mse: m²), for margin and regression."""
    delta_over: Literal["sample", "batch"] = "sample"
    """Whether the margin asks each frame for its own Δ, or all for the mean over the batch as author code."""
    rho: float = 1.0
    """The margin is ρ Δ; below 0 the hinge is off and the energies are unbounded."""
    tau: float = Field(default=1.0, gt=0)
    """Temperature of nce."""
    quality_scale_m: float = Field(default=0.05, gt=0)
    """Error at which regression calls the quality 1/e (its unit is that of Δ)."""
    negatives: dict[str, float] = Field(default={"prediction": 1.0, "bone_direction": 1.0})
    """Weight of each negative, names as in training.losses.negatives.NEGATIVES."""
    pair_weight: float = Field(default=0.0, ge=0)
    """w of the temporal pair term; author code 1e-3."""
    pair_kappa: float = Field(default=1.0, ge=0)
    """κ: how much energy may change per metre of motion."""
    pair_window: int = Field(default=3, ge=1)
    """Frames over which the pair term averages."""
    schedule: Literal["dynamic", "static"] = "dynamic"
    """Learn beside the lifter all the time, or only in the first `static_steps`, before E weighs anything."""
    static_steps: int = Field(default=2000, ge=1)
    """Steps of the static schedule. `prediction` then means the lifter as it is in those steps."""

    @field_validator("negatives")
    @classmethod
    def _known_negatives(cls, negatives: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(negatives) - set(NEGATIVES))
        if unknown or not negatives:
            raise ValueError(
                f"no negative is called {', '.join(unknown) or 'nothing'}; there are {', '.join(NEGATIVES)}"
            )
        if min(negatives.values()) <= 0:
            raise ValueError("negatives need weights above 0; leave out those you do not want")
        return negatives

    @model_validator(mode="after")
    def _fits_together(self) -> SealConfig:
        if self.pair_weight and self.frames is not None:
            raise ValueError("the pair term needs all frames of a clip; leave out frames, or pair_weight")
        if self.rho == 0:
            raise ValueError("rho 0 asks for no margin at all; 1 is as published, -1 switches the hinge off")
        return self


class Seal(NetworkJudge[SealConfig]):
    """The loss-net of the module's text."""

    @property
    def learning(self) -> bool:
        """Whether the loss-net still changes."""
        return self.config.schedule == "dynamic" or self.steps < self.config.static_steps

    @property
    def judging(self) -> bool:
        """Whether the energy weighs anything; a static loss-net must have learned first."""
        return self.config.schedule == "dynamic" or self.steps >= self.config.static_steps

    def _update(self, answer: Answer) -> dict[str, float]:
        config, seed = self.config, self.seed * 7_919 + self.steps
        generator = torch.Generator(answer.target.device).manual_seed(seed)
        negatives = [NEGATIVES[name](answer, generator) for name in config.negatives]
        poses = [answer.target, *(negative.pose for negative in negatives)]
        if config.pair_weight:
            poses.append(answer.predicted)
        in_crop = torch.stack([answer.in_crop(pose) for pose in poses])
        energies = self.learner.energies(answer.observed, in_crop, seed)  # (1+K,F)
        truth, others = energies[0], energies[1 : 1 + len(negatives)]
        delta = torch.stack([distances(negative, answer.target, config.delta) for negative in negatives])
        loss = self._objective(truth, others, delta)
        logged = {"loss": loss, "truth": truth.mean()}
        for name, other in zip(config.negatives, others, strict=True):
            logged |= {name: other.mean(), f"{name}_ranked": (other > truth).float().mean()}
        if config.pair_weight:
            pair = self._pair(energies[-1], answer, generator)
            logged["pair"] = pair
            loss = loss + config.pair_weight * pair
        self.learner.descend(loss)
        return dict(zip(logged, torch.stack(list(logged.values())).tolist(), strict=True))

    def _term(self, energies: Tensor) -> Tensor:
        return energies.mean()

    def _objective(self, truth: Tensor, others: Tensor, delta: Tensor) -> Tensor:
        """truth (F,) and others (K,F) energies, delta (K,F) -> what the loss-net minimises."""
        config = self.config
        weights = truth.new_tensor(list(config.negatives.values()))
        if config.objective == "nce":
            return nce(truth, others, config.tau, weights)
        if config.objective == "regression":
            scale = config.quality_scale_m
            parts = [regression(other, d, scale) for other, d in zip(others, delta, strict=True)]
            return regression(truth, torch.zeros_like(truth), scale) + (weights * torch.stack(parts)).sum()
        if config.delta_over == "batch":
            delta = delta.mean(dim=1, keepdim=True).expand_as(delta)
        parts = [margin(truth, other, d, config.rho) for other, d in zip(others, delta, strict=True)]
        return (weights * torch.stack(parts)).sum()

    def _pair(self, energy: Tensor, answer: Answer, generator: torch.Generator) -> Tensor:
        config = self.config
        return temporal_pair(
            energy,
            answer.target,
            answer.clips,
            window=config.pair_window,
            kappa=config.pair_kappa,
            generator=generator,
        )
