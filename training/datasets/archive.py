"""Plain .npz files with flat names, as `sealcap data unpack` writes them: `positions_3d/S1/Walking 1`."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifting.errors import DataError
from training.plain_npz import DAMAGED, read_array

MAX_ARRAY_BYTES = 8 << 30


class PlainArchive:
    """Arrays of one file by flat name, read when asked for."""

    def __init__(self, path: Path, file: np.lib.npyio.NpzFile) -> None:
        self.path, self._file, self._names = path, file, frozenset(file.files)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def below(self, name: str) -> list[str]:
        """Next parts of the names that begin with `name/`, sorted: subjects, then actions, then cameras."""
        start = name + "/"
        return sorted({n[len(start) :].split("/")[0] for n in self._names if n.startswith(start)})

    def floats(self, name: str, *shape: int | None) -> NDArray[np.float32]:
        """An array of numbers of the given shape (None: any length). Raises DataError."""
        array = self.array(name)
        fits = array.ndim == len(shape) and all(
            w in (None, n) for w, n in zip(shape, array.shape, strict=True)
        )
        if not fits or array.dtype.kind not in "biuf":
            wanted = ", ".join("any" if n is None else str(n) for n in shape)
            raise DataError(
                f"{self.path}: {name} is {array.dtype} {array.shape}; numbers ({wanted}) expected."
            )
        return array.astype(np.float32)

    def array(self, name: str) -> NDArray[Any]:
        """One array. Raises DataError when it is missing or damaged."""
        if name not in self._names:
            near = ", ".join(self.below(name.rpartition("/")[0])[:20]) or ", ".join(sorted(self._names)[:5])
            raise DataError(f"{self.path} lacks {name}; there are: {near}.")
        try:
            archive: Any = self._file.zip
            array = read_array(archive, f"{name}.npy")
        # numpy lets the errors of zip, zlib and of its own header parser through.
        except DAMAGED as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(f"{self.path}: {name} cannot be read: {reason}.") from error
        return array


@contextmanager
def open_plain(path: Path, top: str) -> Iterator[PlainArchive]:
    """Open `path`, whose flat names must begin with `top/`.

    Raises DataError when the file is missing, damaged, too large or still holds pickled objects.
    """
    if not path.is_file():
        there = ", ".join(sorted(p.name for p in path.parent.glob("*"))[:20]) or "nothing"
        raise DataError(
            f"There is no {path}; the folder holds {there}. docs/datasets.md says where to get it."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            largest = max((info.file_size for info in archive.infolist()), default=0)
        file = np.load(path, allow_pickle=False)
    except DAMAGED as error:
        raise DataError(f"{path} is damaged or no .npz file: {error}.") from error
    with file:
        if largest > MAX_ARRAY_BYTES:
            raise DataError(f"{path} holds an array of {largest >> 30} GB; no data set here has such.")
        plain = PlainArchive(path, file)
        if not plain.below(top):
            raise DataError(_without(path, top, plain))
        yield plain


def _without(path: Path, top: str, plain: PlainArchive) -> str:
    if top in plain:
        return (
            f"{path} holds pickled objects, which are never read here. Make a plain copy in another folder: "
            f"sealcap data unpack {path} FOLDER/{path.name}"
        )
    return f"{path} lacks {top}; it is another file than its name says."
