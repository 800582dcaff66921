"""Training losses: one file per loss or family, and `LOSSES`, which knows them by name.

A loss is a function of `Answer` and options, averaged over frames, in metres wherever it has a unit, so that
weights can be compared. A configuration file names the losses it wants with their weights. Losses that have
a network of their own, SEAL's and the critic, are judges (`training.losses.judge`) and have sections of
their own in that file.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from training.losses.answer import Answer
from training.losses.bone_direction import bone_direction
from training.losses.bone_length import bone_length_error
from training.losses.constraint import bone_symmetry, structure
from training.losses.depth_order import depth_order_space, depth_order_time
from training.losses.joint import joint_error
from training.losses.normalised import normalised
from training.losses.position import position, squared
from training.losses.velocity import velocity_error

LOSSES: dict[str, Callable[..., Tensor]] = {
    "joint": joint_error,
    "position": position,
    "squared": squared,
    "normalised": normalised,
    "velocity": velocity_error,
    "bone_length": bone_length_error,
    "bone_direction": bone_direction,
    "bone_symmetry": bone_symmetry,
    "structure": structure,
    "depth_order_space": depth_order_space,
    "depth_order_time": depth_order_time,
}

ON_MOTION = {"velocity", "depth_order_time"}
"""Losses that look at `Answer.clips`."""


class LossTerm(NamedTuple):
    """One weighted loss."""

    weight: float
    options: dict[str, float | bool]
    function: Callable[..., Tensor]
    from_step: int = 0
    """The step of the training from which on it counts."""

    def __call__(self, answer: Answer) -> Tensor:
        """The loss before its weight, a scalar."""
        return self.function(answer, **self.options)


def loss_term(name: str, value: float | dict[str, float | bool]) -> LossTerm:
    """What `name: value` of a configuration means. Raises ValueError naming what exists."""
    if name not in LOSSES:
        raise ValueError(f"no loss is called {name}; there are {', '.join(LOSSES)}")
    options = dict(value) if isinstance(value, dict) else {"weight": value}
    weight, from_step = float(options.pop("weight", 1.0)), int(options.pop("from_step", 0))
    known = [key for key in inspect.signature(LOSSES[name]).parameters if key != "answer"]
    unknown = sorted(set(options) - set(known))
    if unknown:
        has = ", ".join(["weight", "from_step", *known])
        raise ValueError(f"{name} has no option {', '.join(unknown)}; it has {has}")
    return LossTerm(weight, options, LOSSES[name], from_step)
