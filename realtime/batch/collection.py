"""Which videos a collection has, and what their results are called."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lifting.errors import ConfigError

_ENDINGS = "3gp avi flv m2ts m4v mkv mov mp4 mpeg mpg mts ogv ts webm wmv"
SUFFIXES = frozenset(f".{ending}" for ending in _ENDINGS.split())
MAX_VIDEOS = 1_000_000
MAX_STEM_BYTES = 180
"""Of the last part; leaves room for suffixes within the 255 bytes that file systems allow."""
_PERSON = re.compile(r"\.person\d+$", re.IGNORECASE)
"""What files of several people end in before their suffix; no other result may."""
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')


@dataclass(frozen=True)
class Video:
    """One file of the collection."""

    path: Path
    name: str
    """As seen from the collection's folder, with / between the parts."""
    key: str
    """Hexadecimal digits that stand for `name`."""


def find_videos(folder: Path, leave_out: Path) -> list[Video]:
    """All videos below `folder`, by name; hidden ones and those in `leave_out` are none.

    A link to a file counts as a file of the link's name; linked folders are not entered, so that nothing is
    walked in circles. Raises ConfigError when there is nothing, or a name that is no text.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder. For one video type: sealcap run {folder} --max-speed")
    names = sorted(_names(folder, leave_out.resolve()))
    if not names:
        raise ConfigError(f"There is no video in {folder}. Videos end in {' '.join(sorted(SUFFIXES))}.")
    return [Video(folder / name, name, _key(name)) for name in names]


def _names(folder: Path, leave_out: Path) -> Iterator[str]:
    count = 0
    for place, folders, files in os.walk(folder, followlinks=False):
        here = Path(place)
        folders[:] = [f for f in folders if not f.startswith(".") and (here / f).resolve() != leave_out]
        for file in files:
            if Path(file).suffix.lower() in SUFFIXES and not file.startswith(".") and (here / file).is_file():
                count += 1
                if count > MAX_VIDEOS:
                    raise ConfigError(
                        f"{folder} holds more than {MAX_VIDEOS} videos. Do it folder by folder."
                    )
                yield _text(here / file, folder)


def _text(path: Path, folder: Path) -> str:
    name = path.relative_to(folder).as_posix()
    try:
        name.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(name).decode("utf-8", "backslashreplace")
        raise ConfigError(f"The name {shown} in {folder} is not valid text. Rename the file.") from None
    return name


def _key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:24]


def choose_stem(name: str, is_free: Callable[[str], bool]) -> str:
    """Where the results of the video `name` go: its own path without suffix, if nobody else has that.

    walk.mp4 → walk; when that is taken (by walk.mov, or a file not ours) walk.mp4, then walk.mp4-2 ...
    """
    path = PurePosixPath(name)
    folder = PurePosixPath(*(_safe(part) for part in path.parent.parts))
    whole = _safe(path.name)
    names = [whole, *(f"{whole}-{n}" for n in range(2, 10_000))]
    if not _PERSON.search(path.stem):
        names.insert(0, _safe(path.stem))
    for candidate in names:
        if is_free(stem := (folder / candidate).as_posix()):
            return stem
    raise ConfigError(f"There is no free name for the results of {name}. Choose another --out.")


def _safe(part: str) -> str:
    """A name that every file system takes; never empty, hidden, `.` or `..`."""
    short = _UNSAFE.sub("_", part).strip(" .") or "_"
    if len(short.encode()) <= MAX_STEM_BYTES and short == part:
        return part
    digest = hashlib.sha256(part.encode()).hexdigest()[:8]
    return f"{short.encode()[: MAX_STEM_BYTES - 9].decode(errors='ignore')}-{digest}"
