"""ZeroMQ output over real sockets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest
import zmq

from lifting.errors import ConfigError, SinkError
from realtime import keyring
from realtime.client import Subscriber
from realtime.curve import client_keys
from realtime.sinks import wire
from realtime.sinks.runner import SinkRunner
from realtime.sinks.zmq import ZmqSink
from tests.realtime.sinks.motions import make_motion

ANY_PORT = "tcp://127.0.0.1:*"


@contextmanager
def opened(endpoint: str = ANY_PORT) -> Iterator[ZmqSink]:
    sink = ZmqSink(endpoint)
    sink.open()
    try:
        yield sink
    finally:
        sink.close()


@contextmanager
def receiver(endpoint: str, *topics: bytes) -> Iterator[zmq.Socket[bytes]]:
    """A plain SUB socket, as somebody else would write it."""
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.setsockopt(zmq.RCVTIMEO, 2000)
        socket.setsockopt(zmq.LINGER, 0)
        for topic in topics:
            socket.setsockopt(zmq.SUBSCRIBE, topic)
        socket.connect(endpoint)
        yield socket


def send_until_received(sink: ZmqSink, socket: zmq.Socket[bytes], first: int = 0) -> bytes:
    """Subscriptions take a moment to arrive: publish until the first message comes through."""
    for seq in range(first, first + 500):
        sink.write(make_motion(seq))
        if socket.poll(10):
            return socket.recv()
    raise AssertionError("nothing arrived")


def test_one_frame_holds_topic_and_map() -> None:
    """A message is one part: the bytes 'pose1 ' and the map."""
    with opened() as sink, receiver(sink.endpoint, b"pose1 ") as socket:
        data = send_until_received(sink, socket)
        assert data.startswith(b"pose1 ")
        assert not socket.getsockopt(zmq.RCVMORE)
        assert msgspec.msgpack.decode(data[6:])["v"] == 1


def test_a_late_receiver_gets_the_meta_message() -> None:
    """Whoever comes later learns the skeleton within about a second."""
    with opened() as sink:
        for seq in range(10):
            sink.write(make_motion(seq))
        with receiver(sink.endpoint, b"meta1 ") as socket:
            begin = time.monotonic()
            meta = wire.decode_meta(send_until_received(sink, socket, 10)[6:])
            assert time.monotonic() - begin < 2
            assert meta.joints[0] == "pelvis"
            send_until_received(sink, socket, 1000)  # and again


def test_a_slow_receiver_slows_nobody() -> None:
    """With one receiver that never reads and one that vanished, submit stays below half a millisecond."""
    sink = ZmqSink(ANY_PORT)
    runner = SinkRunner(sink)
    runner.start()
    times = []
    with receiver(sink.endpoint, b"") as asleep, receiver(sink.endpoint, b"") as gone:
        asleep.setsockopt(zmq.RCVHWM, 1)
        gone.close()
        motions = [make_motion(seq) for seq in range(50)]
        for i in range(3000):
            begin = time.perf_counter()
            runner.submit(motions[i % 50])
            times.append(time.perf_counter() - begin)
            if i % 20 == 0:
                time.sleep(0.001)
        assert runner.close(2)
    assert runner.failure is None
    counters = runner.counters
    assert counters.received == 3000 == counters.sent + counters.dropped
    assert float(np.percentile(times, 99)) < 0.5e-3


def test_a_taken_port_says_which_and_what_to_type() -> None:
    """The message names the port and another one."""
    with opened() as sink:
        port = int(sink.endpoint.rpartition(":")[2])
        with pytest.raises(
            SinkError, match=rf":{port} is taken.*--zmq tcp://127\.0\.0\.1:{port % 65535 + 1}"
        ):
            ZmqSink(sink.endpoint).open()


def test_the_port_is_free_again_after_close() -> None:
    """Closing twice is fine, and the next run can bind at once."""
    with opened() as sink:
        endpoint = sink.endpoint
        sink.close()
    with opened(endpoint):
        pass


@pytest.mark.parametrize(
    "endpoint",
    ["tcp://0.0.0.0:5570", "tcp://*:5570", "tcp://192.168.1.5:5570", "tcp://eth0:5570", "tcp://[::]:5570"],
)
def test_other_machines_need_lan_and_keys(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --lan nothing but this machine can connect; with it, a pair and an allowed key are needed, or
    --insecure must say that one knows."""
    monkeypatch.setenv("SEALCAP_KEYS", str(tmp_path / "keys"))
    for insecure in (False, True):
        with pytest.raises(ConfigError, match="--lan"):
            ZmqSink(endpoint, insecure=insecure)
    with pytest.raises(ConfigError, match=r"sealcap keys new.*--insecure"):
        ZmqSink(endpoint, lan=True)
    public = keyring.new_pair().public
    with pytest.raises(ConfigError, match=r"sealcap keys allow.*--insecure"):
        ZmqSink(endpoint, lan=True)
    (open_to_all,) = ZmqSink(endpoint, lan=True, insecure=True).listeners
    assert "anyone on the network" in open_to_all.who
    keyring.allow(public, "blender-pc")
    (kept,) = ZmqSink(endpoint, lan=True).listeners
    assert "blender-pc" in kept.who
    assert f"--server-key '{public}'" in kept.use


