"""One safetensors file with C, P, their optimiser's state and the configuration, written atomically."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from lifting.errors import ConfigError, ModelError
from lifting.models.pose_machine import Corrector, Projector
from lifting.skeleton import SEALCAP26
from training.pose_machine_config import PoseMachineConfig
from training.tensor_file import numbers, read_tensors, write_tensors

FORMAT = "sealcap-pose-machine-1"


@dataclass(frozen=True, eq=False)
class PoseMachine:
    """C and P after `step` steps. Random numbers follow from the seed and the step."""

    config: PoseMachineConfig
    step: int
    seconds: float
    """Time spent training so far."""
    validation: dict[str, float]
    """Last validation, name → value."""
    corrector: Corrector
    projector: Projector
    moments: dict[str, Tensor]
    """`exp_avg.`, `exp_avg_sq.` + `corrector.` or `projector.` + parameter name."""


def save_pose_machine(path: Path, machine: PoseMachine) -> None:
    """Write atomically: a killed run leaves the old file or the new one."""
    tensors = {f"corrector.{name}": t for name, t in machine.corrector.state_dict().items()}
    tensors |= {f"projector.{name}": t for name, t in machine.projector.state_dict().items()}
    metadata = {
        "format": FORMAT,
        "config": machine.config.model_dump_json(),
        "step": str(machine.step),
        "seconds": f"{machine.seconds:.1f}",
        "joints": ",".join(SEALCAP26.joints),
        **{f"validation.{name}": repr(value) for name, value in machine.validation.items()},
    }
    write_tensors(path, tensors | machine.moments, metadata)


def load_pose_machine(path: Path) -> PoseMachine:
    """Raises ModelError when the file is missing, damaged, no pose machine or one of another skeleton."""
    tensors, metadata = read_tensors(path, "pose machine", FORMAT, "configs/pose_machine.yaml")
    if metadata.get("joints") != ",".join(SEALCAP26.joints):
        raise ModelError(f"{path} was trained for another skeleton than {SEALCAP26.name}; train it again.")
    return _machine(path, metadata, tensors)


def _machine(path: Path, metadata: dict[str, str], tensors: dict[str, Tensor]) -> PoseMachine:
    try:
        config = PoseMachineConfig.model_validate_json(metadata.get("config", ""))
    except ValueError as error:
        raise ConfigError(f"The configuration inside {path} is not valid any more: {error}") from error
    networks = Corrector(SEALCAP26, width=config.width), Projector(SEALCAP26, width=config.width)
    for prefix, network in zip(("corrector.", "projector."), networks, strict=True):
        try:
            network.load_state_dict({k[len(prefix) :]: t for k, t in tensors.items() if k.startswith(prefix)})
        except RuntimeError as error:
            raise ModelError(f"{path} lacks weights of its own configuration: {error}") from error
    moments = {k: t for k, t in tensors.items() if k.startswith("exp_avg")}
    try:
        step, seconds = int(metadata["step"]), float(metadata["seconds"])
        return PoseMachine(config, step, seconds, numbers(metadata, "validation"), *networks, moments)
    except (KeyError, ValueError) as error:
        raise ModelError(f"{path} is damaged: {error!r} in its description.") from error
