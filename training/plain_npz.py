"""Reading .npz files that come from elsewhere: no pickle, and no array larger than the bytes that are there.

NumPy itself believes the header: a file of two hundred bytes can ask it for a terabyte. Here a header must
agree with what the archive says of the member, and no more is taken into memory than really unpacks.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

MAX_ARRAY_BYTES = 8 << 30
MAX_DIMENSIONS = 8

DAMAGED = (
    OSError,
    ValueError,
    EOFError,
    OverflowError,
    RuntimeError,  # encrypted, or nested too deeply
    NotImplementedError,
    SyntaxError,
    MemoryError,  # of Python's own parser, for a header nested too deeply
    zipfile.BadZipFile,
    zlib.error,
)
"""What a damaged archive raises, from zipfile, zlib, NumPy and the parser of its headers."""


def read_arrays(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """The named arrays. Raises KeyError for one that is not there, and ValueError for all that is wrong."""
    try:
        with zipfile.ZipFile(path) as archive:
            there = set(archive.namelist())
            if missing := [name for name in names if f"{name}.npy" not in there]:
                raise KeyError(", ".join(missing))
            return {name: read_array(archive, f"{name}.npy") for name in names}
    except DAMAGED as error:
        raise ValueError(" ".join(str(error).split())[:200] or type(error).__name__) from error


def read_array(archive: zipfile.ZipFile, member: str) -> NDArray[Any]:
    """One member. Raises one of `DAMAGED`."""
    info = archive.getinfo(member)
    with archive.open(info) as file:
        shape, fortran, dtype = _header(file, info.file_size)
        size = math.prod(shape) * dtype.itemsize
        data = file.read(size)
        if len(data) < size or file.read(1):
            raise ValueError(f"{member} is not as long as it says")
    array = np.frombuffer(bytearray(data), dtype)
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)


def _header(file: IO[bytes], bytes_there: int) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} of the array format is not read here")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file, max_header_size=10_000)
    if dtype.hasobject or dtype.itemsize == 0:
        raise ValueError("it holds pickled objects or nothing at all, which is not read here")
    size = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or len(shape) > MAX_DIMENSIONS or size > min(bytes_there, MAX_ARRAY_BYTES):
        raise ValueError(f"an array {shape} of {dtype} does not fit into {bytes_there} bytes")
    return shape, fortran, dtype
