"""Bones as vectors, for the losses that speak about them. F frames, J joints, S bones, P mirrored pairs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from lifting.skeleton import Skeleton
from training.segments import below_root, bones, mirrored_bones


def bone_vectors(joints: Tensor, skeleton: Skeleton) -> Tensor:
    """(F,J,3) -> (F,S,3) child minus parent, bones in the order of `training.segments.bones`."""
    parent, child = _bones(skeleton, joints.device)
    return joints[:, child] - joints[:, parent]


def bone_lengths(joints: Tensor, skeleton: Skeleton) -> Tensor:
    """(F,J,3) -> (F,S)"""
    lengths: Tensor = torch.linalg.vector_norm(bone_vectors(joints, skeleton), dim=-1)
    return lengths


def side_lengths(joints: Tensor, skeleton: Skeleton) -> tuple[Tensor, Tensor]:
    """(F,J,3) -> lengths (F,P) of the bones of the left side, and of their twins."""
    left, right = _sides(skeleton, joints.device)
    lengths = bone_lengths(joints, skeleton)
    return lengths[:, left], lengths[:, right]


def without_root(joints: Tensor, skeleton: Skeleton) -> Tensor:
    """(F,J,3) -> (F,J-1,3)"""
    return joints[:, _below_root(skeleton, joints.device)]


@cache
def _bones(skeleton: Skeleton, device: torch.device) -> tuple[Tensor, Tensor]:
    parent, child = zip(*bones(skeleton), strict=True)
    return _index(parent, device), _index(child, device)


@cache
def _sides(skeleton: Skeleton, device: torch.device) -> tuple[Tensor, Tensor]:
    row = {bone: i for i, bone in enumerate(bones(skeleton))}
    try:
        left, right = zip(*((row[a], row[b]) for a, b in mirrored_bones(skeleton)), strict=True)
    except KeyError as error:
        raise ValueError(f"{skeleton.name} hangs together differently on its two sides") from error
    return _index(left, device), _index(right, device)


@cache
def _below_root(skeleton: Skeleton, device: torch.device) -> Tensor:
    return _index(below_root(skeleton), device)


def _index(rows: Sequence[int], device: torch.device) -> Tensor:
    """A table that autograd may keep, even when first asked for while nothing is differentiated."""
    with torch.inference_mode(False):
        return torch.tensor(rows, device=device)
