"""The little of Protocol Buffers' wire format that session files need.

A message is a row of fields; each begins with number·8 + kind. Kinds used here: 0 varint, 1 eight bytes,
2 a length and that many bytes, 5 four bytes. https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from lifting.errors import WireError

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10


def varint(number: int) -> bytes:
    """A number from 0 up, seven bits a byte, the lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def number_field(field: int, value: int) -> bytes:
    """Integers from 0 up, enums and booleans."""
    return varint(field << 3 | _VARINT) + varint(value)


def double_field(field: int, value: float) -> bytes:
    """Nine bytes for field numbers below 16."""
    return varint(field << 3 | _EIGHT) + struct.pack("<d", value)


def bytes_field(field: int, data: bytes | str) -> bytes:
    """Strings, bytes, messages and packed arrays."""
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | _BYTES) + varint(len(data)) + data


def timestamp(ns: int) -> bytes:
    """google.protobuf.Timestamp (or Duration) of nanoseconds from 0 up."""
    seconds, rest = divmod(ns, 10**9)
    return number_field(1, seconds) + number_field(2, rest)


def read_fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) in order; fixed-size values as their bytes. Raises WireError."""
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _read_varint(data, at)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, at = _read_varint(data, at)
        elif kind in (_EIGHT, _FOUR):
            size = 8 if kind == _EIGHT else 4
        else:
            raise WireError(f"Not a protobuf message: field of kind {kind}.")
        if size > len(data) - at:
            raise WireError("Not a protobuf message: a field reaches beyond its end.")
        yield tag >> 3, data[at : at + size]
        at += size


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for i, byte in enumerate(data[at : at + _MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return value, at + i + 1
    raise WireError("Not a protobuf message: a number does not end.")
