"""Explicit structure losses: what they measure and what leaves them cold."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from lifting.skeleton import H36M17, SEALCAP26, Skeleton
from training.losses.answer import Answer
from training.losses.bone_direction import bone_direction
from training.losses.constraint import bone_symmetry, structure

MakeAnswer = Callable[..., Answer]
both = pytest.mark.parametrize("skeleton", [SEALCAP26, H36M17], ids=lambda s: s.name)


def random_poses(skeleton: Skeleton, seed: int, count: int = 5) -> torch.Tensor:
    """Unit-size noise."""
    return torch.randn(count, len(skeleton), 3, generator=torch.Generator().manual_seed(seed))


def symmetric_poses(skeleton: Skeleton, seed: int) -> torch.Tensor:
    """Poses that are their own mirror image in x = 0."""
    joints = random_poses(skeleton, seed)
    return (joints + joints[:, skeleton.mirrored.tolist()] * torch.tensor([-1.0, 1, 1])) / 2


def turned(joints: torch.Tensor, seed: int) -> torch.Tensor:
    """Every pose rotated and moved."""
    Q = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(seed)))[0]
    return joints @ Q + 0.3


@both
def test_symmetric_figures_cost_no_symmetry(make_answer: MakeAnswer, skeleton: Skeleton) -> None:
    """A figure equal to its mirror image costs nothing in any position; the truth is not asked."""
    pose = turned(symmetric_poses(skeleton, 1), 2)
    assert bone_symmetry(make_answer(pose, torch.full_like(pose, torch.nan), skeleton)).item() < 1e-6
    assert bone_symmetry(make_answer(random_poses(skeleton, 1), pose, skeleton)).item() > 0.1


@both
def test_symmetry_is_the_mean_over_pairs(make_answer: MakeAnswer, skeleton: Skeleton) -> None:
    """A wrist pushed outwards by 0.2 m costs 0.2 over the number of mirrored bones."""
    pose = symmetric_poses(skeleton, 3)[:1]
    elbow, wrist = skeleton.indices("left_elbow", "left_wrist")
    forearm = pose[0, wrist] - pose[0, elbow]
    pose[0, wrist] += 0.2 * forearm / forearm.norm()
    pairs = {"sealcap26": 8, "h36m17": 6}[skeleton.name]
    assert bone_symmetry(make_answer(pose, pose, skeleton)).item() == pytest.approx(0.2 / pairs, rel=1e-4)


@both
def test_structure_is_bsle_plus_lse(make_answer: MakeAnswer, skeleton: Skeleton) -> None:
    """A symmetric figure 10 % too large costs 0.1; unevenness adds with its own weight."""
    truth = symmetric_poses(skeleton, 4)
    larger = make_answer(turned(1.1 * truth, 5), truth, skeleton)
    assert structure(larger).item() == pytest.approx(0.1, rel=1e-4)
    uneven = random_poses(skeleton, 6)
    answer = make_answer(uneven, uneven, skeleton)
    alone = structure(answer, symmetry=1.0).item()
    assert structure(answer, symmetry=0.0).item() == 0
    assert alone > 0.05
    assert structure(answer, symmetry=2.5).item() == pytest.approx(2.5 * alone, rel=1e-5)


@both
def test_face_does_not_count(make_answer: MakeAnswer, skeleton: Skeleton) -> None:
    """Moving nose, eyes and ears changes no structure loss."""
    pose, moved = random_poses(skeleton, 7), random_poses(skeleton, 7)
    face = [i for i, name in enumerate(skeleton.joints) if name.split("_")[-1] in ("nose", "eye", "ear")]
    moved[:, face] += 1
    for loss in (bone_symmetry, structure, bone_direction):
        assert loss(make_answer(moved, pose, skeleton)) == loss(make_answer(pose, pose, skeleton))


@both
def test_bone_direction_is_a_chord(make_answer: MakeAnswer, skeleton: Skeleton) -> None:
    """Neither lengths nor place matter; a turn by θ about an axis across all bones costs 2 sin(θ/2)."""
    truth = random_poses(skeleton, 8)
    truth[..., 2] = 0  # all bones lie in the plane of the turn
    angle = torch.tensor(0.3)
    c, s = angle.cos(), angle.sin()
    turn = torch.stack([torch.stack([c, -s, 0 * c]), torch.stack([s, c, 0 * c]), torch.tensor([0.0, 0, 1])])
    assert bone_direction(make_answer(3 * truth + 1, truth, skeleton)).item() < 1e-6
    loss = bone_direction(make_answer(truth @ turn, truth, skeleton)).item()
    assert loss == pytest.approx(2 * torch.sin(angle / 2).item(), rel=1e-4)
    assert bone_direction(make_answer(-truth, truth, skeleton)).item() == pytest.approx(2, rel=1e-5)


@pytest.mark.parametrize("loss", [bone_symmetry, structure, bone_direction])
def test_gradients_stay_finite(make_answer: MakeAnswer, loss: Callable[..., torch.Tensor]) -> None:
    """Even a figure collapsed to a point, the first thing a network may say, gives finite gradients."""
    predicted = torch.zeros(2, len(SEALCAP26), 3, requires_grad=True)
    loss(make_answer(predicted, random_poses(SEALCAP26, 9, 2))).backward()
    assert predicted.grad is not None
    assert torch.isfinite(predicted.grad).all()


def test_tables_made_in_inference_mode_can_be_trained_with(make_answer: MakeAnswer) -> None:
    """A skeleton first met while validating is as good as any."""
    fresh = Skeleton("fresh17", H36M17.joints, H36M17.parents)
    pose = random_poses(fresh, 10)
    with torch.inference_mode():
        bone_symmetry(make_answer(pose, pose, fresh))
    predicted = pose.clone().requires_grad_()
    bone_symmetry(make_answer(predicted, pose, fresh)).backward()
    assert predicted.grad is not None
