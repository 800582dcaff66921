"""Reads the object arrays of an .npz in a process of its own, and writes them as plain arrays.

Human3.6M and MPI-INF-3DHP circulate as .npz files that hold one pickled dictionary. A pickle is a program;
ours may name nothing but the constructors of numpy arrays, and gets stand-ins instead of these: no function
of numpy or of Python is ever called on its behalf, and array memory is only made by `numpy.frombuffer` with
a checked length. On top, the process drops to small limits, and refuses sockets, programs and foreign files.

This file is a program (`python -I unpickle.py IN.npz OUT.npz NOTE`): standard library and numpy only. It
prints one JSON object with what it wrote, or with `error`. `training.datasets.unpack` runs it.

Nested data become flat names: `{"S1": {"Walking": [a, b]}}` under `positions` turns into
`positions/S1/Walking/0` and `positions/S1/Walking/1`.
"""

from __future__ import annotations

import json
import math
import pickle
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

MAX_BYTES = 8 << 30
"""Of one stored array, of everything written, and of the process's memory beyond what it starts with."""
MAX_ARRAYS = 200_000
MAX_DEPTH = 8
MAX_SECONDS = 1800
_CODES = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"}
_FORBIDDEN = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.remove",
    "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod", "os.kill", "os.putenv", "pty.",
    "shutil.", "ctypes.", "ftplib.", "urllib.", "http.", "smtplib.", "webbrowser.",
)  # fmt: skip


class Refused(Exception):  # noqa: N818 - reads better at the raise
    """The file wants something that plain data never need, or is larger than allowed."""


class _DType:
    """Stand-in of numpy.dtype: a checked type code such as f4."""

    def __init__(self, code: object = "", *_: object) -> None:
        text = str(code).lstrip("<>=|") if isinstance(code, str) else ""
        if text not in _CODES and text not in ("O", "O8"):
            raise Refused(f"it holds an array of type {code!r}, not of numbers")
        self.code, self.order = text, "="

    def __setstate__(self, state: object) -> None:
        plain = isinstance(state, tuple) and len(state) >= 5 and state[2:5] == (None, None, None)
        if not plain or not isinstance(state, tuple) or state[1] not in ("<", ">", "|", "="):
            raise Refused("it holds a structured array type")
        self.order = state[1]

    def holds_objects(self) -> bool:
        return self.code.startswith("O")

    def numpy(self) -> np.dtype[Any]:
        if self.holds_objects():
            raise Refused("it holds objects where numbers belong")
        return np.dtype(self.order + self.code)


class _Array:
    """Stand-in of numpy.ndarray: `value` is a real array of numbers, or the list of an object array."""

    value: Any = None

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise Refused("it holds a damaged array")
        _, shape, dtype, fortran, content = state
        if not isinstance(dtype, _DType):
            raise Refused("it holds an array without a type")
        if dtype.holds_objects():
            if not isinstance(content, list):
                raise Refused("it holds a damaged array of objects")
            self.value = content[0] if shape == () and len(content) == 1 else content
        else:
            self.value = _numbers(content, shape, dtype.numpy(), bool(fortran))


def _numbers(content: object, shape: object, dtype: np.dtype[Any], fortran: bool) -> np.ndarray[Any, Any]:
    if isinstance(content, str):  # bytes of a Python 2 pickle
        content = content.encode("latin-1")
    if not isinstance(content, bytes | bytearray) or not isinstance(shape, tuple) or len(shape) > 8:
        raise Refused("it holds a damaged array")
    if not all(type(n) is int and 0 <= n <= MAX_BYTES for n in shape):
        raise Refused(f"it holds an array of impossible shape {shape!r}")
    if math.prod(shape) * dtype.itemsize != len(content):
        raise Refused(f"it holds an array of shape {shape} with {len(content)} bytes")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def _reconstruct(kind: object, *_: object) -> _Array:
    if kind is not _Array:
        raise Refused("it builds something that is no array")
    return _Array()


def _scalar(dtype: object, content: object = b"") -> float | int | bool:
    if not isinstance(dtype, _DType):
        raise Refused("it holds a number without a type")
    return _numbers(content, (1,), dtype.numpy(), False).tolist()[0]  # type: ignore[no-any-return]


def _frombuffer(content: object, dtype: object, shape: object, order: object) -> _Array:
    array = _Array()
    array.__setstate__((1, shape, dtype, order == "F", content))
    return array


