"""An adversarial critic, the control beside SEAL: the same network, taught to tell truth from predictions.

Its score is minus the energy, so that lower energy is better for both. With s = −E(x, ·):

    least squares   critic  mean (s(y) − 1)² + s(ŷ)²                        lifter  mean (s(ŷ) − 1)²
    hinge           critic  mean max(0, 1 − s(y)) + max(0, 1 + s(ŷ))        lifter  mean −s(ŷ)

Unlike SEAL's margin, neither knows how wrong a prediction is: they match distributions. Sources: least
squares GAN (Mao et al., ICCV 2017, labels 0 and 1), hinge (Lim and Ye, 2017; Miyato et al., ICLR 2018).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from lifting.skeleton import Skeleton
from training.losses.answer import Answer
from training.losses.calibration import Calibration, WeightConfig
from training.losses.learner import CPU, Learner, LearnerConfig, some_frames


class CriticConfig(LearnerConfig, WeightConfig):
    """How the critic looks, what it learns and how much it weighs."""

    objective: Literal["least_squares", "hinge"] = "least_squares"
    """Which adversarial game is played, see training.losses.critic."""


class Critic:
    """Discriminator, optimiser and weight. It sees poses in the axes of the crop, like the observation."""

    def __init__(
        self, skeleton: Skeleton, config: CriticConfig, seed: int, device: torch.device = CPU
    ) -> None:
        """Raises ConfigError when the network cannot be built."""
        self.config, self.seed, self.steps = config, seed, 0
        self.learner = Learner(skeleton, config, seed, device)
        self.calibration = Calibration(config)
        self.log: dict[str, float] = {}

    def learn(self, answer: Answer) -> dict[str, float]:
        """One step on truth against predictions; nothing in the steps that it sits out."""
        learns = self.steps % self.config.every == 0
        if learns:
            answer = some_frames(answer, self.config.frames, self.seed * 7_919 + self.steps)
        logged = self._update(answer.detached()) if learns else {}
        self.steps += 1
        return logged

    def loss(self, answer: Answer, supervised: Tensor) -> Tensor:
        """α times the lifter's side of the game."""
        judged = some_frames(answer, self.config.frames, self.seed * 7_927 + self.steps)
        score = -self._energies_of_prediction(judged)
        game = lifter_game(score, self.config.objective)
        share = len(judged.predicted) / len(answer.predicted)
        weighted = self.calibration.weigh(game, supervised, answer.predicted, share)
        self.log = {"energy": -float(score.detach().mean()), **self.calibration.log}
        return weighted

    def energy(self, answer: Answer) -> Tensor:
        """(F,) how false the lifter's answers look, lower = better; float32, no gradient."""
        with torch.no_grad():
            return self._energies_of_prediction(answer)

    def tensors(self) -> dict[str, Tensor]:
        """Everything needed to continue exactly."""
        return {**self.learner.tensors(), **self.calibration.tensors(), "steps": torch.tensor(self.steps)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from there. Raises ModelError when they belong to another network."""
        self.learner.restore(tensors)
        self.calibration.restore(tensors)
        self.steps = int(tensors["steps"])

    def _energies_of_prediction(self, answer: Answer) -> Tensor:
        return self.learner.judgement(answer.observed, answer.in_crop(answer.predicted))

    def _update(self, answer: Answer) -> dict[str, float]:
        poses = torch.stack([answer.in_crop(pose) for pose in (answer.target, answer.predicted)])
        true, false = -self.learner.energies(answer.observed, poses, self.seed * 7_919 + self.steps)
        loss = critic_game(true, false, self.config.objective)
        self.learner.descend(loss)
        ranked = (true > false).float().mean()
        values = torch.stack([loss, -true.mean(), -false.mean(), ranked]).tolist()
        return dict(zip(("loss", "truth", "prediction", "prediction_ranked"), values, strict=True))


def critic_game(true: Tensor, false: Tensor, objective: str) -> Tensor:
    """What the critic minimises; scores (F,) of truth and of predictions."""
    if objective == "hinge":
        return torch.mean(functional.relu(1 - true) + functional.relu(1 + false))
    return torch.mean((true - 1).square() + false.square())


def lifter_game(false: Tensor, objective: str) -> Tensor:
    """What the lifter minimises; scores (F,) of its predictions."""
    return torch.mean(-false if objective == "hinge" else (false - 1).square())
