"""Takes the tensors out of a torch checkpoint in a process of its own, and writes them as safetensors.

A checkpoint is a zip archive with a pickle that says how bytes become tensors; a pickle is a program. This
reader gives it stand-ins only: torch's storages and tensors are put together here from checked numbers, and
every other name it asks for becomes an empty shell that remembers nothing and calls nothing. On top, the
process drops to small limits, and refuses sockets, programs and foreign files.

This file is a program (`python -I unpack_checkpoint.py IN.pth OUT.safetensors`): standard library and numpy
only. It prints one JSON object with what it wrote, or with `error`. `realtime.models.unpack` runs it.
"""

from __future__ import annotations

import json
import pickle
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

MAX_BYTES = 4 << 30
"""Of one archive member, and of everything written."""
MAX_TENSORS = 100_000
MAX_DEPTH = 16
MAX_VISITS = 1_000_000
MAX_PICKLE_BYTES = 256 << 20
MAX_SECONDS = 600
_STORAGES = {
    "FloatStorage": ("F32", 4), "DoubleStorage": ("F64", 8), "HalfStorage": ("F16", 2),
    "BFloat16Storage": ("BF16", 2), "LongStorage": ("I64", 8), "IntStorage": ("I32", 4),
    "ShortStorage": ("I16", 2), "CharStorage": ("I8", 1), "ByteStorage": ("U8", 1),
    "BoolStorage": ("BOOL", 1),
}  # fmt: skip
_FORBIDDEN = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.remove",
    "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod", "os.kill", "os.putenv", "pty.",
    "shutil.", "ctypes.", "ftplib.", "urllib.", "http.", "smtplib.", "webbrowser.",
)  # fmt: skip


class Refused(Exception):  # noqa: N818 - reads better at the raise
    """The file is no checkpoint that can be read here, or is larger than allowed."""


