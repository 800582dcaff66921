"""The adversarial critic: known games, who learns when, and that it finds predictions out."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lifting.skeleton import H36M17
from training.losses.answer import Answer
from training.losses.critic import Critic, CriticConfig, critic_game, lifter_game

OBJECTIVES = ["least_squares", "hinge"]


def config(objective: str = "least_squares", **settings: float) -> CriticConfig:
    """A small graph network, calibrated to a tenth."""
    options = {"width": 32, "depth": 1, "heads": 4}
    base = {"objective": objective, "options": options, "gradient_ratio": 0.1, "learning_rate": 2e-3}
    return CriticConfig.model_validate(base | settings)


def scene(seed: int, frames: int = 64) -> tuple[nn.Linear, Answer]:
    """Truth is flat, what a fresh linear lifter says is not."""
    g = torch.Generator().manual_seed(seed)
    truth = torch.randn(frames, 17, 3, generator=g) * torch.tensor([0.4, 0.4, 0.0])
    torch.manual_seed(2)
    lifter = nn.Linear(3, 3)
    observed = torch.cat([2 * truth[..., :2], torch.ones(frames, 17, 1)], dim=-1)
    eye = torch.eye(3).expand(frames, 3, 3)
    clips = torch.zeros(0, 1, dtype=torch.int64)
    return lifter, Answer(H36M17, lifter(observed), truth, torch.ones(frames, 17), observed, eye, clips)


def test_games_at_known_scores() -> None:
    """Nobody has anything to gain where truth scores 1 and predictions 0 (least squares) or ±1 (hinge)."""
    one, zero = torch.ones(4), torch.zeros(4)
    assert critic_game(one, zero, "least_squares").item() == 0
    assert lifter_game(one, "least_squares").item() == 0
    assert critic_game(zero, one, "least_squares").item() == 2
    assert critic_game(one, -one, "hinge").item() == 0
    assert critic_game(zero, zero, "hinge").item() == 2
    assert lifter_game(0.5 * one, "hinge").item() == -0.5


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_step_changes_only_its_own_network(objective: str) -> None:
    """`learn` moves the critic alone, `loss` gives gradients to the lifter alone."""
    critic, (lifter, answer) = Critic(H36M17, config(objective), 1), scene(1)
    before = [p.clone() for p in critic.learner.network.parameters()]
    critic.learn(answer)
    assert any(
        not torch.equal(a, b) for a, b in zip(before, critic.learner.network.parameters(), strict=True)
    )
    assert all(p.grad is None for p in lifter.parameters())
    supervised = (answer.predicted - answer.target).norm(dim=-1).mean()
    critic.loss(answer, supervised).backward()
    assert all(p.grad is not None for p in lifter.parameters())
    assert all(p.grad is None for p in critic.learner.network.parameters())
    assert critic.log["gradient_ratio"] == pytest.approx(0.1, rel=1e-4)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_finds_predictions_out(objective: str) -> None:
    """Unseen truth gets lower energies than unseen predictions."""
    critic = Critic(H36M17, config(objective), 1)
    for step in range(25):
        log = critic.learn(scene(step)[1])
    assert log["prediction_ranked"] > 0.95
    unseen = scene(1000)[1]
    truth = Answer(**{**vars(unseen), "predicted": unseen.target})
    assert (critic.energy(unseen) > critic.energy(truth)).float().mean() > 0.95


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_loss_pulls_towards_the_truth(objective: str) -> None:
    """Once the critic knows truth from predictions, a step down its term scores better."""
    critic = Critic(H36M17, config(objective), 1)
    for step in range(25):
        critic.learn(scene(step)[1])
    _, answer = scene(500)
    (gradient,) = torch.autograd.grad(critic.loss(answer, answer.predicted.norm()), answer.predicted)
    moved = Answer(**{**vars(answer), "predicted": answer.predicted - 0.5 * gradient / gradient.norm()})
    game = [lifter_game(-critic.energy(a), objective) for a in (answer, moved)]
    assert game[1] < game[0]


def test_resume_is_exact() -> None:
    """A restored critic goes on as the uninterrupted one, in the steps that it sits out too."""
    one = Critic(H36M17, config(every=2, calibrate_every=2), 1)
    logs: list[list[dict[str, float]]] = [[], []]

    def go(critic: Critic, steps: range, log: list[dict[str, float]]) -> None:
        for step in steps:
            _, answer = scene(step)
            log.append(critic.learn(answer))
            log.append({"term": critic.loss(answer, answer.predicted.norm()).item(), **critic.log})

    go(one, range(3), [])
    other = Critic(H36M17, config(every=2, calibrate_every=2), 1)
    other.restore({name: t.clone() for name, t in one.tensors().items()})
    go(one, range(3, 7), logs[0])
    go(other, range(3, 7), logs[1])
    assert logs[0] == logs[1]
    assert logs[0][0] == {}
