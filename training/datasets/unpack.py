"""Turns .npz files that hold pickled objects into plain ones, in a process of its own (see `unpickle`)."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lifting.errors import DataError
from training.datasets import unpickle


@dataclass(frozen=True)
class Unpacked:
    """What was written."""

    arrays: int
    bytes: int
    sha256: str
    """Of the file it came from; also kept in the new file, as the array `source`."""


def unpack(file: Path, out: Path) -> Unpacked:
    """Write the arrays inside `file` (.npz with pickled dictionaries) as the plain .npz `out`, atomically.

    Raises DataError when the file is missing, damaged, too large, or holds anything but arrays, dictionaries,
    lists, numbers and text; nothing of a refused file runs, and `out` is left as it was.
    """
    if not file.is_file():
        raise DataError(f"There is no file {file} to unpack.")
    if out.exists() and out.samefile(file):
        raise DataError(f"{out} is the file itself; unpack it into another folder.")
    if not out.parent.is_dir():
        raise DataError(f"There is no folder {out.parent} for {out.name}; make it first.")
    sha256 = _hash(file)
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=out.parent) as folder:
        written = Path(folder) / "plain.npz"
        answer = _run(file.resolve(), written.resolve(), f"{file.name} sha256:{sha256}", file)
        os.replace(written, out)
    return Unpacked(answer["arrays"], answer["bytes"], sha256)


def _run(file: Path, written: Path, note: str, shown: Path) -> dict[str, int]:
    program = [sys.executable, "-I", unpickle.__file__, str(file), str(written), note]
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
            timeout=2 * unpickle.MAX_SECONDS,
            check=False,
        )
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise DataError(f"{shown} was not unpacked: it took too long.") from error
    except ValueError as error:
        raise DataError(f"{shown} was not unpacked: its reader died (code {done.returncode}).") from error
    if "error" in answer:
        raise DataError(
            f"{shown} was not unpacked: {answer['error']}. "
            f"Get the file from the place named in docs/datasets.md."
        )
    return {name: int(value) for name, value in answer.items()}


def _hash(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
