"""Checkpoint files: tensors and text in one safetensors file, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import safetensors
from safetensors.torch import load_file, save_file
from torch import Tensor

from lifting.errors import ModelError


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write beside `path` and then rename, so that a killed run leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file({name: t.detach().contiguous() for name, t in tensors.items()}, partial, dict(metadata))
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(partial, path)


def read_tensors(path: Path, what: str, kind: str, config: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a `what` of format `kind`.

    Raises ModelError when it is missing (`sealcap train config` makes one), damaged or something else.
    """
    if not path.is_file():
        raise ModelError(f"There is no {what} {path}. Make one with: sealcap train {config}")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
        tensors = load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise ModelError(f"{path} is damaged or no safetensors file: {error}.") from error
    if metadata.get("format") != kind:
        raise ModelError(f"{path} is no {what}: its format is {metadata.get('format')!r}, not {kind!r}.")
    return tensors, metadata


def numbers(metadata: Mapping[str, str], prefix: str) -> dict[str, float]:
    """The entries `prefix.NAME` as NAME → number."""
    start = prefix + "."
    return {name[len(start) :]: float(v) for name, v in metadata.items() if name.startswith(start)}
