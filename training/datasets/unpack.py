"""Turns .npz files that hold pickled objects into plain ones, in a process of its own (see `unpickle`)."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lifting.errors import DataError
from lifting.isolated import unpack_isolated
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
        answer = unpack_isolated(
            unpickle.__file__,
            [str(file.resolve()), str(written.resolve()), f"{file.name} sha256:{sha256}"],
            written.resolve().parent,
            2 * unpickle.MAX_SECONDS,
            file,
            DataError,
            " Get the file from the place named in docs/datasets.md.",
        )
        os.replace(written, out)
    return Unpacked(answer["arrays"], answer["bytes"], sha256)


def _hash(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
