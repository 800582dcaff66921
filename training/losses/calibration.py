"""How much a judge weighs: a number given directly, or a share of the gradient of the supervised losses.

A loss-net's energies have no natural scale, so that the same weight may be inert or ruinous. What matters is

    r = ‖α ∇_y E‖ / ‖∇_y L_pos‖,

the judge's pull on the lifter's answers y next to that of the supervised losses; it is always reported.
"""

from __future__ import annotations

import math

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from training.distributed import average_over_processes

MEMORY = 3
"""Measurements that the running mean remembers."""


class WeightConfig(BaseModel):
    """Weight of a judge's term; exactly one of `weight` and `gradient_ratio` must be given."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    weight: float | None = Field(default=None, ge=0)
    """α itself."""
    gradient_ratio: float | None = Field(default=None, ge=0)
    """α is set so that ‖α ∇_y E‖ / ‖∇_y L_pos‖ is this; 0.05 to 0.1 is a good start."""
    calibrate_every: int = Field(default=20, ge=1)
    """Steps between measurements of the ratio."""
    ramp: int = Field(default=0, ge=0)
    """Steps over which the term rises linearly from 0; 0 for none, as published. Calibration makes a judge
    that has learned nothing yet as loud as one that has; a ramp of some hundred steps keeps it quiet."""

    @model_validator(mode="after")
    def _one_of_both(self) -> WeightConfig:
        if (self.weight is None) == (self.gradient_ratio is None):
            raise ValueError("give either weight or gradient_ratio, for example gradient_ratio: 0.1")
        return self


class Calibration:
    """The present weight, re-measured as training goes on. The running mean is one of log α."""

    def __init__(self, config: WeightConfig) -> None:
        self.config = config
        self.steps = 0
        self.measurements = 0
        self.alpha = 0.0 if config.weight is None else config.weight
        self.ratio_of_one = math.nan
        """‖∇_y E‖ / ‖∇_y L_pos‖ when last measured."""
        self.log: dict[str, float] = {}
        """The last weight and the gradient ratio it stood for."""

    def weigh(self, energy: Tensor, supervised: Tensor, predicted: Tensor, share: float = 1.0) -> Tensor:
        """α E, a scalar; both losses must depend on `predicted`. Counts as one step.

        `share` of the frames were judged: the fewer they are, the harder their mean pulls at each, and √share
        of its gradient's norm is what the mean over all frames would have.
        """
        if self.steps % self.config.calibrate_every == 0 and energy.requires_grad:
            self._measure(energy, supervised, predicted, math.sqrt(share))
        ramp = self.config.ramp
        weight = self.alpha * (min(1.0, self.steps / ramp) if ramp else 1.0)
        self.steps += 1
        self.log = {"weight": weight}
        if math.isfinite(self.ratio_of_one):
            self.log["gradient_ratio"] = weight * self.ratio_of_one
        return weight * energy

    def tensors(self) -> dict[str, Tensor]:
        """State; float64, so that a restored weight is the same to the last bit."""
        state = [self.steps, self.measurements, self.alpha, self.ratio_of_one]
        return {"calibration": torch.tensor(state, dtype=torch.float64)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from there."""
        steps, measurements, self.alpha, self.ratio_of_one = tensors["calibration"].tolist()
        self.steps, self.measurements = int(steps), int(measurements)

    def _measure(self, energy: Tensor, supervised: Tensor, predicted: Tensor, scale: float) -> None:
        norms = torch.stack([_gradient_norm(loss, predicted) for loss in (energy, supervised)])
        average_over_processes(norms)  # one weight for all, which the first one's checkpoint holds
        pull, reference = (norms * norms.new_tensor([scale, 1.0])).tolist()
        if not (pull > 0 and reference > 0 and math.isfinite(pull) and math.isfinite(reference)):
            return  # no answer to be had from this batch
        self.ratio_of_one = pull / reference
        target = self.config.gradient_ratio
        if target is None:
            return
        self.measurements += 1
        share = 1 / min(self.measurements, MEMORY)
        measured = target / self.ratio_of_one
        self.alpha = self.alpha ** (1 - share) * measured**share


def _gradient_norm(loss: Tensor, predicted: Tensor) -> Tensor:
    """A scalar in float64."""
    nothing = predicted.new_zeros((), dtype=torch.float64)
    if not loss.requires_grad:
        return nothing
    (gradient,) = torch.autograd.grad(loss, predicted, retain_graph=True, allow_unused=True)
    norm: Tensor = nothing if gradient is None else torch.linalg.vector_norm(gradient).double()
    return norm
