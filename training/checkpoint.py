"""Checkpoints: one safetensors file with weights, their running mean, optimiser state and the configuration.

Written beside the old one and then renamed, so that a killed run always leaves a whole file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from torch import Tensor
from torch.nn import Module

from lifting.errors import ConfigError, ModelError
from lifting.skeleton import Skeleton
from training.config import TrainingConfig
from training.tensor_file import numbers, read_tensors, write_tensors

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
    metadata = {
        "format": FORMAT,
        "config": checkpoint.config.model_dump_json(),
        "step": str(checkpoint.step),
        "seconds": f"{checkpoint.seconds:.1f}",
        "joints": ",".join(checkpoint.joints),
        **{f"validation.{name}": repr(value) for name, value in checkpoint.validation.items()},
    }
    write_tensors(path, checkpoint.tensors, metadata)


def load_checkpoint(path: Path) -> Checkpoint:
    """Raises ModelError when the file is missing, damaged or no checkpoint of ours."""
    tensors, metadata = read_tensors(path, "training checkpoint", FORMAT, "configs/lifter.yaml")
    try:
        config = TrainingConfig.model_validate_json(metadata["config"])
    except ValidationError as error:
        raise ConfigError(f"The configuration inside {path} is not valid any more: {error}") from error
    except KeyError as error:
        raise ModelError(f"{path} is damaged: it lacks the entry {error}.") from error
    return _described(path, config, metadata, tensors)


def _described(
    path: Path, config: TrainingConfig, metadata: dict[str, str], tensors: dict[str, Tensor]
) -> Checkpoint:
    try:
        step, seconds = int(metadata["step"]), float(metadata["seconds"])
        joints = tuple(metadata["joints"].split(","))
        return Checkpoint(config, step, seconds, numbers(metadata, "validation"), joints, tensors)
    except (KeyError, ValueError) as error:
        raise ModelError(f"{path} is damaged: {error!r} in its description.") from error


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
