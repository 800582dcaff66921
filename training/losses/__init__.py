"""Training losses: one file per loss, and `LOSSES`, which knows them by name.

A loss is a function of `Answer`, averaged over the batch, in metres wherever it has a unit, so that weights
can be compared. A configuration file names the losses it wants with their weights.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from training.losses.answer import Answer
from training.losses.bone_length import bone_length_error
from training.losses.joint import joint_error
from training.losses.velocity import velocity_error

LOSSES: dict[str, Callable[[Answer], Tensor]] = {
    "joint": joint_error,
    "bone_length": bone_length_error,
    "velocity": velocity_error,
}