@pytest.mark.parametrize("newest_only", [True, False])
def test_keys_change_nothing_for_an_allowed_receiver(
    newest_only: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Poses and meta arrive through CURVE as they do without; a receiver without keys gets neither."""
    monkeypatch.setenv("SEALCAP_KEYS", str(tmp_path / "keys"))
    keyring.new_pair()
    keyring.allow(keyring.new_pair("friend").public, "friend")
    sink = ZmqSink("tcp://0.0.0.0:*", lan=True)
    sink.open()
    endpoint = sink.endpoint.replace("0.0.0.0", "127.0.0.1")
    keys = client_keys("default", "friend")
    with Subscriber(endpoint, newest_only=newest_only, keys=keys) as friend, Subscriber(endpoint) as plain:
        begin = time.monotonic()
        seq, message = 0, None
        while (message is None or friend.meta is None) and time.monotonic() < begin + 5:
            sink.write(make_motion(seq))
            seq += 1
            message = friend.receive(0.05) or message
        assert message is not None
        assert friend.meta is not None
        assert plain.receive(0.2) is None
    sink.close()


def test_a_receiver_that_sends_large_messages_is_cut_off() -> None:
    """All that a receiver has to send are topics; what is larger ends its connection, and nobody else's."""
    with opened() as sink, receiver(sink.endpoint, b"pose1 ") as good, receiver(sink.endpoint) as bad:
        with bad.get_monitor_socket(zmq.EVENT_DISCONNECTED) as monitor:
            bad.setsockopt(zmq.SUBSCRIBE, b"x" * 100_000)
            deadline = time.monotonic() + 5
            while not monitor.poll(20) and time.monotonic() < deadline:
                sink.write(make_motion(0))
            assert monitor.poll(0)
            bad.disable_monitor()
        send_until_received(sink, good, 100)


@pytest.mark.parametrize(
    "endpoint",
    ["tcp://127.0.0.1:5570", "tcp://localhost:5570", "tcp://127.3.2.1:1", "tcp://[::1]:5570", "ipc:///tmp/x"],
)
def test_this_machine_needs_no_flag(endpoint: str) -> None:
    """Loopback addresses are accepted as they are, and nothing is open to others."""
    assert ZmqSink(endpoint).endpoint == endpoint
    assert not ZmqSink(endpoint, lan=True).listeners


@pytest.mark.parametrize(
    "endpoint",
    ["5570", "127.0.0.1:5570", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "udp://127.0.0.1:1", "ipc://", ""],
)
def test_other_forms_are_refused_with_the_right_one(endpoint: str) -> None:
    """The message shows an endpoint that works."""
    with pytest.raises(ConfigError, match=r"tcp://127\.0\.0\.1:5570"):
        ZmqSink(endpoint)
