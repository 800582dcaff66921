"""Weights of an mmpose checkpoint: tensors and nothing else."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor

from lifting.errors import ModelError

MAX_BYTES = 4 << 30


def read_weights(path: Path) -> dict[str, Tensor]:
    """Name → tensor of a .safetensors file, or of a .pth that holds nothing but plain data.

    Raises ModelError when the file is missing, damaged, or needs pickle to be trusted; then it names the
    command that takes the tensors out in isolation.
    """
    if not path.is_file():
        raise ModelError(f"There is no checkpoint {path}.")
    if path.stat().st_size > MAX_BYTES:
        raise ModelError(f"{path} is larger than {MAX_BYTES >> 30} GiB; this is no pose network.")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (safetensors.SafetensorError, OSError) as error:
            raise ModelError(f"{path} is damaged or no safetensors file: {error}.") from error
    return _tensors(_read_plain(path), path)


def _read_plain(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path} holds more than tensors, and reading the rest could run anything. Take the tensors out "
            f"in isolation: sealcap models unpack {path} {path.with_suffix('.safetensors')}"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{path} is damaged or no checkpoint: {reason}.") from error


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    """The state dictionary, whether it is the whole file or one of its entries."""
    state = content.get("state_dict", content) if isinstance(content, dict) else {}
    found = {str(k): v for k, v in state.items() if isinstance(v, Tensor)} if isinstance(state, dict) else {}
    if not found:
        raise ModelError(f"{path} holds no weights: a dictionary of tensors is expected.")
    return found
