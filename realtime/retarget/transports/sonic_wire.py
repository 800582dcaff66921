"""The pose message of NVIDIA's SONIC controller (GR00T-WholeBodyControl), and the socket that publishes it.

One ZeroMQ frame: the topic `pose`, a JSON header padded with zeros to 1280 bytes, then the arrays the header
lists, in its order, little-endian, without gaps. `frame_index` counts the frames of motion, which the
receiver plays at 50 per second; it must rise strictly. The version says which arrays there are; a receiver
that sees it change switches the stream off, so a publisher keeps the one it was made with.
https://nvlabs.github.io/GR00T-WholeBodyControl/tutorials/zmq.html
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

import numpy as np
import zmq
from numpy.typing import NDArray

from lifting.errors import ConfigError
from realtime.exposure import Listener, is_loopback, own_address
from realtime.pub_socket import PubSocket

TOPIC = b"pose"
HEADER_BYTES = 1280
FRAMES_PER_S = 50
"""Rate at which the receiver plays frames of motion, whatever rate they arrive at."""
DEFAULT_ADDRESS = "127.0.0.1:5556"
FIELDS = {
    1: ("joint_pos", "joint_vel"),
    2: ("smpl_joints", "smpl_pose"),
    3: ("joint_pos", "joint_vel", "smpl_joints", "smpl_pose"),
}
"""Arrays of each version, beside body_quat, frame_index and catch_up."""
_DTYPES = {"<f4": "f32", "<f8": "f64", "<i4": "i32", "<i8": "i64", "|b1": "bool", "|u1": "u8"}
_ADDRESS = re.compile(r"(?:sonic://|tcp://)?(\[[0-9a-fA-F:.]+\]|[^:/\[\]]+):(\d{1,5})")

Array = NDArray[Any]


def pack(version: int, arrays: dict[str, Array]) -> bytes:
    """The message. Arrays must have a dtype of the protocol and at least one dimension."""
    shapes = tuple((name, array.dtype.newbyteorder("<").str, array.shape) for name, array in arrays.items())
    body = [np.ascontiguousarray(a, a.dtype.newbyteorder("<")).tobytes() for a in arrays.values()]
    return _head(version, len(arrays["frame_index"]), shapes) + b"".join(body)


@lru_cache(maxsize=64)
def _head(version: int, count: int, shapes: tuple[tuple[str, str, tuple[int, ...]], ...]) -> bytes:
    """Topic and padded header; the same for every message of one shape."""
    fields = [{"name": name, "dtype": _DTYPES[dtype], "shape": list(shape)} for name, dtype, shape in shapes]
    header = {"v": version, "endian": "le", "count": count, "fields": fields}
    text = json.dumps(header, separators=(",", ":")).encode()
    if len(text) > HEADER_BYTES:
        raise ValueError(f"the header of {len(text)} bytes is longer than {HEADER_BYTES}")
    return TOPIC + text.ljust(HEADER_BYTES, b"\0")


def bind_address(text: str, option: str, *, lan: bool, insecure: bool) -> str:
    """sonic://HOST:PORT, tcp://HOST:PORT or HOST:PORT → tcp://HOST:PORT.

    Raises ConfigError for another form, and for a host that other machines can reach unless both `lan` and
    `insecure` are said: SONIC's receiver knows no encryption.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None or not 0 <= int(match[2]) <= 65535:
        raise ConfigError(f"{option} {text}: give HOST:PORT, such as {option} sonic://{DEFAULT_ADDRESS}.")
    if not is_loopback(match[1].strip("[]")) and not (lan and insecure):
        raise ConfigError(
            f"{option} {text} would let every machine of the network read the robot's motion: SONIC knows no "
            f"encryption. Use sonic://{DEFAULT_ADDRESS}, or add --lan --insecure to accept that."
        )
    return f"tcp://{match[1]}:{match[2]}"


class SonicPublisher:
    """Numbers frames and publishes them; a receiver that cannot keep up loses messages, we never wait."""

    def __init__(self, address: str, version: int) -> None:
        """`address` as made by `bind_address`; `version` is kept for good."""
        self.version = version
        self._frames = 0
        self._out = PubSocket("sonic", address, _complaint, watchful=False)

    @property
    def address(self) -> str:
        """After `open`: the address in use, with the port the system chose."""
        return self._out.endpoint

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """What of it other machines can reach; nothing while it is bound to loopback."""
        host, _, port = self.address.removeprefix("tcp://").rpartition(":")
        if is_loopback(host.strip("[]")):
            return ()
        use = f"deploy.sh --input-type zmq --zmq-host {own_address()} --zmq-port {port}"
        return (Listener("SONIC's motion", self.address, "anyone on the network, unencrypted", use),)

    def open(self) -> None:
        """Bind. Raises SinkError naming the port when it is taken."""
        self._out.open()

    def send(self, body_quat_wxyz: Array, arrays: dict[str, Array]) -> None:
        """Publish N frames: body_quat (N,4) and the arrays of the version. Raises SinkError."""
        count = len(body_quat_wxyz)
        message = pack(
            self.version,
            {
                "body_quat": body_quat_wxyz.astype("<f4"),
                "frame_index": np.arange(self._frames, self._frames + count, dtype="<i8"),
                **{name: arrays[name].astype("<f4") for name in FIELDS[self.version]},
                "catch_up": np.ones(1, np.uint8),
            },
        )
        self._frames += count
        self._out.send(message)

    def close(self) -> None:
        """Release the port; idempotent."""
        self._out.close()


def _complaint(address: str, error: zmq.ZMQError) -> str:
    return f"Cannot publish to SONIC on {address}: {error}. Is another run using the port?"
