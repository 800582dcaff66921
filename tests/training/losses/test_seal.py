"""SEAL as a whole: who learns when, from what, and that the loss-net ends up knowing plausible poses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from lifting.errors import ConfigError, ModelError
from lifting.skeleton import H36M17, SEALCAP26, Skeleton
from training.losses.answer import Answer
from training.losses.negatives import NEGATIVES
from training.losses.seal import Seal, SealConfig

SMALL = {"width": 32, "depth": 2, "heads": 4}


def config(**settings: Any) -> SealConfig:
    """A small graph loss-net, calibrated to a tenth, in float32."""
    return SealConfig.model_validate({"options": SMALL, "gradient_ratio": 0.1, "bf16": False} | settings)


def figures(count: int, seed: int, skeleton: Skeleton = H36M17) -> Answer:
    """People of different size and heading with swinging limbs, seen from the front; answers are 5 cm off."""
    g = torch.Generator().manual_seed(seed)
    shape = torch.Generator().manual_seed(17)
    rest = torch.nn.functional.normalize(torch.randn(len(skeleton), 3, generator=shape), dim=-1)
    for i, name in enumerate(skeleton.joints):
        if name.startswith("right_"):
            rest[i] = rest[skeleton.mirrored[i]] * torch.tensor([-1.0, 1, 1])
    bone = 0.25 * rest + 0.06 * torch.randn(count, len(skeleton), 3, generator=g)
    bone = bone * (0.25 / bone.norm(dim=-1, keepdim=True)) * (1 + 0.1 * torch.randn(count, 1, 1, generator=g))
    truth = torch.zeros(count, len(skeleton), 3)
    for parent, child in sorted(skeleton.edges, key=lambda edge: depth_of(skeleton, edge[1])):
        truth[:, child] = truth[:, parent] + bone[:, child]
    yaw = 0.3 * torch.randn(count, generator=g)
    R_cam_from_crop = torch.eye(3).repeat(count, 1, 1)
    R_cam_from_crop[:, 0, 0] = R_cam_from_crop[:, 2, 2] = yaw.cos()
    R_cam_from_crop[:, 0, 2], R_cam_from_crop[:, 2, 0] = yaw.sin(), -yaw.sin()
    observed = torch.cat([2 * truth[..., :2], torch.ones(count, len(skeleton), 1)], dim=-1)
    wrong = truth + 0.03 * torch.randn(truth.shape, generator=g)
    wrong[:, 0] = 0
    return Answer(
        skeleton=skeleton,
        predicted=torch.einsum("fij,fkj->fki", R_cam_from_crop, wrong),
        target=torch.einsum("fij,fkj->fki", R_cam_from_crop, truth),
        seen=torch.ones(truth.shape[:2]),
        observed=observed,
        R_crop_from_cam=R_cam_from_crop.transpose(1, 2),
        clips=torch.arange(count).view(-1, 4),
    )


def depth_of(skeleton: Skeleton, joint: int) -> int:
    """Links to the root."""
    parent = skeleton.parents[joint]
    return 0 if parent < 0 else 1 + depth_of(skeleton, parent)


def checksum(module: nn.Module) -> list[float]:
    """Of every parameter."""
    return [p.detach().double().abs().sum().item() for p in module.parameters()]


def lifted(answer: Answer) -> tuple[nn.Linear, Answer, Tensor]:
    """A one-layer lifter, its answer, and its supervised loss."""
    torch.manual_seed(4)
    lifter = nn.Linear(3, 3)
    predicted = lifter(answer.observed)
    moved = Answer(**{**vars(answer), "predicted": predicted})
    return lifter, moved, (predicted - answer.target).norm(dim=-1).mean()


@pytest.mark.parametrize("loss_net", ["graph", "mlp"])
@pytest.mark.parametrize("objective", ["margin", "nce", "regression"])
def test_each_step_changes_only_its_own_network(loss_net: str, objective: str) -> None:
    """`learn` moves the loss-net and not the lifter; `loss` gives gradients to the lifter and to it alone."""
    options = SMALL if loss_net == "graph" else {"width": 32}
    seal = Seal(
        H36M17, config(loss_net=loss_net, options=options, objective=objective, learning_rate=1e-2), 1
    )
    lifter, answer, supervised = lifted(figures(16, 1))
    before = checksum(seal.learner.network), checksum(lifter)
    seal.learn(answer)
    after = checksum(seal.learner.network)
    assert after != before[0]
    assert checksum(lifter) == before[1]
    assert all(p.grad is None for p in lifter.parameters())
    seal.loss(answer, supervised).backward()
    assert all(p.grad is not None and p.grad.any() for p in lifter.parameters())
    assert all(p.grad is None for p in seal.learner.network.parameters())
    assert checksum(seal.learner.network) == after


def test_gradient_ratio_is_met() -> None:
    """‖α∇E‖/‖∇L_pos‖ at the answers is within 10 % of the target, and is what the log says."""
    seal = Seal(H36M17, config(gradient_ratio=0.08, calibrate_every=2), 1)
    for step in range(20):
        seal.learn(figures(32, step))
    for step in range(10):  # the last one does not measure
        _, answer, supervised = lifted(figures(32, 100 + step))
        loss = seal.loss(answer, supervised)
    pull, reference = (
        torch.autograd.grad(x, answer.predicted, retain_graph=True)[0].norm().item()
        for x in (loss, supervised)
    )
    assert pull / reference == pytest.approx(0.08, rel=0.1)
    assert seal.log["gradient_ratio"] == pytest.approx(pull / reference, rel=0.1)


def test_energy_is_the_loss_per_frame() -> None:
    """`energy` (F,) of the answers, whose mean times α is the loss; blind to how the camera is turned."""
    seal = Seal(H36M17, config(gradient_ratio=None, weight=0.5), 1)
    answer = figures(8, 3)
    energy = seal.energy(answer)
    assert energy.shape == (8,)
    assert not energy.requires_grad
    _, moved, supervised = lifted(answer)
    assert seal.loss(moved, supervised).item() == pytest.approx(
        0.5 * seal.energy(moved).mean().item(), rel=1e-5
    )
    assert seal.log["energy"] == pytest.approx(seal.energy(moved).mean().item(), rel=1e-5)
    turned = Answer(
        **{
            **vars(answer),
            "predicted": answer.in_crop(answer.predicted),
            "R_crop_from_cam": torch.eye(3).expand(8, 3, 3),
        }
    )
    torch.testing.assert_close(seal.energy(turned), energy)


def test_confidence_is_seen_with_three_channels_only() -> None:
    """With channels: 2 the third column of the observation changes nothing."""
    answer = figures(4, 1)
    doubted = Answer(**{**vars(answer), "observed": answer.observed * torch.tensor([1.0, 1, -1])})
    for channels, same in ((2, True), (3, False)):
        seal = Seal(H36M17, config(channels=channels), 1)
        assert torch.equal(seal.energy(answer), seal.energy(doubted)) == same


MLP = {"loss_net": "mlp", "options": {"width": 256, "dropout": 0.0}, "negatives": {"bone_direction": 1.0}}


@pytest.mark.parametrize(
    ("settings", "steps"),
    [({"learning_rate": 2e-3}, 120), ({"learning_rate": 1e-3} | MLP, 300)],
    ids=["graph", "mlp"],
)
def test_plausible_poses_get_lower_energy_on_unseen_people(settings: dict[str, Any], steps: int) -> None:
    """After some steps the truth ranks below the negatives of poses that the loss-net never met."""
    seal = Seal(H36M17, config(**settings), 1)
    for step in range(steps):
        seal.learn(figures(64, step))
    unseen = figures(512, 10_000)
    truth = seal.energy(Answer(**{**vars(unseen), "predicted": unseen.target}))
    for name in seal.config.negatives:
        wrong = NEGATIVES[name](unseen, torch.Generator().manual_seed(9)).pose
        energy = seal.energy(Answer(**{**vars(unseen), "predicted": wrong}))
        assert (energy > truth).float().mean() > (0.7 if "loss_net" in settings else 0.85)


def test_a_margin_that_is_met_teaches_nothing() -> None:
    """ρ near 0 is satisfied soon; then neither the loss nor a parameter moves any more."""
    seal = Seal(H36M17, config(rho=1e-6, negatives={"bone_direction": 1.0}, learning_rate=1e-2), 1)
    answer = figures(16, 1)
    losses = [seal.learn(answer)["loss"] for _ in range(60)]
    assert losses[0] > 0
    assert min(losses) < 0.1 * losses[0]


def test_margin_over_sample_or_batch() -> None:
    """At equal energies both ask for the mean Δ; unequal errors make the difference felt per frame."""
    seal = Seal(H36M17, config(negatives={"prediction": 1.0}), 1)
    other = Seal(H36M17, config(negatives={"prediction": 1.0}, delta_over="batch"), 1)
    truth, delta = torch.zeros(4), torch.tensor([[0.0, 0.0, 0.0, 4.0]])
    same = torch.zeros(1, 4)
    assert seal._objective(truth, same, delta).item() == other._objective(truth, same, delta).item() == 1
    risen = torch.tensor([[1.0, 1.0, 1.0, 1.0]])
    assert seal._objective(truth, risen, delta).item() == pytest.approx(3 / 4)
    assert other._objective(truth, risen, delta).item() == 0


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"options": SMALL | {"dropout": 0.3}, "bf16": True},
        {"objective": "nce", "negatives": dict.fromkeys(NEGATIVES, 0.5), "every": 2},
        {"pair_weight": 0.1, "pair_window": 2},
        {"schedule": "static", "static_steps": 4, "negatives": {"gaussian": 1.0}},
        {"loss_net": "mlp", "options": {"width": 16, "batch_norm": True}},
    ],
)
def test_resume_is_exact(settings: dict[str, Any]) -> None:
    """Weights, moments, random numbers and the calibrated weight go on as if nothing had happened."""
    settings = {"calibrate_every": 2} | settings
    one = Seal(H36M17, config(**settings), 1)
    steps(one, range(3))
    other = Seal(H36M17, config(**settings), 1)
    other.restore({name: t.clone() for name, t in one.tensors().items()})
    torch.manual_seed(99)
    expected = steps(one, range(3, 8))
    torch.manual_seed(7)
    assert steps(other, range(3, 8)) == expected
    restored = other.tensors()
    assert all(torch.equal(t, restored[name]) for name, t in one.tensors().items())


def steps(seal: Seal, which: range) -> list[dict[str, float]]:
    """What the judge logs in these steps."""
    logs = []
    for step in which:
        _, answer, supervised = lifted(figures(8, step))
        logs.append(seal.learn(answer))
        logs[-1] = logs[-1] | {"term": seal.loss(answer, supervised).item(), **seal.log}
    return logs


def test_random_numbers_of_others_are_left_alone() -> None:
    """Dropout in the loss-net does not shift the lifter's: arms of a comparison differ in the loss only."""
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    seal = Seal(H36M17, config(options=SMALL | {"dropout": 0.3}), 1)
    steps_seed = torch.get_rng_state()
    seal.learn(figures(8, 1))
    assert torch.equal(steps_seed, torch.get_rng_state())
    assert torch.equal(torch.rand(3), expected)


