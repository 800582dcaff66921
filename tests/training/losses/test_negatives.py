"""Negatives are wrong in the way they say, and in no other."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lifting.skeleton import H36M17, SEALCAP26, Skeleton
from training.datasets.skeletons import WHOLEBODY133
from training.losses.answer import Answer
from training.losses.bones import bone_vectors
from training.losses.negatives import NEGATIVES, Negative, turn_across
from training.segments import bones

MakeAnswer = Callable[..., Answer]
both = pytest.mark.parametrize("skeleton", [SEALCAP26, H36M17], ids=lambda s: s.name)
FRAMES = 2000


def made(name: str, make_answer: MakeAnswer, skeleton: Skeleton, seed: int = 5) -> tuple[Answer, Negative]:
    """Truth, a prediction near it, and negatives of one kind."""
    g = torch.Generator().manual_seed(1)
    truth = 0.4 * torch.randn(FRAMES, len(skeleton), 3, generator=g)
    truth[:, 0] = 0
    answer = make_answer(truth + 0.05 * torch.randn(truth.shape, generator=g), truth, skeleton)
    return answer, NEGATIVES[name](answer, torch.Generator().manual_seed(seed))


def changes(answer: Answer, negative: Negative) -> tuple[Tensor, Tensor]:
    """(F,S) ratio of lengths and angle in degrees of each bone to the truth's."""
    true, false = (bone_vectors(pose, answer.skeleton).double() for pose in (answer.target, negative.pose))
    cross = torch.linalg.cross(true, false).norm(dim=-1)
    angle = torch.atan2(cross, (true * false).sum(dim=-1)).rad2deg()
    return false.norm(dim=-1) / true.norm(dim=-1), angle


@both
@pytest.mark.parametrize("name", NEGATIVES)
def test_seeded_finite_and_rooted(name: str, make_answer: MakeAnswer, skeleton: Skeleton) -> None:
    """The same seed gives the same negatives, another one others; the root stays, `moved` says what moved."""
    answer, negative = made(name, make_answer, skeleton)
    assert torch.equal(negative.pose, made(name, make_answer, skeleton)[1].pose)
    assert negative.pose.isfinite().all()
    if name == "prediction":
        assert negative.pose is answer.predicted
        return
    assert not torch.equal(negative.pose, made(name, make_answer, skeleton, seed=6)[1].pose)
    assert torch.equal(negative.pose[:, 0], answer.target[:, 0])
    distance = (negative.pose - answer.target).norm(dim=-1)
    assert (negative.moved.sum(dim=1) > 0).all()
    assert (distance[negative.moved == 0] < 1e-6).all()
    if name != "gaussian":
        assert (distance[negative.moved > 0] > 1e-4).float().mean() > 0.99


@pytest.mark.parametrize("name", ["gaussian", "bone_direction", "one_sided_length"])
def test_the_origin_stays_where_no_root_is(name: str, make_answer: MakeAnswer) -> None:
    """H3WB's tree hangs from the nose, its poses are relative to mid-hip: negatives are, too."""
    hips = WHOLEBODY133.indices("left_hip", "right_hip")
    truth = 0.4 * torch.randn(200, len(WHOLEBODY133), 3, generator=torch.Generator().manual_seed(1))
    truth -= truth[:, hips].mean(dim=1, keepdim=True)
    answer = make_answer(truth, truth, WHOLEBODY133)
    negative = NEGATIVES[name](answer, torch.Generator().manual_seed(5))
    assert negative.pose[:, hips].mean(dim=1).abs().max() < 1e-6
    distance = (negative.pose - truth).norm(dim=-1)
    assert (distance[negative.moved == 0] < 1e-6).all()
    ratio, angle = changes(answer, negative)
    if name == "bone_direction":
        assert (ratio - 1).abs().max() < 1e-4
        assert (angle > 1).any(dim=1).all()
    if name == "one_sided_length":  # an arm does not take the leg below it along
        ends = [child for _, child in bones(WHOLEBODY133)]
        changed = (ratio - 1).abs() > 0.01
        arm, side, leg = (
            changed[:, ends.index(WHOLEBODY133.index(f"left_{part}"))] for part in ("elbow", "hip", "knee")
        )
        assert 0.15 < arm.float().mean() < 0.35
        assert not side.any()
        assert not (arm & leg).any()


