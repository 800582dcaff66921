"""The list of a session's chunks, kept small while a recording goes on.

The MCAP library holds one Python object per chunk until the file is closed, about a kilobyte each, at three
chunks a second: 10 MB an hour. Here each is the bytes that the file's end will hold of it, a tenth of that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from mcap.data_stream import RecordBuilder
from mcap.writer import Writer

_ATTRIBUTE = "_Writer__chunk_indices"


class _Index(Protocol):
    """The library's record, as far as its writer uses it."""

    def write(self, stream: RecordBuilder) -> None: ...


class _Packed:
    """One index as bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def write(self, stream: RecordBuilder) -> None:
        stream.write(self._data)


class PackedIndices:
    """Takes the place of the writer's list: filled while recording, gone through once at the end."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._lengths = bytearray()

    def append(self, index: _Index) -> None:
        builder = RecordBuilder()
        index.write(builder)
        data: bytes = builder.end()
        self._data += data
        self._lengths += len(data).to_bytes(4, "little")

    def __len__(self) -> int:
        return len(self._lengths) // 4

    def __iter__(self) -> Iterator[_Packed]:
        begin = 0
        for at in range(0, len(self._lengths), 4):
            end = begin + int.from_bytes(self._lengths[at : at + 4], "little")
            yield _Packed(bytes(self._data[begin:end]))
            begin = end


def pack_indices(writer: Writer) -> None:
    """Before the first chunk. A version of the library that keeps them elsewhere is left as it is."""
    if hasattr(writer, _ATTRIBUTE):
        setattr(writer, _ATTRIBUTE, PackedIndices())
