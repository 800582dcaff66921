"""The out folder: results, and below `.batch` the books. Whatever appears in it appears whole.

OUT/sub/walk.mcap, walk.bvh ...     results
OUT/batch.json, report.md           the report
OUT/.batch/records/KEY.json         what became of each video; makes a run go on where it ended
OUT/.batch/work/                    unfinished work; emptied at every start
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from lifting.errors import ConfigError, DataError, SinkError
from realtime.batch.records import Record, decode_record
from realtime.takes.formats import FORMATS

MAX_RECORD_BYTES = 1 << 20
SESSION = ".mcap"


class OutFolder:
    """Results and books of one collection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.books = path / ".batch"
        self._records, self._work = self.books / "records", self.books / "work"

    def create(self) -> None:
        """Make what is missing. Raises ConfigError."""
        try:
            self._records.mkdir(parents=True, exist_ok=True)
            self._work.mkdir(exist_ok=True)
        except OSError as error:
            raise ConfigError(f"--out {self.path}: {error.strerror}. Name a folder that is yours.") from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else works on this folder meanwhile; the lock goes with the process that holds it."""
        lock = sqlite3.connect(self.books / "lock", timeout=0, isolation_level=None)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            lock.close()
            raise ConfigError(f"Another `sealcap batch` works on {self.path}. Wait for it.") from error
        try:
            yield
        finally:
            lock.close()

    def bind(self, collection: Path) -> None:
        """Results of one collection alone lie here. Raises ConfigError when it is another's, still there."""
        note, name = self.books / "collection", str(collection.resolve())
        with contextlib.suppress(FileNotFoundError):
            before = note.read_text(encoding="utf-8").strip()
            if before != name and Path(before).is_dir():
                raise ConfigError(f"{self.path} holds the results of {before}. Choose another --out.")
        write_whole(note, name.encode())

    def clean(self) -> None:
        """Throw away what workers left that were stopped."""
        for place in self._work.iterdir():
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place, ignore_errors=True)
            else:
                place.unlink(missing_ok=True)

    def workplace(self, key: str) -> Path:
        """A new empty folder on the same disk, for one attempt at one video."""
        return Path(tempfile.mkdtemp(prefix=f"{key}-", dir=self._work))

    def progress(self, key: str) -> Path:
        """The file in which a worker says how far it is."""
        return self._work / f"{key}.progress"

    def record(self, key: str) -> Record | None:
        """What is known of a video; None for nothing, or nothing that reads."""
        path = self._records / f"{key}.json"
        try:
            if path.stat().st_size <= MAX_RECORD_BYTES:
                return decode_record(path.read_bytes())
        except (OSError, DataError):
            pass
        return None

    def records(self) -> list[Record]:
        """Of all videos there ever were."""
        found = [self.record(path.stem) for path in sorted(self._records.glob("*.json"))]
        return [record for record in found if record is not None]

    def keep(self, record: Record) -> None:
        """Write it down, whole and on the disk."""
        write_whole(self._records / f"{record.key}.json", msgspec.json.encode(record))

    def place(self, name: str) -> Path:
        """The result called `name`, its folder made. Raises SinkError when a link leads out."""
        path = self.path / name
        try:
            inside = path.parent.resolve().is_relative_to(self.path.resolve())
            if inside:
                path.parent.mkdir(parents=True, exist_ok=True)
        except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
            raise SinkError(f"Cannot make the folder {path.parent}: {error}.") from error
        if not inside:
            raise SinkError(f"{path.parent} leads out of {self.path}. Remove the link, or change --out.")
        return path

    def holds(self, name: str) -> bool:
        """Whether the result is there, as a file."""
        return (self.path / name).is_file()

    def nothing_at(self, stem: str) -> bool:
        """Whether no file would be overwritten by results of this stem."""
        return not any(os.path.lexists(self.path / f"{stem}{end}") for end in (SESSION, *FORMATS))

    def remove(self, names: list[str]) -> None:
        """Results that are no longer any. Only files inside, never what a link leads to."""
        for name in names:
            with contextlib.suppress(FileNotFoundError, SinkError):
                self.place(name).unlink()


def write_whole(path: Path, data: bytes) -> None:
    """The old content stands until the new is on the disk. Raises OSError."""
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
