"""ZeroMQ output over real sockets."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import numpy as np
import pytest
import zmq

from lifting.errors import ConfigError, SinkError
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
def test_other_machines_need_two_flags(endpoint: str, caplog: pytest.LogCaptureFixture) -> None:
    """Without --lan nothing but this machine can read; with it, --insecure must say that one knows."""
    with pytest.raises(ConfigError, match="--lan"):
        ZmqSink(endpoint)
    with pytest.raises(ConfigError, match="--lan"):
        ZmqSink(endpoint, insecure=True)
    with pytest.raises(ConfigError, match="--insecure"):
        ZmqSink(endpoint, lan=True)
    with caplog.at_level(logging.WARNING):
        ZmqSink(endpoint, lan=True, insecure=True)
    assert "anyone on the network" in caplog.text


@pytest.mark.parametrize(
    "endpoint",
    ["tcp://127.0.0.1:5570", "tcp://localhost:5570", "tcp://127.3.2.1:1", "tcp://[::1]:5570", "ipc:///tmp/x"],
)
def test_this_machine_needs_no_flag(endpoint: str) -> None:
    """Loopback addresses are accepted as they are."""
    assert ZmqSink(endpoint).endpoint == endpoint


@pytest.mark.parametrize(
    "endpoint",
    ["5570", "127.0.0.1:5570", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "udp://127.0.0.1:1", "ipc://", ""],
)
def test_other_forms_are_refused_with_the_right_one(endpoint: str) -> None:
    """The message shows an endpoint that works."""
    with pytest.raises(ConfigError, match=r"tcp://127\.0\.0\.1:5570"):
        ZmqSink(endpoint)
