"""What a loss sees."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Answer:
    """The lifter's poses and the truth, SEALCAP26, metres, camera axes, relative to mid-hip."""

    predicted: Tensor
    """(B,26,3)"""
    target: Tensor
    """(B,26,3)"""
    seen: Tensor
    """(B,26) 1 where the detector saw the joint in the newest frame, 0 where it must be guessed."""
    predicted_before: Tensor
    """(M,26,3) answers for the same windows one frame earlier; the first M <= B of the batch."""
    target_before: Tensor
    """(M,26,3)"""
