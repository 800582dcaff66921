"""Judges: losses with a network of their own, which learns beside the lifter and is not shipped."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from training.losses.answer import Answer
from training.losses.learner import LearnerConfig


class Judge(Protocol):
    """What the trainer asks of SEAL's loss-net and of the critic."""

    @property
    def config(self) -> LearnerConfig:
        """How it learns, and from which step on."""

    log: dict[str, float]
    """What the last `loss` has to report, its weight for example."""

    def learn(self, answer: Answer) -> dict[str, float]:
        """One step of the judge's own optimiser on answers and truth; returns what to log."""

    def loss(self, answer: Answer, supervised: Tensor) -> Tensor:
        """The weighted term for the lifter, a scalar; the judge's own parameters get no gradient.

        `supervised` is the sum of all plain losses of the same answer, to which the weight may be set in
        proportion.
        """

    def tensors(self) -> dict[str, Tensor]:
        """Everything needed to continue exactly."""

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from there."""
