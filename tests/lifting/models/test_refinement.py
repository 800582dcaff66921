"""Refinement at inference: the laws of methods.md 6.6 and a plain loop as reference."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from lifting.models.pose_machine import Corrector, Projector, bone_vectors
from lifting.models.refinement import FRAMES_AT_ONCE, observed_mask, projection_loss, refine
from lifting.skeleton import H36M17, SEALCAP26, Skeleton

Case = tuple[Corrector, Projector, Tensor, Tensor, Tensor]


def make_case(skeleton: Skeleton = SEALCAP26, frames: int = 5, width: int = 48) -> Case:
    """Untrained networks, random poses, random observations of which a third is missing."""
    torch.manual_seed(3)
    count = len(skeleton)
    pose, observed = 0.4 * torch.randn(frames, count, 3), torch.randn(frames, count, 2)
    seen = (torch.rand(frames, count) > 0.3).float()
    return Corrector(skeleton, width=width), Projector(skeleton, width=width), pose, observed, seen


def losses(projector: Projector, refined: Tensor, observed: Tensor, seen: Tensor) -> Tensor:
    """(B,)"""
    with torch.no_grad():
        return projection_loss(projector(refined), observed, seen[..., None], projector.skeleton)


def checksum(network: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in (*network.parameters(), *network.buffers())]


def plain_loop(case: Case, steps: int, rate: float, absolute: bool) -> Tensor:
    """One frame after the other, with a copied corrector and PyTorch's own Adam."""
    corrector, projector, poses, observations, masks = case
    answers = []
    for pose, observed, mask in zip(poses, observations, masks[..., None], strict=True):
        network = copy.deepcopy(corrector)
        optimiser = torch.optim.Adam(network.parameters(), lr=rate)
        for _ in range(steps):
            shown, wanted = projector(network(pose[None]))[0] * mask, observed * mask
            bones, wanted_bones = (bone_vectors(x, projector.skeleton) for x in (shown, wanted))
            if absolute:
                bones, wanted_bones = bones.abs(), wanted_bones.abs()
            loss = (shown - wanted).square().mean() + (bones - wanted_bones).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        answers.append(network(pose[None])[0].detach())
    return torch.stack(answers)


@pytest.mark.parametrize("skeleton", [H36M17, SEALCAP26], ids=lambda s: s.name)
@pytest.mark.parametrize(("steps", "absolute"), [(1, False), (2, False), (2, True), (5, False)])
def test_equals_a_plain_loop_with_a_fresh_adam_per_frame(
    skeleton: Skeleton, steps: int, absolute: bool
) -> None:
    """vmap and the written-out Adam change nothing but the speed."""
    case = tuple(x.double() for x in make_case(skeleton))
    ours = refine(*case, steps=steps, learning_rate=1.5e-4, absolute_bones=absolute)  # type: ignore[arg-type]
    torch.testing.assert_close(ours, plain_loop(case, steps, 1.5e-4, absolute))  # type: ignore[arg-type]


def test_both_networks_stay_bit_identical_and_get_no_gradient() -> None:
    """P is frozen and C is restored after every frame."""
    corrector, projector, *frames = make_case()
    before = checksum(corrector) + checksum(projector)
    refine(corrector, projector, *frames, steps=5)
    after = checksum(corrector) + checksum(projector)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(p.grad is None for p in (*corrector.parameters(), *projector.parameters()))


def test_a_frame_knows_neither_its_order_nor_its_companions() -> None:
    """Shuffled, alone or in a batch larger than one chunk: the same pose."""
    corrector, projector, *frames = make_case(frames=FRAMES_AT_ONCE + 6)
    whole = refine(corrector, projector, *frames)
    order = torch.randperm(len(whole))
    shuffled = refine(corrector, projector, *(x[order] for x in frames))
    torch.testing.assert_close(shuffled, whole[order], atol=1e-6, rtol=0)
    alone = torch.cat([refine(corrector, projector, *(x[i : i + 1] for x in frames)) for i in (0, 40, 69)])
    torch.testing.assert_close(alone, whole[[0, 40, 69]], atol=1e-6, rtol=0)


def test_a_spoilt_frame_spoils_no_other() -> None:
    """NaN in one pose stays in that pose."""
    corrector, projector, pose, observed, seen = make_case()
    clean = refine(corrector, projector, pose, observed, seen)
    pose[2] = float("nan")
    spoilt = refine(corrector, projector, pose, observed, seen)
    assert spoilt[2].isnan().all()
    keep = [0, 1, 3, 4]
    torch.testing.assert_close(spoilt[keep], clean[keep])


@pytest.mark.parametrize("rate", [1e-5, 1e-4])
def test_two_small_steps_lower_the_2d_loss_of_every_frame(rate: float) -> None:
    """The loss after is at most the loss before."""
    corrector, projector, pose, observed, seen = make_case(width=256)
    before = losses(projector, refine(corrector, projector, pose, observed, seen, steps=0), observed, seen)
    refined = refine(corrector, projector, pose, observed, seen, steps=2, learning_rate=rate)
    assert (losses(projector, refined, observed, seen) < before).all()


def test_unseen_joints_have_no_say() -> None:
    """Their observations may be anything, NaN included; a frame without any observation is C's answer."""
    corrector, projector, pose, observed, seen = make_case()
    seen[1] = 0.0
    noisy = torch.where(seen[..., None] > 0, observed, torch.full_like(observed, float("nan")))
    refined = refine(corrector, projector, pose, noisy, seen)
    torch.testing.assert_close(refined, refine(corrector, projector, pose, observed, seen))
    torch.testing.assert_close(refined[1], corrector(pose)[1].detach())


def test_the_mask_leaves_out_the_middle_of_the_torso() -> None:
    """Seen joints but the spine; the caller's array stays."""
    seen = torch.ones(2, len(H36M17))
    seen[0, 3] = 0.0
    mask = observed_mask(H36M17, seen)
    spine = H36M17.index("spine")
    assert mask[:, spine].sum() == 0
    assert mask.sum() == seen.sum() - 2
    assert seen[:, spine].sum() == 2


def test_no_step_is_the_corrector_itself_and_no_frame_is_none() -> None:
    """The borders of steps and batch."""
    corrector, projector, pose, observed, seen = make_case()
    torch.testing.assert_close(
        refine(corrector, projector, pose, observed, seen, steps=0), corrector(pose).detach()
    )
    assert refine(corrector, projector, pose[:0], observed[:0], seen[:0]).shape == (0, 26, 3)


def test_wrong_shapes_are_refused() -> None:
    """The message names what was expected."""
    corrector, projector, pose, observed, seen = make_case()
    with pytest.raises(ValueError, match="shapes"):
        refine(corrector, projector, pose, observed, seen[:, :4])
    with pytest.raises(ValueError, match="negative"):
        refine(corrector, projector, pose, observed, seen, steps=-1)
