"""Torch checkpoints that need pickle become plain tensors, in a process of its own (`unpack_checkpoint`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lifting.errors import ConfigError, ModelError
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
        answer = _run(file.resolve(), written.resolve(), file)
        os.replace(written, out)
    return Unpacked(answer["tensors"], answer["bytes"])


def _run(file: Path, written: Path, shown: Path) -> dict[str, int]:
    program = [sys.executable, "-I", unpack_checkpoint.__file__, str(file), str(written)]
    environment = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    if sys.platform == "win32":
        environment["SYSTEMROOT"] = os.environ.get("SYSTEMROOT", "")  # Python does not start without it
    try:
        done = subprocess.run(
            program,
            cwd=written.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=2 * unpack_checkpoint.MAX_SECONDS,
            check=False,
        )
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"{shown} was not unpacked: it took too long.") from error
    except ValueError as error:
        raise ModelError(f"{shown} was not unpacked: its reader died (code {done.returncode}).") from error
    if "error" in answer:
        raise ModelError(f"{shown} was not unpacked: {answer['error']}.")
    return {name: int(value) for name, value in answer.items()}
