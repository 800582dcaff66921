"""Joint stream: what is sent is received, exactly; the examples read it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from lifting.errors import ConfigError, SinkError, WireError
from realtime.retarget.robot_pose import RobotCommand, RobotState
from realtime.retarget.steady.loop import SteadyLoop
from realtime.retarget.steady.output import SteadyOutput
from realtime.retarget.transports.description import RobotDescription
from realtime.retarget.transports.factory import open_transport
from realtime.retarget.transports.joint_stream import (
    COMMAND_TOPIC,
    META_TOPIC,
    JointStream,
    decode_command,
    decode_robot_meta,
    doubles,
    encode_command,
    encode_robot_meta,
)
from tests.realtime.retarget.steady.poses import LIMITS, N

EXAMPLES = Path(__file__).resolve().parents[4] / "examples" / "robot"
ROBOT = RobotDescription("toy", LIMITS, 100.0)


def make_command(tick: int = 0, seed: int = 0) -> RobotCommand:
    """Random numbers."""
    rng = np.random.default_rng([seed, tick])
    state = list(RobotState)[tick % len(RobotState)]
    q, qd, p, r = rng.normal(size=N), rng.normal(size=N), rng.normal(size=3), rng.normal(size=4)
    return RobotCommand(tick, 123456789 + tick, -1, tick, state, "why not", q, qd, p, r)


@pytest.fixture
def steady() -> Iterator[JointStream]:
    """A stream that is fed by a loop, disarmed."""
    stream = JointStream(ROBOT, "tcp://127.0.0.1:*")
    loop = SteadyLoop(SteadyOutput(LIMITS, np.full(N, 0.1)), [stream])
    loop.start()
    yield stream
    loop.close()


@given(st.integers(0, 2**40), st.integers(0, 100))
def test_commands_round_trip(tick: int, seed: int) -> None:
    """Every number comes back to the last bit."""
    command = make_command(tick, seed)
    found = decode_command(encode_command(command, "run"))
    assert (found.tick, found.t_ns, found.state, found.reason) == (
        command.tick, command.time_ns, command.state.value, "why not",
    )  # fmt: skip
    for data, array in (
        (found.q, command.position),
        (found.qd, command.velocity),
        (found.root_p, command.root_world),
        (found.root_q, command.root_rotation),
    ):
        assert (doubles(data) == array).all()


def test_description_round_trips() -> None:
    """Names and limits come back."""
    found = decode_robot_meta(encode_robot_meta(ROBOT, "run"))
    assert tuple(found.joints) == LIMITS.names
    assert (doubles(found.acceleration) == LIMITS.acceleration).all()
    assert (found.robot, found.rate_hz, found.silence_s) == ("toy", 100.0, 0.1)


@given(st.binary(max_size=200))
def test_random_bytes_are_wire_errors(data: bytes) -> None:
    """Nothing but WireError, whatever the bytes; also for messages that were cut off."""
    for decode in (decode_command, decode_robot_meta):
        for part in (data, encode_command(make_command(), "r")[: len(data)]):
            with pytest.raises(WireError):
                decode(part)


def test_not_finite_or_uneven_is_refused() -> None:
    """NaN, and as many speeds as there are not positions."""
    command = make_command()
    nan = RobotCommand(*(getattr(command, f) for f in ("tick", "time_ns", "capture_time_ns", "body_seq")),
                       command.state, "", np.full(N, np.nan), command.velocity, command.root_world,
                       command.root_rotation)  # fmt: skip
    with pytest.raises(WireError, match="finite"):
        decode_command(encode_command(nan, "r"))


def test_receivers_get_ticks_and_the_description(steady: JointStream) -> None:
    """Over a real socket: ticks without gaps, the description once a second."""
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.setsockopt(zmq.RCVTIMEO, 5000)
        socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.connect(steady.endpoint)
        ticks, metas, end = [], 0, time.monotonic() + 1.5
        while time.monotonic() < end:
            message = socket.recv()
            metas += message.startswith(META_TOPIC)
            if message.startswith(COMMAND_TOPIC):
                ticks.append(decode_command(message.removeprefix(COMMAND_TOPIC)).tick)
    assert metas in (1, 2)
    assert len(ticks) > 50
    assert ticks == sorted(set(ticks))


def test_nobody_waits_for_a_receiver_that_sleeps() -> None:
    """A subscriber that never reads costs it messages, and the sender nothing."""
    stream = JointStream(ROBOT, "tcp://127.0.0.1:*")
    stream.open()
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.setsockopt(zmq.RCVHWM, 1)
        socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.connect(stream.endpoint)
        time.sleep(0.2)
        begin = time.monotonic()
        for tick in range(20_000):
            stream.send(make_command(tick))
        assert time.monotonic() - begin < 10
    stream.close()
    stream.close()
    with pytest.raises(SinkError, match="not open"):
        stream.send(make_command())


def test_a_taken_port_is_named() -> None:
    """The error says what to type instead."""
    first = JointStream(ROBOT, "tcp://127.0.0.1:*")
    first.open()
    with pytest.raises(SinkError, match="--robot-out tcp://127"):
        JointStream(ROBOT, first.endpoint).open()
    first.close()


@pytest.mark.parametrize("endpoint", ["tcp://0.0.0.0:5571", "tcp://host", "udp://127.0.0.1:1", "5571"])
def test_only_loopback_and_known_addresses(endpoint: str) -> None:
    """Others may not read it without leave; what is no address is refused with the right form."""
    with pytest.raises(ConfigError, match="--robot-out"):
        open_transport(endpoint, ROBOT)
    assert isinstance(open_transport("tcp://127.0.0.1:5571", ROBOT), JointStream)


def test_the_python_example_reads_it(steady: JointStream) -> None:
    """As a program of its own, with msgpack instead of our code."""
    pytest.importorskip("msgpack", reason="pip install msgpack")
    done = subprocess.run(
        [sys.executable, EXAMPLES / "read_joints.py", steady.endpoint, "20"],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert "toy: 4 joints at 100 Hz" in done.stdout
    assert "disarmed not armed  j0 +0.1000" in done.stdout
    assert "20 messages" in done.stdout


@pytest.mark.real
def test_the_cpp_example_reads_it(steady: JointStream, tmp_path: Path) -> None:
    """Compiled without a warning, it prints every number to the last bit."""
    if shutil.which("g++") is None or not os.path.exists("/usr/include/zmq.h"):
        pytest.skip("needs a compiler and libzmq: apt install g++ libzmq3-dev")
    program = tmp_path / "read_joints"
    source, flags = EXAMPLES / "read_joints.cpp", ("-std=c++17", "-Wall", "-Wextra", "-Werror")
    subprocess.run(["g++", *flags, "-o", program, source, "-lzmq"], check=True, timeout=120)
    done = subprocess.run(
        [program, steady.endpoint, "5"], capture_output=True, text=True, timeout=30, check=True
    )
    lines = [line.split() for line in done.stdout.splitlines() if "disarmed" in line]
    assert len(lines) == 5
    assert all(line[2] == "4" and [float(x) for x in line[3:]] == [0.1] * N for line in lines)
