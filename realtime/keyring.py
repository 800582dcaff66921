"""Keys for ZeroMQ: this machine's own pairs, the public keys that may connect, and those of servers.

The folder (`sealcap keys list` names it) holds

    NAME.key            a pair: whoever reads it can pass for this machine
    NAME.pub            a public key: of a pair, or of a server to connect to
    allowed/NAME.pub    a client that may connect

Keys are written in Z85 (ZeroMQ RFC 32), 40 characters for 32 bytes, each file as lines `public KEY` and
`secret KEY`. Only their owner may read pairs: folders are 0700, files 0600, and what is more open is refused.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.utils import z85

from lifting.errors import ConfigError
from realtime.paths import keys_dir

DEFAULT_NAME = "default"
MAX_FILE_BYTES = 4096
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_Z85 = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")
_POSIX = os.name == "posix"
"""Elsewhere the user's own folders are closed to others by the system's access lists."""


@dataclass(frozen=True)
class KeyPair:
    """Public and secret key, in Z85. The secret one is not shown when printed."""

    name: str
    public: str
    secret: str = field(repr=False)


def new_pair(name: str = DEFAULT_NAME) -> KeyPair:
    """Make a pair and keep it, its public half also on its own. Raises ConfigError when the name is taken."""
    path = _file(keys_dir(), name, ".key")
    if path.exists():
        raise ConfigError(f"{path} exists already. Choose another name, or delete that file first.")
    public, secret = _curve_pair()
    _make_folder(keys_dir())
    _write(path, f"public {public}\nsecret {secret}\n")
    path.with_suffix(".pub").unlink(missing_ok=True)
    _write(path.with_suffix(".pub"), f"public {public}\n")
    return KeyPair(name, public, secret)


def load_pair(name: str = DEFAULT_NAME) -> KeyPair:
    """The pair of that name. Raises ConfigError when there is none, or others could read it."""
    path = _file(keys_dir(), name, ".key")
    if not path.exists():
        own = "" if name == DEFAULT_NAME else f" {name}"
        raise ConfigError(f"There is no key pair {path}. Make it with: sealcap keys new{own}")
    _require_closed(keys_dir(), 0o700)
    keys = _read(path, secret=True)
    if "secret" not in keys or keys.get("public") != zmq.curve_public(keys["secret"].encode()).decode():
        raise ConfigError(f"{path} is no key pair. Delete it and make another: sealcap keys new {name}")
    return KeyPair(name, keys["public"], keys["secret"])


def pairs() -> list[KeyPair]:
    """All pairs of this machine."""
    return [load_pair(path.stem) for path in _files(keys_dir(), "*.key")]


def allow(public: str, name: str) -> Path:
    """Let the owner of a public key connect; the file that says so. Raises ConfigError for a taken name."""
    folder = allowed_dir()
    path = _file(folder, name, ".pub")
    if path.exists():
        raise ConfigError(f"{path} exists already. Choose another name, or delete that file first.")
    check_key(public)
    _make_folder(keys_dir())
    _make_folder(folder)
    _write(path, f"public {public}\n")
    return path


def allowed() -> dict[str, str]:
    """Public key → name of who may connect. Raises ConfigError for a file that holds none, or that others
    could have written."""
    folder = allowed_dir()
    if not folder.is_dir():
        return {}
    _require_closed(keys_dir(), 0o700)
    _require_closed(folder, 0o700)
    return {read_public_file(path): path.stem for path in _files(folder, "*.pub")}


def allowed_dir() -> Path:
    """One file for each client that may connect."""
    return keys_dir() / "allowed"


def servers() -> dict[str, str]:
    """Name → public key of the servers whose `.pub` files were put beside this machine's pairs."""
    own = {pair.name for pair in pairs()}
    found = [path for path in _files(keys_dir(), "*.pub") if path.stem not in own]
    return {path.stem: read_public_file(path) for path in found}


def find_public(text: str) -> str:
    """A public key from what the user typed: the key, a file with it, or a name in the key folder.

    Raises ConfigError."""
    if _Z85.fullmatch(text):
        return check_key(text)
    if is_file(text):
        return read_public_file(Path(text))
    if _NAME.fullmatch(text):
        known = _file(keys_dir(), text, ".pub")
        if known.is_file():
            return read_public_file(known)
    raise ConfigError(
        f"{text!r} is neither a public key (40 characters) nor a file with one nor a name in {keys_dir()}. "
        "Copy the file NAME.pub of the other machine here; `sealcap keys list` shows it there."
    )


def is_file(text: str) -> bool:
    """The user's words name a file, and are not a key themselves."""
    return not _Z85.fullmatch(text) and "\0" not in text and Path(text).is_file()


def read_public_file(path: Path) -> str:
    """The public key of a file. Raises ConfigError; also for a pair, which is nobody else's business."""
    keys = _read(path, secret=False)
    if "secret" in keys:
        raise ConfigError(f"{path} holds a secret key, which must stay where it is. Give {path.stem}.pub.")
    if "public" not in keys:
        raise ConfigError(f"{path} holds no public key; it must be one line, `public` and 40 characters.")
    return keys["public"]


def check_key(text: str) -> str:
    """The key itself. Raises ConfigError unless it is 32 bytes in Z85."""
    try:
        if _Z85.fullmatch(text) and len(z85.decode(text)) == 32:
            return text
    except struct.error:
        pass  # five characters beyond 2**32
    raise ConfigError(f"{text[:60]!r} is no key: one has 40 characters of Z85. Copy it whole, in '...'.")


def _curve_pair() -> tuple[str, str]:
    """A pair whose public key can be typed as it is: one that begins with - would pass for an option."""
    while True:
        public, secret = (key.decode() for key in zmq.curve_keypair())
        if public[0].isalnum():
            return public, secret


def _file(folder: Path, name: str, suffix: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is no name for a key: give up to 64 letters, digits, - _ or dots.")
    return folder / f"{name}{suffix}"


def _files(folder: Path, pattern: str) -> Iterator[Path]:
    return (path for path in sorted(folder.glob(pattern)) if _NAME.fullmatch(path.stem))


def _make_folder(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir():
        folder.mkdir(mode=0o700)
    _require_closed(folder, 0o700)


def _write(path: Path, text: str) -> None:
    """A new file that nobody else can read, not even while it is written."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)


def _read(path: Path, *, secret: bool) -> dict[str, str]:
    """`public` and `secret` of a file, as far as it holds them."""
    with path.open("rb") as file:
        if secret:
            _refuse_open(path, os.fstat(file.fileno()), 0o600)
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError(f"{path} is no key file: those have a line or two.")
    words = [line.split() for line in data.decode("ascii", "replace").splitlines()]
    return {pair[0]: check_key(pair[1]) for pair in words if len(pair) == 2 and pair[0] in _KINDS}


_KINDS = ("public", "secret")


def _require_closed(path: Path, mode: int) -> None:
    _refuse_open(path, path.stat(), mode)


def _refuse_open(path: Path, found: os.stat_result, mode: int) -> None:
    """Nobody but the owner, who must be the user, may read or change keys."""
    if not _POSIX:
        return
    if found.st_uid != os.getuid():
        raise ConfigError(f"{path} belongs to another user; keys must be your own. Choose a folder of yours.")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigError(f"Others can read or change {path}. Type: chmod {mode:o} '{path}'")
