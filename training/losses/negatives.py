"""Implausible poses beside the truth, for a loss-net to tell apart. F frames, J joints, S bones.

A lifter's own answers (`prediction`) are the published negatives of SEAL-pose (arXiv 2602.20051). As they
improve, they teach the size of errors and not structure; the others stay wrong in a known way:

* gaussian: every joint displaced, as much as a lifter errs on average;
* bone_direction: some bones turned, every length kept;
* one_sided_length: the arm or the leg of one side lengthened or shortened, every direction kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from lifting.skeleton import Skeleton
from training.losses.answer import Answer
from training.segments import bones

SIGMA_M = 0.01832
TURN_DEG = (3.0, 15.0)
STRETCH = (0.03, 0.15)
LIMB_TOPS = ("shoulder", "hip")


class Negative(NamedTuple):
    """Implausible poses."""

    pose: Tensor
    """(F,J,3) metres, the frame of reference of the truth it was made from."""
    moved: Tensor
    """(F,J) 1 for joints over which the distance to the truth is averaged, else 0."""


def prediction(answer: Answer, generator: torch.Generator) -> Negative:  # noqa: ARG001
    """What the lifter said."""
    return Negative(answer.predicted, torch.ones_like(answer.predicted[..., 0]))


def gaussian(answer: Answer, generator: torch.Generator) -> Negative:
    """Truth + N(0, σ²) at every joint, re-centred on the origin; σ = 18.32 mm."""
    truth, tree = answer.target, _tree(answer.skeleton, answer.target.device)
    noise = SIGMA_M * torch.randn(truth.shape, generator=generator, device=truth.device)
    drift = torch.einsum("j,fjc->fc", tree.origin, noise)
    return Negative(truth + noise - drift[:, None], torch.ones_like(truth[..., 0]))


def bone_direction(answer: Answer, generator: torch.Generator) -> Negative:
    """k ~ U{1..S} bones turned by θ ~ U(3°, 15°) about random axes perpendicular to them.

    The pose is rebuilt from the root outwards: everything below a turned bone is carried along without being
    turned itself, and every bone keeps the truth's length.
    """
    truth, tree = answer.target, _tree(answer.skeleton, answer.target.device)
    frames, device = len(truth), truth.device
    chosen = _some_of(tree.is_bone, frames, generator)  # (F,J)
    low, high = (math.radians(degrees) for degrees in TURN_DEG)
    angle = low + (high - low) * torch.rand(chosen.shape, generator=generator, device=device)
    noise = torch.randn(truth.shape, generator=generator, device=device)
    turned = turn_across(tree.bones(truth), angle * chosen, noise)
    return _rebuilt(truth, turned, chosen, tree)


def one_sided_length(answer: Answer, generator: torch.Generator) -> Negative:
    """All bones of one arm or leg scaled by 1 ± U(3 %, 15 %)."""
    truth, tree = answer.target, _tree(answer.skeleton, answer.target.device)
    frames, device = len(truth), truth.device
    limb = torch.randint(len(tree.limbs), (frames,), generator=generator, device=device)
    chosen = tree.limbs[limb]  # (F,J)
    low, high = STRETCH
    size = low + (high - low) * torch.rand((frames,), generator=generator, device=device)
    sign = 1 - 2 * torch.randint(2, (frames,), generator=generator, device=device)
    scale = 1 + chosen * (sign * size)[:, None]
    return _rebuilt(truth, tree.bones(truth) * scale[..., None], chosen, tree)


NEGATIVES: dict[str, Callable[[Answer, torch.Generator], Negative]] = {
    "prediction": prediction,
    "gaussian": gaussian,
    "bone_direction": bone_direction,
    "one_sided_length": one_sided_length,
}


def turn_across(bone: Tensor, angle: Tensor, noise: Tensor) -> Tensor:
    """Turn bone (...,3) by angle (...) radians about an axis perpendicular to it, drawn by noise (...,3).

    Rodrigues' formula for axis ⊥ bone: b cos θ + (axis × b) sin θ. With Gaussian noise every perpendicular
    axis is equally likely.
    """
    axis = torch.nn.functional.normalize(torch.linalg.cross(noise, bone), dim=-1)
    sideways: Tensor = torch.linalg.cross(axis, bone)
    return bone * angle.cos()[..., None] + sideways * angle.sin()[..., None]


class _Tree(NamedTuple):
    """A skeleton as tables; the bone of a joint is the one that ends there."""

    parent: Tensor
    """(J,) its own index for the root, whose bone is hence 0."""
    on_path: Tensor
    """(J,J) 1 where joint [i] hangs on the bone of joint [j]."""
    is_bone: Tensor
    """(J,) 1 for bones that may be turned: those of `training.segments`."""
    limbs: Tensor
    """(L,J) 1 for the bones of each arm and leg."""
    origin: Tensor
    """(J,) share of each joint in the point that is the origin of poses."""

    def bones(self, joints: Tensor) -> Tensor:
        """(F,J,3) -> (F,J,3) joint minus parent."""
        return joints - joints[:, self.parent]


@cache
def _tree(skeleton: Skeleton, device: torch.device) -> _Tree:
    count = len(skeleton)
    parent = torch.tensor([i if p < 0 else p for i, p in enumerate(skeleton.parents)])
    on_path = torch.zeros(count, count)
    for joint in range(count):
        at = joint
        while skeleton.parents[at] >= 0:
            on_path[joint, at] = 1
            at = skeleton.parents[at]
    is_bone = torch.zeros(count)
    is_bone[[child for _, child in bones(skeleton)]] = 1
    tops = skeleton.indices(*(f"{side}_{top}" for side in ("left", "right") for top in LIMB_TOPS))
    limbs = on_path[:, tops].T.clone()
    limbs[torch.arange(len(tops)), tops] = 0  # the bone that ends in the shoulder belongs to the trunk
    for row, top in enumerate(tops):
        for below in tops:  # where hips hang on shoulders, an arm ends before them
            limbs[row] *= 1 - on_path[:, below] * on_path[below, top] * (below != top)
    origin = torch.zeros(count)
    origin[list(skeleton.origin_joints)] = 1 / len(skeleton.origin_joints)
    return _Tree(*(table.to(device) for table in (parent, on_path, is_bone, limbs, origin)))


def _some_of(allowed: Tensor, frames: int, generator: torch.Generator) -> Tensor:
    """(J,) -> (F,J) 1 for k ~ U{1..S} of the S allowed entries, every choice equally likely."""
    count = int(allowed.sum())
    lot = torch.rand((frames, len(allowed)), generator=generator, device=allowed.device)
    rank = (lot - allowed).argsort(dim=1).argsort(dim=1)  # allowed ones come first
    k = torch.randint(1, count + 1, (frames, 1), generator=generator, device=allowed.device)
    return (rank < k).float()


def _rebuilt(truth: Tensor, bone: Tensor, changed: Tensor, tree: _Tree) -> Negative:
    """The pose with these bones; a joint has moved when a changed bone leads to it.

    The origin stays the origin, as in every answer and every truth: a pose beside it would be told by that
    alone. Where the changes moved it, all joints have moved.
    """
    offset = torch.einsum("ij,fjc->fic", tree.on_path, bone - tree.bones(truth))
    drift = torch.einsum("j,fjc->fc", tree.origin, offset)
    moved = (changed @ tree.on_path.T).clamp(max=1)  # (F,J)
    everywhere = (moved @ tree.origin > 0).float()[:, None]
    return Negative(truth + offset - drift[:, None], torch.maximum(moved, everywhere))
