"""Distance of joints from the truth."""

from __future__ import annotations

import torch
from torch import Tensor

from lifting.skeleton import SEALCAP26
from training.losses.answer import Answer

_PART_WEIGHT = {
    "wrist": 1.3,
    "nose": 0.6,
    "eye": 0.4,
    "ear": 0.5,
    "heel": 0.6,
    "toe": 0.6,
    "spine": 0.5,
    "head": 0.6,
}
_SHOULDERS = SEALCAP26.indices("left_shoulder", "right_shoulder")
_SHOULDER_SHARE = 0.3
_UNSEEN = 0.5


def joint_weights() -> Tensor:
    """(26,) mean 1 over all joints but the pelvis, which is the origin and weighs nothing."""
    weight = [_PART_WEIGHT.get(name.rpartition("_")[2], 1.0) for name in SEALCAP26.joints]
    weight[0] = 0.0
    table = torch.tensor(weight)
    return table / table[1:].mean()


_WEIGHT = joint_weights()


def joint_error(answer: Answer) -> Tensor:
    """0.7 mean |p − t| rooted at the hips + 0.3 the same rooted at the shoulders.

    The second root makes the upper body right by itself when the hips are hidden. Joints that nobody saw
    count half.
    """
    weight = _WEIGHT * (_UNSEEN + (1 - _UNSEEN) * answer.seen)  # (B,26)
    difference = answer.predicted - answer.target
    from_shoulders = difference - difference[:, _SHOULDERS].mean(dim=1, keepdim=True)
    hips, shoulders = difference.norm(dim=-1), from_shoulders.norm(dim=-1)
    return torch.mean(weight * ((1 - _SHOULDER_SHARE) * hips + _SHOULDER_SHARE * shoulders))