def test_static_learns_first_and_judges_after() -> None:
    """No term while E learns; then no learning any more."""
    seal = Seal(H36M17, config(schedule="static", static_steps=2, negatives={"gaussian": 1.0}), 1)
    logs = steps(seal, range(2))
    assert [log["term"] for log in logs] == [0, pytest.approx(logs[1]["term"])]
    assert "loss" in logs[0]
    trained = checksum(seal.learner.network)
    later = steps(seal, range(2, 4))
    assert all(log["term"] != 0 and "loss" not in log for log in later)
    assert checksum(seal.learner.network) == trained


def test_learns_every_nth_step() -> None:
    """every: 3 learns in steps 0, 3, 6 and judges in all."""
    seal = Seal(H36M17, config(every=3), 1)
    logs = steps(seal, range(7))
    assert ["loss" in log for log in logs] == [True, False, False, True, False, False, True]
    assert all(log["term"] != 0 for log in logs)


def test_pair_term_steadies_energies() -> None:
    """With a large weight, energies of the four frames of a clip come together."""
    answer = figures(32, 1)
    spread = []
    for weight in (0.0, 10.0):
        seal = Seal(H36M17, config(pair_weight=weight, pair_kappa=0.0, pair_window=1, learning_rate=5e-3), 1)
        for _ in range(20):
            log = seal.learn(answer)
        assert ("pair" in log) == (weight > 0)
        spread.append(seal.energy(answer)[answer.clips].std(dim=1).mean().item())
    assert spread[1] < 0.5 * spread[0]


