"""A judge that is a loss-net with a calibrated weight: what SEAL and the critic have in common.

They differ in what the network learns from (`_update`) and in what its energies ask of the lifter (`_term`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

import torch
from torch import Tensor

from lifting.skeleton import Skeleton
from training.devices import CPU
from training.losses.answer import Answer
from training.losses.calibration import Calibration, WeightConfig
from training.losses.learner import Learner, LearnerConfig, some_frames


class JudgeConfig(LearnerConfig, WeightConfig):
    """How the loss-net looks and learns, and how much it weighs."""


C = TypeVar("C", bound=JudgeConfig)


class NetworkJudge(ABC, Generic[C]):
    """Loss-net, optimiser and weight; a `training.losses.judge.Judge`.

    Energies are of poses in the axes of the crop, like the observation; lower is better.
    """

    def __init__(self, skeleton: Skeleton, config: C, seed: int, device: torch.device = CPU) -> None:
        """Raises ConfigError when the loss-net cannot be built."""
        self.config, self.seed, self.steps = config, seed, 0
        self.learner = Learner(skeleton, config, seed, device)
        self.calibration = Calibration(config)
        self.log: dict[str, float] = {}

    @property
    def learning(self) -> bool:
        """Whether the loss-net still changes."""
        return True

    @property
    def judging(self) -> bool:
        """Whether the energy weighs anything."""
        return True

    def learn(self, answer: Answer) -> dict[str, float]:
        """One step of the loss-net; nothing in the steps that it sits out."""
        logged: dict[str, float] = {}
        if self.learning and self.steps % self.config.every == 0:
            seen = some_frames(answer, self.config.frames, self.seed * 7_919 + self.steps)
            logged = self._update(seen.detached())
        self.steps += 1
        return logged

    def loss(self, answer: Answer, supervised: Tensor) -> Tensor:
        """α times what the energies of the lifter's answers ask of it."""
        if not self.judging:
            self.log = {}
            return answer.predicted.new_zeros(())
        judged = some_frames(answer, self.config.frames, self.seed * 7_927 + self.steps)
        energies = self._energies_of_prediction(judged)
        share = len(judged.predicted) / len(answer.predicted)
        weighted = self.calibration.weigh(self._term(energies), supervised, answer.predicted, share)
        self.log = {"energy": float(energies.detach().mean()), **self.calibration.log}
        return weighted

    def energy(self, answer: Answer) -> Tensor:
        """(F,) plausibility of what the lifter said, lower = better; float32, no gradient."""
        with torch.no_grad():
            return self._energies_of_prediction(answer)

    def tensors(self) -> dict[str, Tensor]:
        """Everything needed to continue exactly."""
        return {**self.learner.tensors(), **self.calibration.tensors(), "steps": torch.tensor(self.steps)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from there. Raises ModelError when they belong to another loss-net."""
        self.learner.restore(tensors)
        self.calibration.restore(tensors)
        self.steps = int(tensors["steps"])

    def _energies_of_prediction(self, answer: Answer) -> Tensor:
        return self.learner.judgement(answer.observed, answer.in_crop(answer.predicted))

    @abstractmethod
    def _update(self, answer: Answer) -> dict[str, float]:
        """Learn once from detached answers and their truth; returns what to log."""

    @abstractmethod
    def _term(self, energies: Tensor) -> Tensor:
        """Energies of answers (F,) -> what the lifter is to minimise, a scalar."""
