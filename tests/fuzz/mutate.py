"""Damage: from a valid sample to something a broken disk, a bad sender or an enemy would give."""

from __future__ import annotations

import math
import random
import struct

_TEXTS = (
    "", "\0", "-1", "0", "nan", "inf", "1e999", "9" * 20, "\n", "\t", " ", "'", '"', "{", "}", "[", "]", "#",
    "[" * 2000, '{"a":' * 500, "../../../../etc/passwd", "/etc/passwd", "\u202e", "&a [*a,*a]", "*a", "null",
    "!!python/object:os.system", "<!DOCTYPE x>", "true", ":", "%n%n", "\x1b[2J", "é",
)  # fmt: skip
_BYTES = (b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80" * 9, b"\xc3\x28", b"\xed\xa0\x80")
_NOT_FINITE = (struct.pack("<d", math.nan), struct.pack("<f", math.inf), struct.pack(">f", math.nan))
TOKENS = (*(text.encode() for text in _TEXTS), *_BYTES, *_NOT_FINITE)
"""What parsers stumble over."""
MAX_BYTES = 1 << 22


def mutated(sample: bytes, rng: random.Random) -> bytes:
    """One to eight edits of `sample`; now and then nothing of it is left."""
    if rng.random() < 0.03:
        return rng.randbytes(rng.randrange(200))
    data = bytearray(sample)
    for _ in range(1 + int(rng.random() ** 3 * 8)):
        _edit(data, rng)
    return bytes(data[:MAX_BYTES])


def _edit(data: bytearray, rng: random.Random) -> None:
    at = _place(data, rng)
    match rng.randrange(8):
        case 0 if data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        case 1 if data:
            data[at % len(data)] = rng.randrange(256)
        case 2:
            del data[at:]
        case 3:
            del data[at : at + 1 + int(rng.random() ** 4 * 300)]
        case 4:
            data[at:at] = rng.choice(TOKENS)
        case 5:
            token = rng.choice(TOKENS)
            data[at : at + len(token)] = token
        case 6:
            source = _place(data, rng)
            data[at:at] = data[source : source + 1 + int(rng.random() ** 3 * 400)]
        case _:
            _swap_number(data, at, rng)


def _place(data: bytearray, rng: random.Random) -> int:
    """Anywhere, with a liking for beginnings and ends, where the structure stands."""
    if not data:
        return 0
    near = min(len(data), 600)
    chosen = rng.random()
    if chosen < 0.35:
        return rng.randrange(near)
    return len(data) - 1 - rng.randrange(near) if chosen < 0.5 else rng.randrange(len(data))


def _swap_number(data: bytearray, at: int, rng: random.Random) -> None:
    """Four bytes become an extreme number in one of the usual orders."""
    value = rng.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**16, len(data), len(data) + 1))
    data[at : at + 4] = struct.pack(rng.choice("<>") + "I", value)