def test_gaussian_has_its_sigma(make_answer: MakeAnswer) -> None:
    """Noise of a joint less that of the root: σ√2 = 25.9 mm per coordinate, no mean."""
    answer, negative = made("gaussian", make_answer, H36M17)
    noise = (negative.pose - answer.target)[:, 1:]
    assert noise.std().item() == pytest.approx(0.01832 * math.sqrt(2), rel=0.02)
    assert noise.mean().abs() < 1e-3


@both
def test_bone_direction_keeps_lengths(make_answer: MakeAnswer, skeleton: Skeleton) -> None:
    """Every length is the truth's; turned bones differ by 3 to 15 degrees, the others not at all."""
    answer, negative = made("bone_direction", make_answer, skeleton)
    ratio, angle = changes(answer, negative)
    torch.testing.assert_close(ratio, torch.ones_like(ratio), rtol=1e-4, atol=0)
    turned = angle > 1
    assert angle[turned].min() > 2.9
    assert angle[turned].max() < 15.1
    assert angle[turned].mean().item() == pytest.approx(9, abs=0.1)
    assert angle[~turned].max() < 0.1


@both
def test_any_number_of_bones_is_turned(make_answer: MakeAnswer, skeleton: Skeleton) -> None:
    """k is uniform on 1..S, and no bone is preferred."""
    answer, negative = made("bone_direction", make_answer, skeleton)
    turned = changes(answer, negative)[1] > 1  # (F,S)
    count = turned.shape[1]
    often = torch.bincount(turned.sum(dim=1), minlength=count + 1).double() / FRAMES
    assert often[0] == 0
    assert often[1:].min() > 0.5 / count
    assert often[1:].max() < 1.6 / count
    per_bone = turned.double().mean(dim=0)
    assert (per_bone - (count + 1) / (2 * count)).abs().max() < 0.05


def test_turning_is_rotation_about_a_perpendicular_axis() -> None:
    """Length kept, exactly the angle asked for, in all sideways directions alike; a missing bone stays so."""
    bone = torch.tensor([0.0, 0.0, 0.3], dtype=torch.float64).expand(20_000, 3)
    noise = torch.randn(20_000, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    angle = torch.full((20_000,), math.radians(10), dtype=torch.float64)
    turned = turn_across(bone, angle, noise)
    torch.testing.assert_close(turned[:, 2], 0.3 * angle.cos())
    torch.testing.assert_close(turned.norm(dim=-1), bone.norm(dim=-1))
    assert turned[:, :2].mean(dim=0).abs().max() < 0.001
    quadrants = torch.histc(torch.atan2(turned[:, 1], turned[:, 0]), 4, -math.pi, math.pi) / 20_000
    torch.testing.assert_close(quadrants, torch.full((4,), 0.25, dtype=torch.float64), atol=0.015, rtol=0)
    assert not turn_across(0 * bone, angle, noise).any()


@both
def test_one_sided_length_breaks_symmetry_of_one_limb(make_answer: MakeAnswer, skeleton: Skeleton) -> None:
    """The bones of one limb change by the same 3 to 15 %, all else stays; limbs and signs are balanced."""
    answer, negative = made("one_sided_length", make_answer, skeleton)
    ratio, angle = changes(answer, negative)
    assert angle.max() < 0.1
    change = (ratio - 1).abs()
    assert ((change > 0.029) & (change < 0.151) | (change < 1e-4)).all()
    ends = [child for _, child in bones(skeleton)]
    elbow, wrist, knee, ankle = (  # each (F,2), left and right
        (change > 0.01)[:, [ends.index(skeleton.index(f"{side}_{part}")) for side in ("left", "right")]]
        for part in ("elbow", "wrist", "knee", "ankle")
    )
    assert torch.equal(elbow, wrist)
    assert torch.equal(knee, ankle)
    assert (torch.cat([elbow, knee], dim=1).sum(dim=1) == 1).all()
    torch.testing.assert_close(elbow.double().mean(dim=0), torch.full((2,), 0.25).double(), atol=0.04, rtol=0)
    torch.testing.assert_close(knee.double().mean(dim=0), torch.full((2,), 0.25).double(), atol=0.04, rtol=0)
    longer = (ratio.max(dim=1).values > 1.01).double().mean()
    assert longer.item() == pytest.approx(0.5, abs=0.04)
