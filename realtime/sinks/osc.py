"""Joints and bones over OSC (UDP), for everyone who has an OSC receiver.

Per person and frame: `/mocap/v1/frame`, then root, 26 joints and 21 bones, in bundles that fit one
Ethernet packet. Each part begins with the frame message, so that a receiver knows what belongs together.
What does not change from frame to frame is packed once; only floats are packed per frame.
"""

from __future__ import annotations

import errno
import logging
import math
import socket
import struct
from collections.abc import Iterator

from lifting.errors import ConfigError, SinkError
from lifting.skeleton import BONES, SEALCAP26
from realtime.data import BodyPose, Motion, State
from realtime.sinks.wire import mean_confidence, sendable
from realtime.sinks.zmq import is_loopback

log = logging.getLogger(__name__)

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 39570
MAX_PACKET_BYTES = 1472
"""What fits in one Ethernet frame after the IP and UDP headers."""
NOBODY = -1
"""Person number of the frame message that says that nobody is there."""

_BUNDLE = b"#bundle\0" + struct.pack(">Q", 1)  # time tag 1 = immediately
_INT31 = 0x7FFFFFFF


def _string(text: str) -> bytes:
    data = text.encode()
    return data + b"\0" * (4 - len(data) % 4)


def _head(address: str, tags: str, *names: str) -> bytes:
    """Everything of a message that comes before its floats, with its size in the bundle before it."""
    constant = _string(address) + _string("," + tags) + b"".join(_string(name) for name in names)
    floats = 4 * tags.count("f")
    return struct.pack(">i", len(constant) + floats) + constant


_ROOT = _head("/mocap/v1/root", "f" * 7)
_JOINTS = [_head("/mocap/v1/joint", "sffff", name) for name in SEALCAP26.joints]
_BONES = [_head("/mocap/v1/bone", "sffff", name) for name in BONES.joints]
_FRAME = _string("/mocap/v1/frame") + _string(",iiiisf")
_STATES = {state: _string(state.value) for state in State}


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


def _body_messages(pose: BodyPose) -> Iterator[bytes]:
    """Root, joints and bones; four floats each but the root's seven."""
    root = pose.root_world.astype(">f4").tobytes() + pose.root_rotation.astype(">f4").tobytes()
    yield _ROOT + root
    points = pose.joints_world.astype(">f4").tobytes()
    confidence = pose.confidence.astype(">f4").tobytes()
    for i, head in enumerate(_JOINTS):
        yield head + points[12 * i : 12 * i + 12] + confidence[4 * i : 4 * i + 4]
    rotations = pose.bone_rotations.astype(">f4").tobytes()
    for i, head in enumerate(_BONES):
        yield head + rotations[16 * i : 16 * i + 16]


def person_packets(motion: Motion, pose: BodyPose) -> list[bytes]:
    """Bundles of one person. Lost, or with a number that is not finite: the frame message alone."""
    if pose.state is State.LOST or not sendable(pose):
        return [_BUNDLE + _frame_message(motion, pose.person_id, State.LOST, 0.0)]
    begin = _BUNDLE + _frame_message(motion, pose.person_id, pose.state, mean_confidence(pose))
    packets, parts, size = [], [begin], len(begin)
    for message in _body_messages(pose):
        if size + len(message) > MAX_PACKET_BYTES:
            packets.append(b"".join(parts))
            parts, size = [begin], len(begin)
        parts.append(message)
        size += len(message)
    packets.append(b"".join(parts))
    return packets


def frame_packets(motion: Motion) -> list[bytes]:
    """Bundles of everybody in one frame; when nobody is there, one with person -1, lost."""
    if not motion.people:
        return [_BUNDLE + _frame_message(motion, NOBODY, State.LOST, 0.0)]
    return [packet for pose in motion.people for packet in person_packets(motion, pose)]


class OscSink:
    """Sends to one receiver. UDP has no connection: a receiver may come and go."""

    queue = 1

    def __init__(self, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> None:
        """Raises ConfigError for a port that cannot be."""
        if not 1 <= port <= 65535:
            raise ConfigError(f"--osc {host}:{port}: the port must lie in 1..65535, such as {DEFAULT_PORT}.")
        self.host, self.port = host, port
        self.send_errors = 0
        """Packets the system refused to send, for example while the network is down."""
        self._socket: socket.socket | None = None
        self._address: tuple[object, ...] = ()

    @property
    def name(self) -> str:
        """For counters and messages."""
        return f"osc {self.host}:{self.port}"

    def open(self) -> None:
        """Find the receiver. Raises SinkError when its name is unknown."""
        try:
            family, _, _, _, self._address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)[
                0
            ]
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            raise SinkError(
                f"Cannot send OSC to {self.host}: {error}. "
                f"Give an address that exists, such as --osc {DEFAULT_HOST}:{DEFAULT_PORT}."
            ) from error
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if not is_loopback(str(self._address[0])):
            log.warning("%s: poses leave this machine, unencrypted.", self.name)

    def write(self, motion: Motion) -> None:
        """Send one frame. Raises SinkError when the socket is gone; a network that is down is waited out."""
        if self._socket is None:
            raise SinkError(f"{self.name} is not open.")
        for packet in frame_packets(motion):
            try:
                self._socket.sendto(packet, self._address)
            except OSError as error:
                self._refused(error)

    def close(self) -> None:
        """Release the socket; idempotent."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _refused(self, error: OSError) -> None:
        if error.errno == errno.EBADF:
            raise SinkError(f"{self.name} stopped working: {error}.") from error
        self.send_errors += 1
        if math.log2(self.send_errors).is_integer():  # the 1st, 2nd, 4th, 8th ...: told, not shouted
            log.warning("%s: %s (%d packets so far).", self.name, error.strerror, self.send_errors)
