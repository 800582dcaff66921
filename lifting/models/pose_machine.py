"""The networks that correct a pose by its projection: C betters a pose, P says how the camera sees it.

3D Human Pose Machines with Self-supervised Learning (Wang et al., TPAMI 2019), the 3D-to-2D pose projector:

    C:  p̃ = W₂ ReLU(W₁ p + b₁) + b₂                                 (replaces the pose; nothing is added to p)
    P:  h = ReLU(W₃ p̃ + b₃),  g = ReLU(W₅ ReLU(W₄ h + b₄) + b₅),  û = W₆ (h + g) + b₆

Every 3D coordinate is scaled to 0..1 by fixed tables of its smallest and largest value; 2D is in crop units.
The tables are part of both networks, so that poses go in and come out in metres.
`lifting.models.refinement` trains C for a moment on each new frame, with P and the observed 2D as its judge.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from lifting.skeleton import Skeleton

SHORTEST_SPAN_M = 0.05
"""A coordinate that hardly moves (the root's is always 0) is scaled as if it moved by so much."""


class Range(nn.Module):
    """Per-coordinate minimum and span: metres (...,J,3) ↔ 0..1."""

    low: Tensor
    span: Tensor

    def __init__(self, joints: int) -> None:
        """Until `fit` or a checkpoint sets the tables: everything within a metre of the root."""
        super().__init__()
        self.register_buffer("low", torch.full((joints, 3), -1.0))
        self.register_buffer("span", torch.full((joints, 3), 2.0))

    def fit(self, poses: Tensor) -> None:
        """Set the tables from example poses (N,J,3) in metres. Raises ValueError when one is not finite."""
        if not bool(torch.isfinite(poses).all()):
            raise ValueError("the poses that set the range must be finite")
        low, high = poses.amin(dim=0), poses.amax(dim=0)
        span = (high - low).clamp(min=SHORTEST_SPAN_M)
        self.low.copy_((low + high - span) / 2)
        self.span.copy_(span)

    def scaled(self, pose: Tensor) -> Tensor:
        """Metres → 0..1."""
        return (pose - self.low) / self.span

    def metres(self, scaled: Tensor) -> Tensor:
        """0..1 → metres."""
        return scaled * self.span + self.low


class Corrector(nn.Module):
    """C of the module's text: an intermediate pose (B,J,3) in metres → the corrected one."""

    def __init__(self, skeleton: Skeleton, *, width: int = 1024) -> None:
        super().__init__()
        coordinates = 3 * len(skeleton)
        self.skeleton = skeleton
        self.range = Range(len(skeleton))
        self.hidden = nn.Linear(coordinates, width)
        self.out = nn.Linear(width, coordinates)

    def forward(self, pose: Tensor) -> Tensor:
        """(B,J,3) → (B,J,3)."""
        flat = self.range.scaled(pose).flatten(-2)  # (B,3J)
        corrected = self.out(relu(self.hidden(flat)))
        return self.range.metres(corrected.unflatten(-1, (len(self.skeleton), 3)))


class Projector(nn.Module):
    """P of the module's text: a pose (B,J,3) in metres → its picture (B,J,2) in crop units."""

    def __init__(self, skeleton: Skeleton, *, width: int = 1024) -> None:
        super().__init__()
        self.skeleton = skeleton
        self.range = Range(len(skeleton))
        self.first = nn.Linear(3 * len(skeleton), width)
        self.second = nn.Linear(width, width)
        self.third = nn.Linear(width, width)
        self.out = nn.Linear(width, 2 * len(skeleton))

    def forward(self, pose: Tensor) -> Tensor:
        """(B,J,3) → (B,J,2)."""
        h = relu(self.first(self.range.scaled(pose).flatten(-2)))  # (B,W)
        g = relu(self.third(relu(self.second(h))))
        return self.out(h + g).unflatten(-1, (len(self.skeleton), 2))  # type: ignore[no-any-return]


def bone_vectors(points: Tensor, skeleton: Skeleton) -> Tensor:
    """parent − child of every joint (...,J,D), in 2D or 3D; 0 for the root.

    Raises ValueError when the skeleton is no tree.
    """
    if not skeleton.parents:
        raise ValueError(f"{skeleton.name} is no tree, so it has no bones")
    return points[..., [i if p < 0 else p for i, p in enumerate(skeleton.parents)], :] - points
