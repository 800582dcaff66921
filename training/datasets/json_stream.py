"""Reads a large JSON object one entry at a time: H3WB's file of a gigabyte fits into little memory."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from lifting.errors import DataError

CHUNK = 1 << 20
LARGEST_ENTRY = 4 << 20
"""Characters of one entry; H3WB's have about 20,000."""
_BLANK = " \t\r\n"


def entries(path: Path) -> Iterator[tuple[str, Any]]:
    """(key, value) of the object that `path` holds, in the order of the file.

    Raises DataError when the file is missing, no JSON object, cut short, or has an entry far too large.
    """
    try:
        with path.open("rb") as file:
            yield from _Reader(path, file).entries()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


class _Reader:
    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path, self._file, self._text, self._at = path, file, "", 0
        self._utf8, self._json = codecs.getincrementaldecoder("utf-8")(), json.JSONDecoder()

    def entries(self) -> Iterator[tuple[str, Any]]:
        self._expect("{")
        if self._peek() == "}":
            return
        while True:
            key = self._value()
            if not isinstance(key, str):
                raise self._wrong(f"a key is {str(key)[:40]!r}")
            self._expect(":")
            yield key, self._value()
            if self._peek() == "}":
                return
            self._expect(",")

    def _value(self) -> Any:
        """The JSON value at the present place; reads on until it is complete."""
        self._peek()
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except RecursionError:
                raise self._wrong("an entry is nested too deep") from None
            except ValueError as error:
                if not self._more():
                    raise self._wrong(f"it ends early or is damaged ({error})") from error
                continue
            length = end - self._at
            if end < len(self._text) or not self._more():  # a number at the very end may go on
                self._at += length
                return value

    def _expect(self, sign: str) -> None:
        found = self._peek()
        if found != sign:
            raise self._wrong(f"{sign!r} was expected where {found or 'its end'!r} is")
        self._at += 1

    def _peek(self) -> str:
        """The next character that is no blank, or nothing at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _BLANK:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                return ""

    def _more(self) -> bool:
        """Read another chunk behind the part that is not used yet; False at the end of the file."""
        if len(self._text) - self._at > LARGEST_ENTRY:
            raise self._wrong(f"an entry is longer than {LARGEST_ENTRY >> 20} MB or damaged")
        raw = self._file.read(CHUNK)
        try:
            text = self._utf8.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            raise self._wrong("it is no UTF-8 text") from error
        self._text, self._at = self._text[self._at :] + text, 0
        return bool(raw)

    def _wrong(self, what: str) -> DataError:
        return DataError(f"{self._path} is no whole JSON object: {what}. Get the file again.")
