"""OSC 1.0 packets from anyone, taken apart with limits. Needs no Blender.

What is not OSC, is cut short, or asks for too much is left out without an error: the port is open to every
program on this machine.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

Argument = int | float | str
Message = tuple[str, tuple[Argument, ...]]
"""Address and arguments."""

MAX_PACKET_BYTES = 65_507
"""Longer cannot come over UDP."""
MAX_MESSAGES = 512
MAX_ARGUMENTS = 32
MAX_STRING_BYTES = 128
_BUNDLE = b"#bundle\0"


class _NotOscError(Exception):
    """The bytes are no message that we read."""


def messages(packet: bytes) -> list[Message]:
    """Messages of a packet: one, or a bundle of them. Bundles in bundles are left out."""
    if len(packet) > MAX_PACKET_BYTES:
        return []
    found: list[Message] = []
    for element in _elements(packet):
        try:
            found.append(_message(element))
        except _NotOscError:
            continue
    return found


def _elements(packet: bytes) -> Iterator[bytes]:
    if not packet.startswith(_BUNDLE):
        yield packet
        return
    at = len(_BUNDLE) + 8
    for _ in range(MAX_MESSAGES):
        if at + 4 > len(packet):
            return
        (size,) = struct.unpack_from(">i", packet, at)
        at += 4
        if size <= 0 or size % 4 or at + size > len(packet):
            return
        yield packet[at : at + size]
        at += size


def _message(data: bytes) -> Message:
    address, at = _string(data, 0)
    if not address.startswith("/"):
        raise _NotOscError
    tags, at = _string(data, at)
    if not tags.startswith(",") or len(tags) > MAX_ARGUMENTS + 1:
        raise _NotOscError
    arguments: list[Argument] = []
    for tag in tags[1:]:
        argument, at = _argument(tag, data, at)
        arguments.append(argument)
    return address, tuple(arguments)


def _argument(tag: str, data: bytes, at: int) -> tuple[Argument, int]:
    if tag == "s":
        return _string(data, at)
    if tag not in "if" or at + 4 > len(data):
        raise _NotOscError
    (number,) = struct.unpack_from(">" + tag, data, at)
    if not math.isfinite(number):
        raise _NotOscError
    return number, at + 4


def _string(data: bytes, at: int) -> tuple[str, int]:
    end = data.find(b"\0", at, at + MAX_STRING_BYTES)
    if end < 0:
        raise _NotOscError
    try:
        text = data[at:end].decode()
    except UnicodeDecodeError:
        raise _NotOscError from None
    return text, end + 4 - end % 4
