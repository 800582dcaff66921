"""Joint stream: commands over ZeroMQ for any program that can read msgpack.

`robot1 ` + map at every tick, `rmeta1 ` + map once a second, each in one frame, so that receivers can keep
the newest only (CONFLATE). Arrays are float64 little-endian: in float32, second differences of positions at
200 Hz are mostly rounding. docs/robots.md, "Joint stream", is the contract; examples/robot/ reads it.
"""

from __future__ import annotations

import math
import secrets
import time
from functools import partial
from typing import Annotated, Literal

import msgspec
import numpy as np

from lifting.errors import WireError
from realtime.bind_error import bind_error
from realtime.exposure import Listener, check_binding
from realtime.pub_socket import PubSocket
from realtime.retarget.robot_pose import Float64, RobotCommand
from realtime.retarget.transports.description import RobotDescription

VERSION = 1
COMMAND_TOPIC, META_TOPIC = b"robot1 ", b"rmeta1 "
META_PERIOD_NS = 1_000_000_000
MAX_BYTES, MAX_JOINTS = 1 << 16, 512
LAST_WORDS_MS = 100
"""So long a message that says `stopped` may take to leave at the end; else no message is waited for."""
DEFAULT_ENDPOINT = "tcp://127.0.0.1:5571"

StateName = Literal["ramping", "following", "holding", "stopped", "disarmed", "estop"]
_Doubles = Annotated[bytes, msgspec.Meta(max_length=8 * MAX_JOINTS)]
_Int = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class CommandMap(msgspec.Struct, frozen=True):
    """One tick as it travels; byte fields are float64 little-endian."""

    v: int
    run: str
    """Drawn anew when the sender starts; ticks count from 0 again then."""
    tick: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    t_ns: _Int
    """Sender's monotonic clock at the tick."""
    t_capture_ns: _Int
    """Of the newest picture in it, -1 before the first; clock of the source."""
    body_seq: _Int
    state: StateName
    reason: str
    q: _Doubles
    """(N,) positions, rad or m."""
    qd: _Doubles
    """(N,) velocities, per second."""
    root_p: Annotated[bytes, msgspec.Meta(min_length=24, max_length=24)]
    """(3,) metres, world axes."""
    root_q: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    """(4,) xyzw."""


class RobotMetaMap(msgspec.Struct, frozen=True):
    """What a receiver must know to read the commands."""

    v: int
    run: str
    robot: str
    joints: Annotated[list[str], msgspec.Meta(max_length=MAX_JOINTS)]
    lower: _Doubles
    upper: _Doubles
    velocity: _Doubles
    acceleration: _Doubles
    rate_hz: float
    root_frame: str
    floating: bool
    axes: str
    silence_s: float
    """A receiver that hears nothing for so long must stop by itself."""


_encode = msgspec.msgpack.Encoder().encode
_command = msgspec.msgpack.Decoder(CommandMap).decode
_meta = msgspec.msgpack.Decoder(RobotMetaMap).decode
AXES = "right-handed, Y up, metres; the person starts facing +Z, their left is +X"
SILENCE_S = 0.1


def _bytes(array: Float64) -> bytes:
    return array.astype("<f8", copy=False).tobytes()


def doubles(data: bytes) -> Float64:
    """Byte field → array."""
    return np.frombuffer(data, "<f8")


def encode_command(command: RobotCommand, run: str) -> bytes:
    """The command map without its topic."""
    return _encode(
        CommandMap(
            VERSION, run, command.tick, command.time_ns, command.capture_time_ns, command.body_seq,
            command.state.value, command.reason, _bytes(command.position), _bytes(command.velocity),
            _bytes(command.root_world), _bytes(command.root_rotation),
        )
    )  # fmt: skip


