"""Text files of strangers: read with a limit, and every number checked."""

from __future__ import annotations

from pathlib import Path

from lifting.errors import DataError

MAX_BYTES = 512 * 2**20
LARGEST = 1e9
"""No angle, length or time in a motion file comes near this."""


def read_lines(path: Path) -> list[str]:
    """The lines of a text file.

    Raises DataError when it cannot be opened, is larger than MAX_BYTES, or holds bytes no text has.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(data) > MAX_BYTES:
        raise DataError(f"{path} is larger than {MAX_BYTES >> 20} MiB; split it.")
    if b"\0" in data:
        raise DataError(f"{path} is not a text file.")
    data = data.removeprefix(b"\xef\xbb\xbf")
    # Names in old files come in any 8-bit encoding; only ASCII carries meaning.
    return data.decode("ascii", errors="replace").splitlines()


def numbers(words: list[str], path: Path, line: int) -> list[float]:
    """The words as numbers. Raises DataError naming file, line and the first word that is none."""
    try:
        values = [float(word) for word in words]
    except ValueError:
        values = []
    if len(values) == len(words) and all(abs(value) < LARGEST for value in values):
        return values
    bad = next(word for word in words if not _sensible(word))
    raise DataError(f"{path}, line {line}: {bad[:40]!r} is not a finite number below {LARGEST:g}.")


def _sensible(word: str) -> bool:
    try:
        return abs(float(word)) < LARGEST
    except ValueError:
        return False