def test_checkpoint_of_another_loss_net() -> None:
    """Another width, another skeleton, or nothing at all: an error that says what to do."""
    tensors = Seal(H36M17, config(), 1).tensors()
    for seal, given in (
        (Seal(H36M17, config(options=SMALL | {"width": 16}), 1), tensors),
        (Seal(SEALCAP26, config(), 1), tensors),
        (Seal(H36M17, config(), 1), {}),
    ):
        with pytest.raises(ModelError, match="no graph loss-net of this size for this skeleton"):
            seal.restore(given)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"negatives": {"guess": 1.0}}, "no negative is called guess; there are prediction, gaussian"),
        ({"negatives": {}}, "no negative is called nothing"),
        ({"negatives": {"gaussian": 0.0}}, "weights above 0"),
        ({"options": {"wide": 3}}, "graph has no option wide; it has width, depth"),
        ({"loss_net": "mlp", "options": {"depth": 3}}, "mlp has no option depth; it has width, dropout"),
        ({"rho": 0.0}, "rho 0 asks for no margin"),
        ({"weight": 0.1}, "give either weight or gradient_ratio"),
        ({"unknown": 1}, "Extra inputs"),
    ],
)
def test_impossible_settings(settings: dict[str, Any], message: str) -> None:
    """Each is refused with what would be right."""
    with pytest.raises(ValidationError, match=message):
        config(**settings)


