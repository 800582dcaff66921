"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lifting.errors import SinkError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """An empty file beside `path` to write to; it takes the place of `path` when the block ends well.

    Otherwise it goes, and what was at `path` before is still there. Raises SinkError for all that the
    system has against it: no such folder, no permission, no room.
    """
    temporary = path.with_name(f"{path.stem[:100]}.{os.getpid()}.partial{path.suffix}")
    try:
        try:
            temporary.open("xb").close()
            yield temporary
            _to_disk(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SinkError(
            f"Cannot write {path}: {error.strerror or error}. Choose a folder that exists, is yours and has "
            "room, and convert again; the session is untouched."
        ) from error


def _to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
