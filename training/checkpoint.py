"""Checkpoints: one safetensors file with weights, their running mean, optimiser state and the configuration.

Written beside the old one and then renamed, so that a killed run always leaves a whole file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import safetensors
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import Module

from lifting.errors import ConfigError, ModelError
from lifting.skeleton import Skeleton
from training.config import TrainingConfig

FORMAT = "sealcap-training-2"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """State of a run after `step` steps. Random numbers follow from the seed and the step."""

    config: TrainingConfig
    step: int
    seconds: float
    """Time spent training so far."""
    validation: dict[str, float]
    """Last validation, name → value."""
    joints: tuple[str, ...]
    """Names of the joints that the network answers."""
    tensors: dict[str, Tensor]
    """`model.`, `ema.`, `exp_avg.`, `exp_avg_sq.` + parameter name; `judge.NAME.` + what a judge keeps."""

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Tensors whose name begins with `prefix.`, without it."""
        start = prefix + "."
        return {name[len(start) :]: t for name, t in self.tensors.items() if name.startswith(start)}

    def averaged(self) -> dict[str, Tensor]:
        """The state of the network with the running mean of its weights."""
        return self.part("model") | self.part("ema")


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {
        "format": FORMAT,
        "config": checkpoint.config.model_dump_json(),
        "step": str(checkpoint.step),
        "seconds": f"{checkpoint.seconds:.1f}",
        "joints": ",".join(checkpoint.joints),
        **{f"validation.{name}": repr(value) for name, value in checkpoint.validation.items()},
    }
    partial = path.with_suffix(".partial")
    save_file({name: t.detach().contiguous() for name, t in checkpoint.tensors.items()}, partial, metadata)
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(partial, path)


def load_checkpoint(path: Path) -> Checkpoint:
    """Raises ModelError when the file is missing, damaged or no checkpoint of ours."""
    if not path.is_file():
        raise ModelError(f"There is no checkpoint {path}. Make one with: sealcap train configs/lifter.yaml")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
        tensors = load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise ModelError(f"{path} is damaged or no safetensors file: {error}.") from error
    if metadata.get("format") != FORMAT:
        raise ModelError(
            f"{path} is no training checkpoint: its format is {metadata.get('format')!r}, not {FORMAT!r}."
        )
    validation = {k.partition(".")[2]: float(v) for k, v in metadata.items() if k.startswith("validation.")}
    try:
        config = TrainingConfig.model_validate_json(metadata["config"])
    except ValueError as error:
        raise ConfigError(f"The configuration inside {path} is not valid any more: {error}") from error
    step, seconds = int(metadata["step"]), float(metadata["seconds"])
    return Checkpoint(config, step, seconds, validation, tuple(metadata["joints"].split(",")), tensors)


def load_weights(
    network: Module, weights: dict[str, Tensor], joints: tuple[str, ...], skeleton: Skeleton
) -> None:
    """Fill `network`, which answers `skeleton`. Raises ModelError when the weights are of another one."""
    if joints != skeleton.joints:
        raise ModelError(
            f"The checkpoint answers {len(joints)} joints ({', '.join(joints[:3])} ...), this network the "
            f"{len(skeleton)} of {skeleton.name}. Use the configuration it was trained with."
        )
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).splitlines()[1:2] or [str(error)]
        raise ModelError(
            f"The checkpoint's weights do not fit the network of its configuration:{reason[0]} Train it "
            f"again with: sealcap train CONFIG --restart"
        ) from error
