"""What a loss sees."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lifting.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class Answer:
    """Every frame that the lifter answered in one batch, with the truth. F frames, J joints."""

    skeleton: Skeleton
    predicted: Tensor
    """(F,J,3) metres, camera axes (x right, y down, z forward), relative to the root joint."""
    target: Tensor
    """(F,J,3)"""
    seen: Tensor
    """(F,J) 1 where the detector saw the joint in that frame, 0 where it must be guessed."""
    observed: Tensor
    """(F,J,3) what the network saw of that frame: x and y in its crop (0 where unseen), confidence -1..1."""
    R_crop_from_cam: Tensor
    """(F,3,3)"""
    clips: Tensor
    """(M,N) rows of `predicted` that are N consecutive frames of one person, oldest first."""

    def in_crop(self, joints_cam: Tensor) -> Tensor:
        """(F,J,3) turned into the crop's axes, those of `observed`."""
        return torch.einsum("fij,fkj->fki", self.R_crop_from_cam, joints_cam)

    def some(self, rows: Tensor) -> Answer:
        """Only the frames `rows` (R,), without clips."""
        return Answer(
            skeleton=self.skeleton,
            predicted=self.predicted[rows],
            target=self.target[rows],
            seen=self.seen[rows],
            observed=self.observed[rows],
            R_crop_from_cam=self.R_crop_from_cam[rows],
            clips=self.clips.new_zeros(0, 1),
        )

    def detached(self) -> Answer:
        """The same without a way back to the lifter."""
        return replace(self, predicted=self.predicted.detach())
