"""Bytes of a VMC frame: Root, Bones, OK, T, in bundles that fit one Ethernet frame.

Receivers want exactly int32 and float32, and some stop for good on a wrong type or a missing argument.
Blend shapes would stand between Bones and OK; nothing here makes any. `/VMC/Ext/VRM` is never sent: receivers
load the file it names. Source: VirtualMotionCaptureProtocol V3.1.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.osc_packets import Layout, message_head

Float64 = NDArray[np.float64]

DEFAULT_PORT = 39539
"""Where a Marionette listens."""
_TAGS = "s" + "f" * 7
_ROOT = message_head("/VMC/Ext/Root/Pos", _TAGS, "root") + struct.pack(">7f", 0, 0, 0, 0, 0, 0, 1)
"""The figure moves by its hips; the model's root stays where the receiver's scene has its origin."""
_OK, _TIME = message_head("/VMC/Ext/OK", "iiii"), message_head("/VMC/Ext/T", "f")
_NOTHING: Float64 = np.empty(0)


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
        heads = [(message_head("/VMC/Ext/Bone/Pos", _TAGS, bone), 7) for bone in bones]
        self._layouts = {
            (root, some): Layout([*[(_ROOT, 0)] * root, *heads * some])
            for root in (False, True)
            for some in (False, True)
        }
        """By whether the root and the bones are due."""

    def packets(self, rows: Float64 | None, status: Status, time_s: float, due: Due) -> list[bytes]:
        """One frame. `time_s` runs from the beginning of the stream.

        `rows` (n,7): local position and rotation (xyzw) of each bone in Unity's axes, all finite; None while
        there was never anybody.
        """
        end = _status(status, time_s) if due.status else ()
        if rows is None:
            return self._layouts[False, False].packets(_NOTHING, end=end)
        numbers = rows.ravel() if due.bones else _NOTHING
        return self._layouts[due.root, due.bones].packets(numbers, end=end)


def _status(status: Status, time_s: float) -> tuple[bytes, bytes]:
    ok = struct.pack(">iiii", 1, status.calibration, 0, int(status.tracking))
    return _OK + ok, _TIME + struct.pack(">f", time_s)
