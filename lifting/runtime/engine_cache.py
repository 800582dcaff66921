"""Built engines on disk. A plan is native code that the GPU's driver runs unasked, so only our own are read.

The folder belongs to the user and nobody else may enter it (mode 0700); owner and mode of folder and file are
looked at before anything is read. A file is

    SEALENG1 | length of the header, 4 bytes | header, JSON | plan

The header repeats the key, holds the plan's SHA-256 and says whether the engine was asked and answered right:
what is cut off, damaged or made for something else is deleted and built again. Files appear whole or not at
all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lifting.errors import ModelError

MAGIC = b"SEALENG1"
RECIPE = 1
"""Counted up when engines are built differently from the same model."""
MAX_HEADER_BYTES = 64 << 10
MAX_PLAN_BYTES = 2 << 30


@dataclass(frozen=True)
class EngineKey:
    """Everything an engine depends on; any other value means another engine."""

    model_sha256: str
    precision: str
    profile: str
    library: str
    """tensorrt 11.4.0 or tensorrt_rtx 1.7.1."""
    gpu: str
    """Name and compute capability, or the capability alone where it was built without the GPU."""
    cuda: str
    """Version of the CUDA runtime; empty where there was none."""
    recipe: int = RECIPE

    @property
    def digest(self) -> str:
        """Name of the file."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Stored:
    """One engine in the cache, for lists."""

    key: EngineKey
    model: str
    bytes: int


class EngineCache:
    """Engines by key, in a folder of the user's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, key: EngineKey) -> bytes | None:
        """The plan; None where there is none, or none that can be trusted to be the one that was stored.

        Raises ModelError when others may write to the folder or the file.
        """
        path = self.path(key)
        if not path.exists():
            return None
        data = self._read(path)
        try:
            header, plan = _split(data)
            if header["key"] != asdict(key) or header["sha256"] != hashlib.sha256(plan).hexdigest():
                raise ValueError("made for something else, or damaged")
        except (ValueError, KeyError, TypeError):
            self.forget(key)
            return None
        return plan

    def is_checked(self, key: EngineKey) -> bool:
        """Whether the stored engine has answered right on a GPU; one built without a GPU has not."""
        try:
            return _split(self._read(self.path(key)))[0].get("checked") is True
        except ValueError:
            return False

    def store(self, key: EngineKey, plan: bytes, model: str, *, checked: bool = False) -> None:
        """Keep `plan`, built of the file named `model`; an older refusal is void.

        Raises ModelError when others could change it.
        """
        digest = hashlib.sha256(plan).hexdigest()
        header = {"key": asdict(key), "model": model, "sha256": digest, "checked": checked}
        text = json.dumps(header, sort_keys=True).encode()
        self._write(self.path(key), MAGIC + len(text).to_bytes(4, "little") + text + plan)
        self._refusal(key).unlink(missing_ok=True)

    def forget(self, key: EngineKey) -> None:
        """Delete it, if it is there."""
        self.path(key).unlink(missing_ok=True)

    def refuse(self, key: EngineKey, reason: str) -> None:
        """Remember that this engine came out wrong, so that nobody waits for it again."""
        self._write(self._refusal(key), reason.encode())

    def refused(self, key: EngineKey) -> str | None:
        """Why this engine is not built; None where nothing speaks against it."""
        path = self._refusal(key)
        return self._read(path).decode(errors="replace")[:500] if path.exists() else None

    def load_timings(self, name: str) -> bytes:
        """What earlier builds learned about the speed of kernels; empty where there were none."""
        path = self._timings(name)
        return self._read(path) if path.exists() else b""

    def store_timings(self, name: str, timings: bytes) -> None:
        """Keep it for the next build."""
        if timings:
            self._write(self._timings(name), timings)

    def listing(self) -> list[Stored]:
        """All engines that can be read, for `sealcap doctor`. Raises ModelError as `load`."""
        return list(self._listing()) if self.folder.is_dir() else []

    def path(self, key: EngineKey) -> Path:
        """Where it lies or would lie."""
        return self.folder / f"{key.digest}.engine"

    def _refusal(self, key: EngineKey) -> Path:
        return self.path(key).with_suffix(".refused")

    def _listing(self) -> Iterator[Stored]:
        for path in sorted(self.folder.glob("*.engine")):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                header, plan = _split(self._read(path))
                yield Stored(EngineKey(**header["key"]), str(header["model"]), len(plan))

    def _timings(self, name: str) -> Path:
        return self.folder / f"timings-{hashlib.sha256(name.encode()).hexdigest()[:16]}.bin"

    def _read(self, path: Path) -> bytes:
        """Through one descriptor, so that what was checked is what is read."""
        check_private(self.folder)
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(path, flags)
        except OSError as error:
            raise ModelError(f"Cannot read the engine {path}: {error.strerror}.") from error
        with os.fdopen(descriptor, "rb") as file:
            _check_owner(os.fstat(descriptor), path, others=0o022)
            return file.read(MAX_PLAN_BYTES)

    def _write(self, path: Path, data: bytes) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            check_private(self.folder)
            with tempfile.NamedTemporaryFile(dir=self.folder, prefix=".part-", delete=False) as part:
                part.write(data)
            os.replace(part.name, path)
        except OSError as error:
            raise ModelError(f"Cannot keep engines in {self.folder}: {error.strerror}.") from error


def engines_dir() -> Path:
    """`engines` in the user's cache; SEALCAP_CACHE overrides the cache's place. Not created here."""
    chosen = os.environ.get("SEALCAP_CACHE")
    if chosen is None:
        import platformdirs

        chosen = platformdirs.user_cache_dir("sealcap", appauthor=False)
    return Path(chosen).expanduser() / "engines"


def check_private(folder: Path) -> None:
    """Raises ModelError unless `folder` is a folder of this user that nobody else may enter."""
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode):
        raise ModelError(f"{folder} must be a folder, not a link or file. Delete it; it is made again.")
    _check_owner(info, folder, others=0o077)


def _check_owner(info: os.stat_result, path: Path, others: int) -> None:
    if not hasattr(os, "getuid"):  # Windows: the profile's folders are the user's alone
        return
    if info.st_uid != os.getuid():
        raise ModelError(f"{path} belongs to another user; engines from there are not run. Delete it.")
    if info.st_mode & others:
        raise ModelError(
            f"Others may change {path}; engines from there are not run. Type: chmod -R go= {path}"
        )


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and plan. Raises ValueError for anything that is no engine file."""
    start = len(MAGIC) + 4
    length = int.from_bytes(data[len(MAGIC) : start], "little")
    if not data.startswith(MAGIC) or not 0 < length <= MAX_HEADER_BYTES:
        raise ValueError("no engine file")
    header = json.loads(data[start : start + length])
    if not isinstance(header, dict) or not isinstance(header.get("key"), dict):
        raise ValueError("no engine header")
    return header, data[start + length :]
