"""Distance of joints from the truth."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from lifting.skeleton import Skeleton
from training.losses.answer import Answer
from training.segments import below_root

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
_SHOULDER_SHARE = 0.3
_UNSEEN = 0.5


@cache
def joint_weights(skeleton: Skeleton) -> Tensor:
    """(J,) mean 1 over all joints but the root, which is the origin and weighs nothing."""
    weight = [_PART_WEIGHT.get(name.rpartition("_")[2], 1.0) for name in skeleton.joints]
    below = list(below_root(skeleton))
    table = torch.zeros(len(skeleton))
    table[below] = torch.tensor(weight)[below]
    return table / table[below].mean()


def joint_error(answer: Answer) -> Tensor:
    """0.7 mean |p − t| rooted at the hips + 0.3 the same rooted at the shoulders.

    The second root makes the upper body right by itself when the hips are hidden. Joints that nobody saw
    count half.
    """
    weight = joint_weights(answer.skeleton).to(answer.seen.device) * (_UNSEEN + (1 - _UNSEEN) * answer.seen)
    shoulders = answer.skeleton.indices("left_shoulder", "right_shoulder")
    difference = answer.predicted - answer.target
    from_shoulders = difference - difference[:, shoulders].mean(dim=1, keepdim=True)
    hips, upper = difference.norm(dim=-1), from_shoulders.norm(dim=-1)
    return torch.mean(weight * ((1 - _SHOULDER_SHARE) * hips + _SHOULDER_SHARE * upper))
