"""Joints and bones over OSC (UDP), for everyone who has an OSC receiver.

Per person and frame: `/mocap/v1/frame`, then root, 26 joints and 21 bones, in bundles that fit one
Ethernet packet. Each part begins with the frame message, so that a receiver knows what belongs together.
What does not change from frame to frame is packed once; only floats are packed per frame.
"""

from __future__ import annotations

import struct

import numpy as np

from lifting.skeleton import BONES, SEALCAP26
from realtime.data import BodyPose, Motion, State
from realtime.osc_packets import BUNDLE, Layout, message_head, string
from realtime.sinks.packed import BONES_Q, CONFIDENCE, CONTACT, JOINTS, ROOT_P, ROOT_Q, packed
from realtime.sinks.udp import UdpSender
from realtime.sinks.wire import sendable

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 39570
NOBODY = -1
"""Person number of the frame message that says that nobody is there."""

_INT31 = 0x7FFFFFFF


_BODY = Layout(
    [
        (message_head("/mocap/v1/root", "f" * 7), 7),
        *((message_head("/mocap/v1/joint", "sffff", name), 4) for name in SEALCAP26.joints),
        *((message_head("/mocap/v1/bone", "sffff", name), 4) for name in BONES.joints),
    ]
)
_NUMBERS = np.arange(CONTACT.stop)
_ORDER = np.concatenate(
    [
        _NUMBERS[ROOT_P],
        _NUMBERS[ROOT_Q],
        np.column_stack([_NUMBERS[JOINTS].reshape(-1, 3), _NUMBERS[CONFIDENCE]]).ravel(),
        _NUMBERS[BONES_Q],
    ]
)
"""Root, joints with their confidence, bones: where they are among the numbers of a pose."""
_FRAME = string("/mocap/v1/frame") + string(",iiiisf")
_STATES = {state: string(state.value) for state in State}


def _frame_message(motion: Motion, person_id: int, state: State, confidence: float) -> bytes:
    """Times are wall clock; numbers wrap at 2³¹ because OSC's integers are that small."""
    seconds, nanoseconds = divmod(motion.frame.capture_time_ns + motion.frame.wall_offset_ns, 10**9)
    numbers = struct.pack(
        ">iiii",
        motion.seq & _INT31,
        seconds & _INT31,
        nanoseconds,
        person_id if person_id == NOBODY else person_id & _INT31,
    )
    body = _FRAME + numbers + _STATES[state] + struct.pack(">f", confidence)
    return struct.pack(">i", len(body)) + body


def person_packets(motion: Motion, pose: BodyPose) -> list[bytes]:
    """Bundles of one person. Lost, or with a number that is not finite: the frame message alone."""
    if pose.state is State.LOST or not sendable(pose):
        return [BUNDLE + _frame_message(motion, pose.person_id, State.LOST, 0.0)]
    numbers = packed(pose)
    begin = _frame_message(motion, pose.person_id, pose.state, numbers.confidence)
    return _BODY.packets(numbers.numbers[_ORDER], begin)


def frame_packets(motion: Motion) -> list[bytes]:
    """Bundles of everybody in one frame; when nobody is there, one with person -1, lost."""
    if not motion.people:
        return [BUNDLE + _frame_message(motion, NOBODY, State.LOST, 0.0)]
    return [packet for pose in motion.people for packet in person_packets(motion, pose)]


class OscSink:
    """Sends to one receiver. UDP has no connection: a receiver may come and go."""

    queue = 1
    never_waits = True

    def __init__(self, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> None:
        """Raises ConfigError for a port that cannot be."""
        self._udp = UdpSender("--osc", host, port, f"{DEFAULT_HOST}:{DEFAULT_PORT}")

    @property
    def name(self) -> str:
        """For counters and messages."""
        return self._udp.name

    def open(self) -> None:
        """Find the receiver. Raises SinkError when its name is unknown."""
        self._udp.open()

    def write(self, motion: Motion) -> None:
        """Send one frame. Raises SinkError when the socket is gone; a network that is down is waited out."""
        self._udp.send(frame_packets(motion))

    def close(self) -> None:
        """Release the socket; idempotent."""
        self._udp.close()
