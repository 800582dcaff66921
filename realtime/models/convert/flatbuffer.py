"""Reads FlatBuffers tables from untrusted bytes: every access is checked against the end of the buffer.

A table starts with a signed distance back to its vtable; the vtable holds the table's size and one 16-bit
offset a field, 0 where the field is absent. Tables, vectors and strings are reached by relative offsets.
https://flatbuffers.dev/internals/
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ModelError

MAX_ITEMS = 1 << 16
"""More tables than this in one vector is a damaged file."""


class Table:
    """One table; `slot` is the number of a field in its schema, counted from 0."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data, self._start = data, position
        self._vtable = position - self._read("<i", position)
        self._vtable_size = self._read("<H", self._vtable)

    @classmethod
    def root(cls, data: bytes, identifier: bytes) -> Table:
        """The first table of a file whose bytes 4..8 are `identifier`. Raises ModelError."""
        if data[4:8] != identifier:
            raise ModelError(f"This is no {identifier.decode()} file; pull the model again.")
        return cls(data, struct.unpack_from("<I", data)[0])

    def _read(self, form: str, position: int) -> int:
        if not 0 <= position <= len(self._data) - struct.calcsize(form):
            raise ModelError("The model file is cut off or damaged; pull the model again.")
        return int(struct.unpack_from(form, self._data, position)[0])

    def _field(self, slot: int) -> int | None:
        """Where the field lies, or None where it is absent."""
        entry = 4 + 2 * slot
        if entry + 2 > self._vtable_size:
            return None
        offset = self._read("<H", self._vtable + entry)
        return self._start + offset if offset else None

    def _target(self, slot: int) -> int | None:
        """Where the thing that the field points at lies, or None."""
        at = self._field(slot)
        return None if at is None else at + self._read("<I", at)

    def number(self, slot: int, form: str = "<i", default: int = 0) -> int:
        """An integer field; `form` as in struct."""
        at = self._field(slot)
        return default if at is None else self._read(form, at)

    def table(self, slot: int) -> Table | None:
        """A table field (also a union's value)."""
        at = self._target(slot)
        return None if at is None else Table(self._data, at)

    def tables(self, slot: int) -> list[Table]:
        """A vector of tables; empty where absent."""
        at = self._target(slot)
        if at is None:
            return []
        count = self._read("<I", at)
        if count > MAX_ITEMS:
            raise ModelError("The model file is damaged: it has an absurd number of parts.")
        places = range(at + 4, at + 4 + 4 * count, 4)
        return [Table(self._data, p + self._read("<I", p)) for p in places]

    def vector(self, slot: int, dtype: str) -> NDArray[np.generic] | None:
        """A vector of numbers, as a view of the file; None where absent."""
        at = self._target(slot)
        if at is None:
            return None
        count, kind = self._read("<I", at), np.dtype(dtype)
        if at + 4 + count * kind.itemsize > len(self._data):
            raise ModelError("The model file is cut off or damaged; pull the model again.")
        return np.frombuffer(self._data, kind, count, at + 4)

    def integers(self, slot: int) -> tuple[int, ...]:
        """A vector of 32-bit integers; empty where absent."""
        values = self.vector(slot, "<i4")
        return () if values is None else tuple(values.tolist())
