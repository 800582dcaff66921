"""OSC packets, packed by hand: what does not change from frame to frame is packed once.

OSC 1.0: big-endian, everything padded to four bytes, a message is address, type tags and arguments, a bundle
is `#bundle`, a time tag and messages with their sizes. Packets stay within one Ethernet frame: of a larger
one, a lost fragment loses all. The time tag is 'immediately', others would make receivers wait.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

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