def _encode(text: object, encoding: object = "latin1", *_: object) -> bytes:
    """How protocol 2 writes bytes."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Refused("it encodes text")
    return text.encode("latin-1")


_ALLOWED: dict[tuple[str, str], Callable[..., object]] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): _encode,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _frombuffer for core in ("core", "_core")},
}


class _Plain(pickle.Unpickler):
    """Knows the constructors of numpy arrays, as stand-ins, and nothing else."""

    def find_class(self, module: str, name: str) -> Callable[..., object]:
        if (module, name) not in _ALLOWED:
            raise Refused(f"it asks for {module}.{name}, which plain data never need")
        return _ALLOWED[module, name]


def load_plain(stream: IO[bytes]) -> object:
    """The data of one pickle: dict, list, str, numbers and arrays. Raises Refused for anything else."""
    try:
        return _Plain(stream, encoding="latin1").load()
    except Refused:
        raise
    # A hostile stream can make the machinery of pickle fail in any way; all of them mean the same here.
    except Exception as error:
        raise Refused(f"it is damaged or no plain data ({type(error).__name__}: {error})") from error


def flatten(name: str, value: object, depth: int = 0) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Leaves of nested data as (flat name, array)."""
    if depth > MAX_DEPTH:
        raise Refused(f"it is nested more than {MAX_DEPTH} deep at {name}")
    value = value.value if isinstance(value, _Array) else value
    if isinstance(value, np.ndarray):
        yield name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from flatten(f"{name}/{_part(key)}", item, depth + 1)
    elif isinstance(value, list | tuple):
        if value and all(type(item) in (int, float, bool) for item in value):
            yield name, _array(name, value)
        else:
            for i, item in enumerate(value):
                yield from flatten(f"{name}/{i}", item, depth + 1)
    elif isinstance(value, bool | int | float | str):
        yield name, _array(name, value)
    elif value is not None:
        raise Refused(
            f"{name} is a {type(value).__name__}; only arrays, dicts, lists, numbers and text are read"
        )


def _array(name: str, value: object) -> np.ndarray[Any, Any]:
    array = np.asarray(value)
    if array.dtype.hasobject:
        raise Refused(f"{name} holds a number that is too large")
    return array


def _part(key: object) -> str:
    text = str(key) if isinstance(key, str | int) else ""
    if not text or len(text) > 200 or text in (".", "..") or set(text) & set("/\\\0"):
        raise Refused(f"it has the key {key!r}; names without slashes were expected")
    return text


def members(path: Path) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Every array of an .npz as plain arrays with flat names, objects taken apart."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.filename.endswith(".npy"):
                raise Refused(f"it holds {info.filename!r}, which is no array")
            if info.file_size > MAX_BYTES:
                raise Refused(f"{info.filename} is larger than {MAX_BYTES >> 30} GB")
            with archive.open(info) as stream:
                yield from flatten(info.filename.removesuffix(".npy"), _read_member(stream))


def _read_member(stream: IO[bytes]) -> object:
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise Refused(f"it uses version {version} of numpy's format")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    if dtype.hasobject:
        return load_plain(stream)
    if dtype.kind not in "biufU":
        raise Refused(f"it holds an array of type {dtype}, not of numbers")
    size = math.prod(shape) * dtype.itemsize
    content = stream.read(size) if size <= MAX_BYTES else b""
    if len(content) != size:
        raise Refused("it is cut short")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def convert(source: Path, out: IO[bytes], note: str) -> dict[str, int]:
    """Write the arrays of `source` as a plain compressed .npz, with `note` as the array `source`."""
    count, size = 0, 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in members(source):
            count, size = count + 1, size + array.nbytes
            if count > MAX_ARRAYS or size > MAX_BYTES:
                raise Refused(f"it holds more than {MAX_ARRAYS} arrays or {MAX_BYTES >> 30} GB")
            _write(archive, name, array)
        _write(archive, "source", np.asarray(note))
    return {"arrays": count, "bytes": size}


def _write(archive: zipfile.ZipFile, name: str, array: np.ndarray[Any, Any]) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
        np.lib.format.write_array(stream, array, allow_pickle=False)


def confine() -> None:
    """Give up what this process will not need: much memory, time, the network, programs, other files.

    The audit hook cannot be taken back. It is a second wall; the first is that no foreign name is looked up.
    """
    if sys.platform != "win32":
        import resource

        for limit, value in ((resource.RLIMIT_CPU, MAX_SECONDS), (resource.RLIMIT_FSIZE, MAX_BYTES)):
            resource.setrlimit(limit, (value, value))
        if sys.platform == "linux":
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            memory = used + 3 * MAX_BYTES
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
        if writes or event.startswith(_FORBIDDEN):
            raise Refused(f"something in it tried {event}")

    sys.addaudithook(watch)


def main(arguments: list[str]) -> int:
    """IN.npz OUT.npz NOTE."""
    source, target, note = arguments
    with Path(target).open("wb") as out:  # before `confine`, which forbids opening files for writing
        confine()
        try:
            answer: dict[str, object] = {**convert(Path(source), out, note)}
        except Refused as error:
            answer = {"error": str(error)}
        except (zipfile.BadZipFile, ValueError, EOFError, OSError, MemoryError, NotImplementedError) as error:
            answer = {"error": f"it is damaged or no .npz file ({error or type(error).__name__})"}
    sys.stdout.write(json.dumps(answer))
    return 1 if "error" in answer else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
