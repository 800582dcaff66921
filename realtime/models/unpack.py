"""Torch checkpoints that need pickle become plain tensors, in a process of its own (`unpack_checkpoint`)."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lifting.errors import ConfigError, ModelError
from lifting.isolated import unpack_isolated
from realtime.models import unpack_checkpoint


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was written."""

    tensors: int
    bytes: int


def unpack(file: Path, out: Path) -> Unpacked:
    """Write the tensors of the checkpoint `file` as the safetensors file `out`, atomically.

    Raises ConfigError for wrong paths, ModelError when the file is damaged or too large; nothing of it is
    run, and then `out` is left as it was.
    """
    if not file.is_file():
        raise ConfigError(f"There is no checkpoint {file}.")
    if out.suffix != ".safetensors" or not out.absolute().parent.is_dir():
        raise ConfigError(f"{out}: give a name that ends in .safetensors, in a folder that exists.")
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=out.absolute().parent) as folder:
        written = Path(folder) / "plain.safetensors"
        answer = unpack_isolated(
            unpack_checkpoint.__file__,
            [str(file.resolve()), str(written.resolve())],
            written.resolve().parent,
            2 * unpack_checkpoint.MAX_SECONDS,
            file,
            ModelError,
        )
        os.replace(written, out)
    return Unpacked(answer["tensors"], answer["bytes"])
