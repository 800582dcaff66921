"""A receiver of SONIC's pose message, written from its protocol page alone; imports nothing of ours.

It takes the bytes apart as the page describes them and refuses what the page does not allow.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any

HEADER = 1280
CODES = {"f32": "f", "f64": "d", "i32": "i", "i64": "q", "bool": "?", "u8": "B"}
REQUIRED = {
    1: {"joint_pos": (29,), "joint_vel": (29,)},
    2: {"smpl_joints": (24, 3), "smpl_pose": (21, 3)},
    3: {"joint_pos": (29,), "joint_vel": (29,), "smpl_joints": (24, 3), "smpl_pose": (21, 3)},
}


class Refused(Exception):  # noqa: N818 - reads better at the raise
    """The receiver would not accept this message."""


def read(message: bytes, topic: bytes = b"pose") -> tuple[int, dict[str, tuple[list[int], list[Any]]]]:
    """(version, name → (shape, flat values)); every byte must be accounted for."""
    if not message.startswith(topic):
        raise Refused("topic")
    rest = message[len(topic) :]
    if len(rest) < HEADER:
        raise Refused("shorter than its header")
    text, _, padding = rest[:HEADER].partition(b"\0")
    if padding.strip(b"\0"):
        raise Refused("padding is not zero")
    head = json.loads(text)
    if head["endian"] not in ("le", "be"):
        raise Refused("endian")
    order = "<" if head["endian"] == "le" else ">"
    at, fields = HEADER, {}
    for entry in head["fields"]:
        shape = entry["shape"]
        if not shape:
            raise Refused("a field without a dimension has no bytes")
        count = 1
        for size in shape:
            count *= size
        code = f"{order}{count}{CODES[entry['dtype']]}"
        fields[entry["name"]] = (shape, list(struct.unpack_from(code, rest, at)))
        at += struct.calcsize(code)
    if at != len(rest):
        raise Refused("bytes left over")
    return head["v"], fields


@dataclass
class Session:
    """What the receiver remembers from message to message."""

    version: int | None = None
    frame: int = -1
    resets: int = 0
    frames: list[dict[str, list[float]]] = field(default_factory=list)

    def take(self, message: bytes) -> None:
        """Check one message against the rules of the page and keep its frames."""
        version, fields = read(message)
        if self.version not in (None, version):
            raise Refused(f"Protocol version changed from {self.version} to {version}")
        self.version = version
        shape, numbers = fields["frame_index"]
        (count,) = shape
        if fields["body_quat"][0] != [count, 4]:
            raise Refused("body_quat")
        for name, inner in REQUIRED[version].items():
            if name not in fields or fields[name][0] != [count, *inner]:
                raise Refused(name)
        for number in numbers:
            if number <= self.frame:
                raise Refused("frame_index does not rise")
            self.resets += number - self.frame > 200 and bool(fields["catch_up"][1][0])
            self.frame = number
        for i in range(count):
            self.frames.append(
                {
                    n: v[i * len(v) // count : (i + 1) * len(v) // count]
                    for n, (_, v) in fields.items()
                    if n != "catch_up"
                }
            )
