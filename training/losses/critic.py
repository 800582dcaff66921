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

from training.losses.answer import Answer
from training.losses.network_judge import JudgeConfig, NetworkJudge


class CriticConfig(JudgeConfig):
    """How the critic looks, what it learns and how much it weighs."""

    objective: Literal["least_squares", "hinge"] = "least_squares"
    """Which adversarial game is played, see training.losses.critic."""


class Critic(NetworkJudge[CriticConfig]):
    """The discriminator of the module's text; its energy says how false an answer looks."""

    def _update(self, answer: Answer) -> dict[str, float]:
        poses = torch.stack([answer.in_crop(pose) for pose in (answer.target, answer.predicted)])
        true, false = -self.learner.energies(answer.observed, poses, self.seed * 7_919 + self.steps)
        loss = critic_game(true, false, self.config.objective)
        self.learner.descend(loss)
        ranked = (true > false).float().mean()
        values = torch.stack([loss, -true.mean(), -false.mean(), ranked]).tolist()
        return dict(zip(("loss", "truth", "prediction", "prediction_ranked"), values, strict=True))

    def _term(self, energies: Tensor) -> Tensor:
        return lifter_game(-energies, self.config.objective)


def critic_game(true: Tensor, false: Tensor, objective: str) -> Tensor:
    """What the critic minimises; scores (F,) of truth and of predictions."""
    if objective == "hinge":
        return torch.mean(functional.relu(1 - true) + functional.relu(1 + false))
    return torch.mean((true - 1).square() + false.square())


def lifter_game(false: Tensor, objective: str) -> Tensor:
    """What the lifter minimises; scores (F,) of its predictions."""
    return torch.mean(-false if objective == "hinge" else (false - 1).square())
