"""OSC packets, packed by hand: what does not change from frame to frame is packed once.

OSC 1.0: big-endian, everything padded to four bytes, a message is address, type tags and arguments, a bundle
is `#bundle`, a time tag and messages with their sizes. Packets stay within one Ethernet frame: of a larger
one, a lost fragment loses all. The time tag is 'immediately', others would make receivers wait.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

MAX_PACKET_BYTES = 1472
"""What fits in one Ethernet frame after the IP and UDP headers."""
BUNDLE = b"#bundle\0" + struct.pack(">Q", 1)
"""Begin of a bundle to be obeyed immediately."""


def string(text: str) -> bytes:
    """UTF-8, ended by one to four zeros."""
    data = text.encode()
    return data + b"\0" * (4 - len(data) % 4)


def message_head(address: str, tags: str, *names: str) -> bytes:
    """Everything of a message that comes before its numbers, with its size in the bundle before it.

    `tags`: the strings first, one `s` for each of `names`, then `i` and `f` for the numbers to come.
    """
    constant = string(address) + string("," + tags) + b"".join(string(name) for name in names)
    numbers = 4 * (tags.count("f") + tags.count("i"))
    return struct.pack(">i", len(constant) + numbers) + constant


def message(address: str, tags: str, *numbers: float) -> bytes:
    """A message of ints (`i`) and floats (`f`) alone, with its size in the bundle before it."""
    return message_head(address, tags) + struct.pack(">" + tags, *numbers)


def bundles(messages: Iterable[bytes], begin: bytes = b"") -> list[bytes]:
    """Pack messages, each with its size before it, into as few packets as their order allows.

    Every packet begins with the message `begin`. Without messages there is no packet.
    """
    head = BUNDLE + begin
    packets: list[bytes] = []
    parts, size = [head], len(head)
    for part in messages:
        if size + len(part) > MAX_PACKET_BYTES and len(parts) > 1:
            packets.append(b"".join(parts))
            parts, size = [head], len(head)
        parts.append(part)
        size += len(part)
    if len(parts) > 1:
        packets.append(b"".join(parts))
    return packets


class Layout:
    """Messages that are always the same but for their floats, which are put in their places all at once."""

    def __init__(self, messages: Sequence[tuple[bytes, int]]) -> None:
        """(all that comes before the floats, see `message_head`; how many of them)."""
        self._sizes = tuple(len(head) + 4 * count for head, count in messages)
        self._words = np.frombuffer(b"".join(head + bytes(4 * count) for head, count in messages), ">f4")
        ends = np.cumsum(self._sizes, dtype=np.intp) // 4
        counts = [count for _, count in messages]
        places = [np.arange(end - count, end) for end, count in zip(ends, counts, strict=True)]
        self._places = np.concatenate([np.empty(0, np.intp), *places])

    def packets(
        self, numbers: NDArray[np.floating] | Sequence[float], begin: bytes = b"", end: Sequence[bytes] = ()
    ) -> list[bytes]:
        """What `bundles` makes of these messages with `numbers` (n,), in order, and the messages `end`."""
        words = self._words.copy()
        words[self._places] = numbers
        body, head = b"".join((words.tobytes(), *end)), BUNDLE + begin
        return [head + body[part] for part in _cuts((*self._sizes, *map(len, end)), len(head))]


@lru_cache(64)
def _cuts(sizes: tuple[int, ...], head: int) -> tuple[slice, ...]:
    """Messages of these sizes, row by row, cut into packets that begin with `head` bytes."""
    ends = [0]
    size = head
    for length in sizes:
        if size + length > MAX_PACKET_BYTES and size > head:
            ends.append(ends[-1] + size - head)
            size = head
        size += length
    if size > head:
        ends.append(ends[-1] + size - head)
    return tuple(map(slice, ends, ends[1:]))
