"""A loss-net with its optimiser: what SEAL and the adversarial critic have in common."""

from __future__ import annotations

import inspect
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import clip_grad_norm_

from lifting.errors import ConfigError, ModelError
from lifting.skeleton import Skeleton
from training.devices import CPU, has_bf16
from training.distributed import average_over_processes
from training.losses.answer import Answer
from training.losses.loss_nets import LOSS_NETS

MOMENTS = ("exp_avg", "exp_avg_sq")


class LearnerConfig(BaseModel):
    """Which network judges, and how it learns."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    loss_net: Literal["graph", "mlp"] = "graph"
    """A name in training.losses.loss_nets.LOSS_NETS."""
    options: dict[str, bool | int | float] = {}
    """Arguments of the loss-net itself: width, depth, dropout ..."""
    channels: Literal[2, 3] = 3
    """Of the observation: 2 for x and y as published, 3 with the detector's confidence, without which joints
    that nobody saw look like joints in the middle of the picture."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Of AdamW, constant."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Of AdamW."""
    clip: float = Field(default=10.0, gt=0)
    """Largest norm of the loss-net's gradient."""
    from_step: int = Field(default=0, ge=0)
    """The step of the training from which on it learns and judges: poses that a young lifter gets wrong need
    no judge, and what it asks of them costs accuracy."""
    every: int = Field(default=1, ge=1)
    """The loss-net learns in every n-th step of the lifter; it judges in all of them."""
    frames: int | None = Field(default=None, ge=2)
    """At most so many frames of a batch are learned from and judged, chosen anew in every step; all of them
    by default. The mean energy of some stands for that of all, at a fraction of the time."""
    bf16: bool = True
    """Compute its blocks in bfloat16 where the processor has a unit for it; energies stay float32."""

    @model_validator(mode="after")
    def _known_options(self) -> LearnerConfig:
        known = [
            name for name in inspect.signature(LOSS_NETS[self.loss_net]).parameters if name != "skeleton"
        ]
        known.remove("channels")
        unknown = sorted(set(self.options) - set(known))
        if unknown:
            raise ValueError(
                f"the loss-net {self.loss_net} has no option {', '.join(unknown)}; it has {', '.join(known)}"
            )
        return self


def some_frames(answer: Answer, at_most: int | None, seed: int) -> Answer:
    """The answer, or `at_most` of its frames chosen by `seed`."""
    count = len(answer.predicted)
    if at_most is None or at_most >= count:
        return answer
    device = answer.predicted.device
    generator = torch.Generator(device).manual_seed(seed)
    return answer.some(torch.randperm(count, generator=generator, device=device)[:at_most])


class Learner:
    """Network and AdamW, one update at a time. F frames, J joints."""

    def __init__(
        self, skeleton: Skeleton, config: LearnerConfig, seed: int, device: torch.device = CPU
    ) -> None:
        """Raises ConfigError when the network cannot be built with its options."""
        self.config, self.device, self.updates = config, device, 0
        with torch.random.fork_rng(_generators_of(device)):
            torch.manual_seed(seed)
            self.network = _make_loss_net(skeleton, config).to(device)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self._bf16 = config.bf16 and has_bf16(device)

    def energies(self, observed: Tensor, poses: Tensor, seed: int) -> Tensor:
        """Energies (K,F) of poses (K,F,J,3), all of them of the same F observations, in training mode.

        One forward pass for all K; `seed` decides what dropout drops.
        """
        count = len(poses)
        self.network.train()
        with torch.random.fork_rng(_generators_of(self.device)), self._autocast():
            torch.manual_seed(seed)
            energy: Tensor = self.network(self._seen(observed).repeat(count, 1, 1), poses.flatten(0, 1))
        return energy.view(count, -1)

    def judgement(self, observed: Tensor, pose: Tensor) -> Tensor:
        """Energies (F,) in evaluation mode; gradients reach `pose` and never the network's parameters."""
        self.network.eval()
        fixed = {name: parameter.detach() for name, parameter in self.network.named_parameters()}
        with self._autocast():
            energy: Tensor = functional_call(self.network, fixed, (self._seen(observed), pose))
        return energy[:, 0]

    def descend(self, loss: Tensor) -> None:
        """One step of AdamW."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for parameter in self.network.parameters():  # the same step everywhere
            if parameter.grad is not None:
                average_over_processes(parameter.grad)
        clip_grad_norm_(self.network.parameters(), self.config.clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.updates += 1

    def tensors(self) -> dict[str, Tensor]:
        """Weights, moments and how often they were updated."""
        tensors = {f"network.{name}": t for name, t in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            for kind in MOMENTS:
                moment = self.optimiser.state[parameter].get(kind, torch.zeros_like(parameter))
                tensors[f"{kind}.{name}"] = moment
        return tensors | {"updates": torch.tensor(self.updates)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from there. Raises ModelError when they belong to another network."""
        try:
            self.network.load_state_dict(_part(tensors, "network"))
            self.updates = int(tensors["updates"])
            for name, parameter in self.network.named_parameters():
                state = {kind: tensors[f"{kind}.{name}"].to(self.device).clone() for kind in MOMENTS}
                step = torch.tensor(float(self.updates), device=self.device)
                self.optimiser.state[parameter] = {"step": step, **state}
        except (KeyError, RuntimeError) as error:
            raise ModelError(
                f"The checkpoint holds no {self.config.loss_net} loss-net of this size for this skeleton. "
                f"Give the configuration it was made with, or begin anew with --restart."
            ) from error

    def _seen(self, observed: Tensor) -> Tensor:
        return observed[..., : self.config.channels]

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16)


def _make_loss_net(skeleton: Skeleton, config: LearnerConfig) -> nn.Module:
    try:
        return LOSS_NETS[config.loss_net](skeleton, channels=config.channels, **config.options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"The loss-net {config.loss_net} cannot be built: {error}.") from error


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    start = prefix + "."
    return {name[len(start) :]: t for name, t in tensors.items() if name.startswith(start)}


def _generators_of(device: torch.device) -> list[torch.device]:
    """GPUs whose random numbers must be put back; the CPU's always are."""
    return [] if device.type == "cpu" else [device]