class Shell:
    """Stands for any object that is no tensor: takes whatever a pickle does to it and keeps none of it."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass

    def __setitem__(self, _: object, __: object) -> None:
        pass

    def append(self, _: object) -> None:
        """Forgotten."""

    def extend(self, _: object) -> None:
        """Forgotten."""

    def add(self, _: object) -> None:
        """Forgotten."""


class Ordered(dict[Any, Any]):
    """Stands for collections.OrderedDict, whose pickled attributes are left out."""

    def __setstate__(self, _: object) -> None:
        pass


class Storage:
    """Bytes of one archive member, seen as numbers of a type."""

    def __init__(self, kind: str, content: bytes) -> None:
        self.type, self.width = _STORAGES[kind]
        self.content = content


class Tensor:
    """A tensor's numbers in order, with its type in safetensors' words."""

    def __init__(self, storage: object, offset: object, shape: object, strides: object, *_: object) -> None:
        if not isinstance(storage, Storage):
            raise Refused("it holds a tensor without numbers")
        self.shape = _whole_numbers(shape)
        steps = _whole_numbers(strides)
        (start,) = _whole_numbers((offset,))
        count = int(np.prod(self.shape, dtype=object))
        last = start + sum((n - 1) * s for n, s in zip(self.shape, steps, strict=False))
        available = len(storage.content) // storage.width
        if len(steps) != len(self.shape) or (count and last >= available):
            raise Refused(f"it holds a tensor of shape {self.shape} that leaves its {available} numbers")
        if count * storage.width > MAX_BYTES:
            raise Refused(f"it holds a tensor larger than {MAX_BYTES >> 30} GiB")
        flat = np.frombuffer(storage.content, f"V{storage.width}", available)[start:]
        view = np.lib.stride_tricks.as_strided(flat, self.shape, [s * storage.width for s in steps])
        self.type, self.content = storage.type, view.tobytes()


def _whole_numbers(values: object) -> tuple[int, ...]:
    if not isinstance(values, tuple) or len(values) > 16:
        raise Refused("it holds a damaged tensor")
    if not all(type(n) is int and 0 <= n <= MAX_BYTES for n in values):
        raise Refused(f"it holds a tensor of impossible shape {values!r}")
    return values


def _parameter(value: object, *_: object) -> object:
    return value


class _Kind:
    """The name of a storage class, as a pickle gives it."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Reader(pickle.Unpickler):
    """Knows torch's tensors and OrderedDict, as stand-ins; everything else is an empty shell."""

    def __init__(self, stream: IO[bytes], archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(stream, encoding="latin1")
        self._archive, self._root = archive, root
        self._storages: dict[str, bytes] = {}
        self._read_bytes = 0

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return Ordered
        if (module, name) in (("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor")):
            return Tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _parameter
        if module in ("torch", "torch.storage") and name in _STORAGES:
            return _Kind(name)
        return Shell

    def persistent_load(self, pid: Any) -> Storage:
        if (
            not isinstance(pid, tuple)
            or len(pid) != 5
            or pid[0] != "storage"
            or not isinstance(pid[1], _Kind)
        ):
            raise Refused("it refers to something that is no storage of numbers")
        key = str(pid[2])
        if key not in self._storages:
            if not key.isascii() or not key.isalnum():
                raise Refused(f"it names a storage {key!r}")
            self._storages[key] = self._member(f"{self._root}data/{key}")
        return Storage(pid[1].name, self._storages[key])

    def _member(self, name: str) -> bytes:
        info = self._archive.getinfo(name)
        self._read_bytes += info.file_size
        if self._read_bytes > MAX_BYTES:
            raise Refused(f"it holds more than {MAX_BYTES >> 30} GiB")
        with self._archive.open(info) as stream:
            return stream.read(info.file_size)


def tensors(path: Path) -> dict[str, Tensor]:
    """Name → tensor of the network: those below `state_dict` where there is one, else all. Raises Refused."""
    with zipfile.ZipFile(path) as archive:
        index = [n for n in archive.namelist() if n == "data.pkl" or n.endswith("/data.pkl")]
        if len(index) != 1:
            raise Refused("it is no checkpoint of torch 1.6 or newer")
        if archive.getinfo(index[0]).file_size > MAX_PICKLE_BYTES:
            raise Refused("its index is too large")
        root = index[0].removesuffix("data.pkl")
        if _big_endian(archive, root):
            raise Refused("it was written by a big-endian machine")
        with archive.open(index[0]) as stream:
            content = _load(_Reader(stream, archive, root))
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    found = dict(_walk(content))
    if not found:
        raise Refused("it holds no tensors")
    return found


def _big_endian(archive: zipfile.ZipFile, root: str) -> bool:
    try:
        with archive.open(f"{root}byteorder") as stream:
            return stream.read(16) == b"big"
    except KeyError:
        return False


def _load(reader: _Reader) -> Any:
    try:
        return reader.load()
    except Refused:
        raise
    # A hostile stream can make the machinery of pickle fail in any way; all of them mean the same here.
    except Exception as error:
        raise Refused(f"it is damaged ({type(error).__name__}: {error})") from error


def _walk(content: object) -> Iterator[tuple[str, Tensor]]:
    """Tensors of nested dictionaries and lists, with dotted names, in order."""
    waiting: list[tuple[str, object, int]] = [("", content, 0)]
    visited = 0
    while waiting:
        name, value, depth = waiting.pop()
        visited += 1
        if depth > MAX_DEPTH or visited > MAX_VISITS:
            raise Refused("it is nested too deeply")
        if isinstance(value, Tensor):
            yield name, value
        items = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        parts = [(_part(key), item) for key, item in items]
        waiting += [(f"{name}.{p}" if name else p, item, depth + 1) for p, item in reversed(parts) if p]


def _part(key: object) -> str:
    text = str(key) if isinstance(key, str | int) else ""
    return text if len(text) <= 200 and text.isprintable() else ""


def write(found: dict[str, Tensor], out: IO[bytes]) -> dict[str, int]:
    """Write as safetensors: the length of the header, the header as JSON, the numbers. Raises Refused."""
    header, offset = {}, 0
    for name, tensor in found.items():
        end = offset + len(tensor.content)
        header[name] = {"dtype": tensor.type, "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    if len(found) > MAX_TENSORS or offset > MAX_BYTES:
        raise Refused(f"it holds more than {MAX_TENSORS} tensors or {MAX_BYTES >> 30} GiB")
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    out.write(len(text).to_bytes(8, "little") + text)
    for tensor in found.values():
        out.write(tensor.content)
    return {"tensors": len(found), "bytes": offset}


def confine() -> None:
    """Give up what this process will not need: much memory, time, the network, programs, other files.

    The audit hook cannot be taken back. It is a second wall; the first is that no foreign name is looked up.
    """
    if sys.platform != "win32":
        import resource

        for limit, value in ((resource.RLIMIT_CPU, MAX_SECONDS), (resource.RLIMIT_FSIZE, 2 * MAX_BYTES)):
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
    """IN.pth OUT.safetensors."""
    source, target = arguments
    with Path(target).open("wb") as out:  # before `confine`, which forbids opening files for writing
        confine()
        try:
            answer: dict[str, object] = {**write(tensors(Path(source)), out)}
        except Refused as error:
            answer = {"error": str(error)}
        except (
            zipfile.BadZipFile,
            ValueError,
            EOFError,
            OSError,
            MemoryError,
            NotImplementedError,
            KeyError,
        ) as error:
            answer = {"error": f"it is damaged or no torch checkpoint ({error or type(error).__name__})"}
    sys.stdout.write(json.dumps(answer))
    return 1 if "error" in answer else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
