"""Control port and its client over real sockets."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from lifting.errors import ConfigError, SinkError, WireError
from realtime import keyring
from realtime.curve import ClientKeys
from realtime.retarget.deadman import DeadmanClient
from realtime.retarget.robot_pose import RobotState
from realtime.retarget.steady.control import ControlPort
from realtime.retarget.steady.control_wire import (
    MAX_BYTES,
    VERSION,
    Reply,
    Request,
    decode_reply,
    decode_request,
    encode,
)
from realtime.retarget.steady.loop import SteadyLoop
from realtime.retarget.steady.output import SteadyOutput
from tests.realtime.retarget.steady.poses import LIMITS, N


@pytest.fixture
def port() -> Iterator[ControlPort]:
    """A control port of an output that ticks."""
    loop = SteadyLoop(SteadyOutput(LIMITS, np.zeros(N)), [])
    control = ControlPort(loop, "tcp://127.0.0.1:*")
    control.open()
    loop.start()
    yield control
    loop.close()
    control.close()


@given(st.binary(max_size=80))
def test_random_bytes_are_wire_errors(data: bytes) -> None:
    """Nothing but WireError, whatever the bytes."""
    for decode in (decode_request, decode_reply):
        try:
            decode(data)
        except WireError:
            continue


@given(st.sampled_from(["arm", "heartbeat", "stop", "estop", "reset", "status"]), st.integers(0, 2**63 - 1))
def test_requests_round_trip(cmd: str, number: int) -> None:
    """What is encoded is decoded."""
    request = Request(VERSION, cmd, number, "t")  # type: ignore[arg-type]
    assert decode_request(encode(request)) == request


@pytest.mark.parametrize(
    "message",
    [
        {"v": 2, "cmd": "arm"},
        {"v": 1, "cmd": "fly"},
        {"v": 1, "cmd": "arm", "token": "x" * 65},
        {"v": 1, "cmd": "arm", "id": -1},
        {"cmd": "arm"},
        [1, "arm"],
        {"v": 1, "cmd": "arm", "junk": "x" * MAX_BYTES},
    ],
)
def test_wrong_requests_are_refused(message: object) -> None:
    """Other versions, commands, sizes and shapes."""
    with pytest.raises(WireError):
        decode_request(msgspec.msgpack.encode(message))


def test_arm_beat_and_stop(port: ControlPort) -> None:
    """Armed as long as heartbeats come; stopped by a word."""
    with DeadmanClient(port.endpoint) as robot:
        assert robot.status().state == "disarmed"
        assert robot.arm().ok
        for _ in range(5):
            assert robot.heartbeat().ok
            time.sleep(0.05)
        assert robot.status().state == "holding"  # armed, and nobody to follow
        robot.stop()
        assert _becomes(robot, "stopped")
        assert not robot.heartbeat().ok


def test_silence_stops(port: ControlPort) -> None:
    """A client that arms and says nothing more is not there."""
    with DeadmanClient(port.endpoint) as robot:
        robot.arm()
        assert _becomes(robot, "stopped")
        assert robot.status().reason == "no heartbeat"


def test_leaving_stops(port: ControlPort) -> None:
    """The end of the `with` block, for whatever reason, is a stop."""
    with contextlib.suppress(KeyboardInterrupt), DeadmanClient(port.endpoint) as robot:
        robot.arm()
        raise KeyboardInterrupt
    with DeadmanClient(port.endpoint) as other:
        assert _becomes(other, "stopped")
        assert other.status().reason in ("stop asked for", "no heartbeat")


def test_strangers_may_stop_but_not_keep(port: ControlPort) -> None:
    """Another client cannot arm over one who holds, nor beat for them; its emergency stop counts."""
    with DeadmanClient(port.endpoint) as robot, DeadmanClient(port.endpoint) as stranger:
        robot.arm()
        assert stranger.arm().error == "it is armed already"
        assert not stranger.heartbeat().ok
        assert robot.heartbeat().ok
        assert stranger.estop().state == "estop"
        assert not robot.heartbeat().ok
        assert "reset" in robot.arm().error
        assert robot.reset().state == "disarmed"
        assert robot.arm().ok


def test_garbage_is_answered_and_counted(port: ControlPort) -> None:
    """Every odd message gets an error in return, and the port goes on."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as stranger:
        stranger.setsockopt(zmq.LINGER, 0)
        stranger.setsockopt(zmq.RCVTIMEO, 3000)
        stranger.connect(port.endpoint)
        for parts in ([b""], [b"x"], [b"", b"\xff" * 50], [b"a", b"b", b"c", b"d"]):
            stranger.send_multipart(parts)
            reply = decode_reply(stranger.recv_multipart()[-1])
            assert not reply.ok
            assert reply.error
        assert port.garbage == 4
    with DeadmanClient(port.endpoint) as robot:
        assert robot.status().ok