def encode_robot_meta(robot: RobotDescription, run: str) -> bytes:
    """The meta map without its topic."""
    limits = robot.limits
    return _encode(
        RobotMetaMap(
            VERSION, run, robot.name, list(limits.names), _bytes(limits.lower), _bytes(limits.upper),
            _bytes(limits.velocity), _bytes(limits.acceleration), float(robot.rate_hz), robot.root_frame,
            robot.floating, AXES, SILENCE_S,
        )
    )  # fmt: skip


def decode_command(data: bytes) -> CommandMap:
    """A command map without its topic. Raises WireError for anything that is not exactly one."""
    try:
        found = _command(_limited(data))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"Not a robot command: {error}.") from error
    _check_version(found.v)
    numbers = (found.q, found.qd, found.root_p, found.root_q)
    if len(found.q) % 8 or len(found.q) != len(found.qd):
        raise WireError("Not a robot command: q and qd must hold as many numbers each.")
    if not all(np.isfinite(doubles(part)).all() for part in numbers):
        raise WireError("Not a robot command: a number is not finite.")
    return found


def decode_robot_meta(data: bytes) -> RobotMetaMap:
    """A meta map without its topic. Raises WireError for anything that is not exactly one."""
    try:
        found = _meta(_limited(data))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"Not a robot's description: {error}.") from error
    _check_version(found.v)
    size = 8 * len(found.joints)
    arrays = (found.lower, found.upper, found.velocity, found.acceleration)
    if any(len(part) != size for part in arrays) or not math.isfinite(found.rate_hz):
        raise WireError("Not a robot's description: it needs four limits for each joint, and a rate.")
    return found


def _limited(data: bytes) -> bytes:
    if len(data) > MAX_BYTES:
        raise WireError(f"A message of {len(data)} bytes was refused; the limit is {MAX_BYTES}.")
    return data


def _check_version(v: int) -> None:
    if v != VERSION:
        raise WireError(f"The sender speaks version {v} of the format, this is {VERSION}. Update the older.")


class JointStream:
    """PUB socket that binds; a receiver that cannot keep up loses commands, the sender never waits."""

    def __init__(
        self,
        robot: RobotDescription,
        endpoint: str = DEFAULT_ENDPOINT,
        *,
        lan: bool = False,
        insecure: bool = False,
    ) -> None:
        """`endpoint`: tcp://HOST:PORT to bind (port * = any), or ipc://PATH.

        A host that other machines can reach needs `lan`, and keys of those who may connect; with `insecure`
        anyone may. Raises ConfigError when something of that is missing, and for another form.
        """
        self._binding = check_binding("--robot-out", endpoint, DEFAULT_ENDPOINT, lan=lan, insecure=insecure)
        self._socket = PubSocket(
            "robot",
            endpoint,
            partial(bind_error, "--robot-out"),
            keys=self._binding.keys,
            linger_ms=LAST_WORDS_MS,
        )
        self._run = secrets.token_hex(4)
        self._meta = META_TOPIC + encode_robot_meta(robot, self._run)
        self._meta_due_ns = 0

    @property
    def endpoint(self) -> str:
        """After `open`: the address in use, with the port the system chose."""
        return self._socket.endpoint

    @property
    def name(self) -> str:
        """For counters and messages."""
        return self._socket.name

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """This socket, when other machines can reach it."""
        return (self._binding.listener("robot commands", "connect to"),) if self._binding.open else ()

    def open(self) -> None:
        """Bind. Raises SinkError naming the port when it is taken."""
        self._socket.open()

    def send(self, command: RobotCommand) -> None:
        """Publish one tick, and the description once a second. Raises SinkError."""
        messages = [COMMAND_TOPIC + encode_command(command, self._run)]
        now_ns = time.monotonic_ns()
        if now_ns >= self._meta_due_ns:
            self._meta_due_ns = now_ns + META_PERIOD_NS
            messages.insert(0, self._meta)
        self._socket.send(*messages)

    def close(self) -> None:
        """Release the port; idempotent."""
        self._socket.close()
