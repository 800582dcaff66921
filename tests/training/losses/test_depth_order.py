"""RePOSE's depth ranking against its definition and its invariances."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifting.skeleton import H36M17
from training.losses.answer import Answer
from training.losses.depth_order import depth_order_space, depth_order_time

CLIPS = [[0, 1, 2], [3, 4, 5]]
MakeAnswer = Callable[..., Answer]
drawn = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def poses(seed: int, grid_m: float = 0.0) -> torch.Tensor:
    """Six random poses in double precision; with a grid, depths have ties."""
    joints = torch.randn(
        6, len(H36M17), 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    return torch.round(joints / grid_m) * grid_m if grid_m else joints


def looped(z: list[float], truth: list[float], seen: list[float], tie_m: float) -> float:
    """The sum over one K×K table, pair by pair, over its size."""
    total = 0.0
    for i in range(len(z)):
        for j in range(len(z)):
            if truth[i] + tie_m < truth[j] and seen[i] and seen[j]:
                total += max(0.0, z[i] - z[j])
    return total / len(z) ** 2


@given(st.integers(0, 999), st.sampled_from([0.0, 0.3]), st.booleans())
@drawn
def test_equal_the_loops(make_answer: MakeAnswer, seed: int, tie_m: float, seen_only: bool) -> None:
    """Both terms are the plain double loops over joints and over frames, ties and masks included."""
    predicted, target = poses(seed), poses(seed + 1, 0.25)
    seen = (torch.rand(6, len(H36M17), generator=torch.Generator().manual_seed(seed)) < 0.6).double()
    answer = make_answer(predicted, target, H36M17, seen, CLIPS)
    mask = (seen if seen_only else torch.ones_like(seen)).tolist()
    z, truth = predicted[..., 2].tolist(), target[..., 2].tolist()
    space = [looped(z[f], truth[f], mask[f], tie_m) for f in range(6)]
    time = [
        looped([z[f][k] for f in clip], [truth[f][k] for f in clip], [mask[f][k] for f in clip], tie_m)
        for clip in CLIPS
        for k in range(len(H36M17))
    ]
    options = {"tie_m": tie_m, "seen_only": seen_only}
    assert depth_order_space(answer, **options).item() == pytest.approx(sum(space) / len(space))
    assert depth_order_time(answer, **options).item() == pytest.approx(sum(time) / len(time))


@given(st.integers(0, 999), st.floats(0.05, 3.0), st.floats(-2, 2))
@drawn
def test_increasing_maps_cost_nothing(make_answer: MakeAnswer, seed: int, slope: float, shift: float) -> None:
    """Any strictly increasing map of the true depths is ranked rightly; x and y may be anything."""
    target, predicted = poses(seed, 0.25), poses(seed + 1)
    predicted[..., 2] = torch.tanh(slope * target[..., 2]) + 0.1 * target[..., 2] + shift
    answer = make_answer(predicted, target, H36M17, clips=CLIPS)
    assert depth_order_space(answer).item() == 0
    assert depth_order_time(answer).item() == 0


def test_constant_depth_costs_nothing(make_answer: MakeAnswer) -> None:
    """A flat prediction has no ranking to be wrong about: exactly 0, never negative, and no gradient."""
    predicted = poses(1)
    predicted[..., 2] = 0.7
    answer = make_answer(predicted.requires_grad_(), poses(2), H36M17, clips=CLIPS)
    loss = depth_order_space(answer) + depth_order_time(answer)
    loss.backward()
    assert loss.item() == 0
    assert predicted.grad is not None
    assert not predicted.grad.any()


@pytest.mark.parametrize("loss", [depth_order_space, depth_order_time])
def test_gradient_is_a_count_of_wrong_pairs(
    make_answer: MakeAnswer, loss: Callable[..., torch.Tensor]
) -> None:
    """x and y get exactly nothing; a wrong pair pulls its two depths together with equal force."""
    predicted = poses(3).requires_grad_()
    loss(make_answer(predicted, poses(4), H36M17, clips=CLIPS)).backward()
    assert predicted.grad is not None
    assert not predicted.grad[..., :2].any()
    assert predicted.grad[..., 2].any()
    assert predicted.grad[..., 2].sum().item() == pytest.approx(0, abs=1e-12)
    pairs = 6 * len(H36M17) ** 2 if loss is depth_order_space else 2 * len(H36M17) * 9
    counts = predicted.grad[..., 2] * pairs
    assert torch.allclose(counts, counts.round(), atol=1e-9)


def test_one_wrong_pair(make_answer: MakeAnswer) -> None:
    """Two joints swapped by 0.3 m cost 0.3 over K²; reversing all ranks costs half the mean spread."""
    target = torch.zeros(1, len(H36M17), 3)
    target[0, 5:, 2] = 1.0
    target[0, 4, 2] = 0.5
    predicted = target.clone()
    predicted[0, 4, 2], predicted[0, 5, 2] = 1.0, 0.7
    cost = (1.0 - 0.7) / len(H36M17) ** 2
    assert depth_order_space(make_answer(predicted, target, H36M17)).item() == pytest.approx(cost)
    spread = torch.cdist(target[0, :, 2:], target[0, :, 2:], p=1).mean()
    reversed_depth = make_answer(-target, target, H36M17)
    assert depth_order_space(reversed_depth).item() == pytest.approx(0.5 * spread.item())


@given(st.integers(0, 999), st.integers(1, 16))
@drawn
def test_cycling_the_ranks_costs(make_answer: MakeAnswer, seed: int, by: int) -> None:
    """Handing each joint the depth of its k-th neighbour in rank always misorders somebody."""
    target = poses(seed)[:1]
    order = target[0, :, 2].argsort()
    predicted = target.clone()
    predicted[0, order, 2] = target[0, order.roll(by), 2]
    assert depth_order_space(make_answer(predicted, target, H36M17)).item() > 0


def test_the_order_of_joints_and_frames_is_free(make_answer: MakeAnswer) -> None:
    """Renaming joints, or shuffling frames within clips, in prediction and truth alike, changes nothing."""
    predicted, target = poses(5), poses(6)
    joint = torch.randperm(len(H36M17), generator=torch.Generator().manual_seed(0))
    before = make_answer(predicted, target, H36M17, clips=CLIPS)
    after = make_answer(predicted[:, joint], target[:, joint], H36M17, clips=[[2, 0, 1], [5, 3, 4]])
    assert depth_order_space(after).item() == pytest.approx(depth_order_space(before).item())
    assert depth_order_time(after).item() == pytest.approx(depth_order_time(before).item())


def test_deviations_only_remove_pairs(make_answer: MakeAnswer) -> None:
    """A tie threshold above every difference, or nobody seen, leaves nothing to rank."""
    unseen = make_answer(poses(1), poses(2), H36M17, torch.zeros(6, len(H36M17)), CLIPS)
    for loss in (depth_order_space, depth_order_time):
        assert loss(unseen).item() > 0
        assert loss(unseen, tie_m=0.2).item() < loss(unseen).item()
        assert loss(unseen, tie_m=100.0).item() == 0
        assert loss(unseen, seen_only=True).item() == 0
        with pytest.raises(ValueError, match="tie_m must be 0 or more"):
            loss(unseen, tie_m=-0.1)


def test_without_clips_time_says_nothing(make_answer: MakeAnswer) -> None:
    """A batch of single frames costs 0 in time, attached to nothing."""
    loss = depth_order_time(make_answer(poses(1).requires_grad_(), poses(2), H36M17))
    assert loss.item() == 0
    assert not loss.requires_grad
