"""Bytes of a VMC frame: Root, Bones, OK, T, in bundles that fit one Ethernet frame.

Receivers want exactly int32 and float32, and some stop for good on a wrong type or a missing argument.
Blend shapes would stand between Bones and OK; nothing here makes any. `/VMC/Ext/VRM` is never sent: receivers
load the file it names. Source: VirtualMotionCaptureProtocol V3.1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.osc_packets import bundles, message, message_head

Float64 = NDArray[np.float64]

DEFAULT_PORT = 39539
"""Where a Marionette listens."""
_TAGS = "s" + "f" * 7
_ROOT = message_head("/VMC/Ext/Root/Pos", _TAGS, "root") + struct.pack(">7f", 0, 0, 0, 0, 0, 0, 1)
"""The figure moves by its hips; the model's root stays where the receiver's scene has its origin."""


@dataclass(frozen=True, slots=True)
class Status:
    """What `/VMC/Ext/OK` says."""

    tracking: bool
    calibration: int = 3
    """0 not calibrated, 1 waiting for it, 2 calibrating, 3 calibrated."""


@dataclass(frozen=True, slots=True)
class Due:
    """Which parts this frame has; commands can make some rarer."""

    status: bool = True
    root: bool = True
    bones: bool = True


class Encoder:
    """Packs the bones of one figure; what is constant is packed once."""

    def __init__(self, bones: Sequence[str]) -> None:
        """`bones`: Unity's names, in the order of the rows that `packets` gets."""
        self._heads = [message_head("/VMC/Ext/Bone/Pos", _TAGS, bone) for bone in bones]

    def packets(self, rows: Float64 | None, status: Status, time_s: float, due: Due) -> list[bytes]:
        """One frame. `time_s` runs from the beginning of the stream.

        `rows` (n,7): local position and rotation (xyzw) of each bone in Unity's axes, all finite; None while
        there was never anybody.
        """
        return bundles(self._messages(rows, status, time_s, due))

    def _messages(self, rows: Float64 | None, status: Status, time_s: float, due: Due) -> Iterator[bytes]:
        if rows is not None and due.root:
            yield _ROOT
        if rows is not None and due.bones:
            numbers = rows.astype(">f4").tobytes()
            for i, head in enumerate(self._heads):
                yield head + numbers[28 * i : 28 * i + 28]
        if due.status:
            yield message("/VMC/Ext/OK", "iiii", 1, status.calibration, 0, int(status.tracking))
            yield message("/VMC/Ext/T", "f", time_s)