def test_impossible_network() -> None:
    """Options that only the network itself can refuse."""
    with pytest.raises(ConfigError, match="loss-net graph cannot be built: heads must divide"):
        Seal(H36M17, config(options={"width": 30}), 1)


def test_some_frames_stand_for_all() -> None:
    """Judging a quarter of the frames pulls the answers, on average, as judging all of them."""
    answer = figures(64, 3)
    _, whole, _ = lifted(answer)
    judge = Seal(H36M17, config(weight=1.0, gradient_ratio=None, frames=16), seed=1)
    full = Seal(H36M17, config(weight=1.0, gradient_ratio=None), seed=1)
    expected = pull(full, whole)
    pulls = []
    for step in range(200):
        judge.steps = step
        pulls.append(pull(judge, whole))
    assert all((row.abs().sum(dim=(1, 2)) > 0).sum() == 16 for row in pulls)
    mean = torch.stack(pulls).mean(dim=0)
    assert torch.nn.functional.cosine_similarity(mean.flatten(), expected.flatten(), dim=0) > 0.9
    assert mean.norm().item() == pytest.approx(expected.norm().item(), rel=0.15)


def test_the_ratio_does_not_depend_on_how_many_frames_are_judged() -> None:
    """The reported gradient ratio of some frames is that of all, give or take the choice."""
    answer = figures(256, 5)
    _, whole, supervised = lifted(answer)
    ratios = []
    for frames in (None, 64):
        judge = Seal(H36M17, config(weight=1.0, gradient_ratio=None, frames=frames), seed=1)
        judge.loss(whole, supervised)
        ratios.append(judge.log["gradient_ratio"])
    assert ratios[1] == pytest.approx(ratios[0], rel=0.25)


def test_the_pair_term_wants_all_frames() -> None:
    """Chosen frames are no clips any more."""
    with pytest.raises(ValidationError, match="leave out frames"):
        config(frames=8, pair_weight=0.1)


def pull(judge: Seal, answer: Answer) -> Tensor:
    """Gradient of the judge's term by the answers."""
    supervised = answer.predicted.square().mean()
    (gradient,) = torch.autograd.grad(judge.loss(answer, supervised), answer.predicted, retain_graph=True)
    return gradient