def test_a_req_socket_is_served_and_a_huge_message_is_not(port: ControlPort) -> None:
    """The simplest client works; one that sends more than the limit is hung up on."""
    with zmq.Context() as context, context.socket(zmq.REQ) as simple, context.socket(zmq.REQ) as huge:
        for socket in (simple, huge):
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(port.endpoint)
        huge.send(bytes(MAX_BYTES + 1))
        assert not huge.poll(300)
        simple.send(msgspec.msgpack.encode({"v": 1, "cmd": "status", "id": 7}))
        assert simple.poll(3000)
        assert decode_reply(simple.recv()) == Reply(1, 7, True, RobotState.DISARMED.value, "not armed")


def test_a_taken_port_is_named(port: ControlPort) -> None:
    """The error says what to type instead."""
    second = ControlPort(SteadyLoop(SteadyOutput(LIMITS, np.zeros(N)), []), port.endpoint)
    with pytest.raises(SinkError, match="--robot-control tcp://"):
        second.open()


@pytest.mark.parametrize("endpoint", ["tcp://0.0.0.0:5572", "5572", "tcp://127.0.0.1:99999"])
def test_only_loopback_without_leave(endpoint: str) -> None:
    """Others may not reach it, and addresses must be ones."""
    with pytest.raises(ConfigError, match="--robot-control"):
        ControlPort(SteadyLoop(SteadyOutput(LIMITS, np.zeros(N)), []), endpoint)


def test_lan_needs_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With --lan alone it is refused: keys come first, and nothing replaces them here."""
    monkeypatch.setenv("SEALCAP_KEYS", str(tmp_path))
    with pytest.raises(ConfigError, match="keys"):
        ControlPort(SteadyLoop(SteadyOutput(LIMITS, np.zeros(N)), []), "tcp://0.0.0.0:*", lan=True)


def test_over_a_network_only_allowed_keys_are_heard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With CURVE: an allowed key arms; an unknown one and a plain client get no answer at all."""
    monkeypatch.setenv("SEALCAP_KEYS", str(tmp_path))
    server, friend, stranger = (
        keyring.new_pair(name) for name in (keyring.DEFAULT_NAME, "friend", "stranger")
    )
    keyring.allow(friend.public, "friend")
    loop = SteadyLoop(SteadyOutput(LIMITS, np.zeros(N)), [])
    control = ControlPort(loop, "tcp://0.0.0.0:*", lan=True)
    control.open()
    loop.start()
    here = control.endpoint.replace("0.0.0.0", "127.0.0.1")
    try:
        assert control.listeners
        for keys in (ClientKeys(stranger, server.public), None):
            with DeadmanClient(here, keys=keys) as nobody, pytest.raises(SinkError, match="Nobody answers"):
                nobody.estop()
        with DeadmanClient(here, keys=ClientKeys(friend, server.public)) as known:
            assert known.status().state == "disarmed"
            assert known.arm().ok
    finally:
        loop.close()
        control.close()


def test_nobody_there_is_said() -> None:
    """A client without a run says what to start."""
    with DeadmanClient("tcp://127.0.0.1:9") as robot, pytest.raises(SinkError, match="sealcap run"):
        robot.heartbeat()
    with pytest.raises(ConfigError, match="tcp://"):
        DeadmanClient("nonsense")


def _becomes(robot: DeadmanClient, state: str) -> bool:
    end = time.monotonic() + 3.0
    while time.monotonic() < end:
        if robot.status().state == state:
            return True
        time.sleep(0.02)
    return False
