"""Outputs through bad networks: late, lossy, doubled, out of order, stalled, cut."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from realtime.client import Subscriber
from realtime.clients.blender.sealcap_blender.joints_stream import JointsStream
from realtime.clients.blender.sealcap_blender.osc import messages
from realtime.clients.blender.sealcap_blender.vmc_stream import VmcStream
from realtime.sinks.osc import OscSink
from realtime.sinks.runner import SinkRunner
from realtime.sinks.vmc import VmcSink
from realtime.sinks.zmq import ZmqSink
from tests.faults.proxies import TcpProxy, UdpProxy
from tests.realtime.sinks.motions import make_motion

FRAMES, PERIOD_S = 60, 1 / 60


@contextmanager
def receiver() -> Iterator[tuple[int, list[bytes]]]:
    """A UDP port and what has come to it."""
    packets: list[bytes] = []
    done = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(0.05)

        def listen() -> None:
            while not done.is_set():
                try:
                    packets.append(udp.recv(1 << 16))
                except TimeoutError:
                    continue

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield int(udp.getsockname()[1]), packets
        finally:
            time.sleep(0.1)
            done.set()
            thread.join()


def send(runner: SinkRunner, frames: range = range(FRAMES)) -> float:
    """Frames at 60 per second; the longest that handing one over took, in seconds."""
    longest, begin = 0.0, time.monotonic()
    for count, seq in enumerate(frames):
        motion = make_motion(seq)
        before = time.perf_counter()
        runner.submit(motion)
        longest = max(longest, time.perf_counter() - before)
        time.sleep(max(0.0, begin + count * PERIOD_S - time.monotonic()))
    return longest


@pytest.mark.parametrize(
    ("loss", "delay_s", "twice"),
    [(0.2, (0.0, 0.0), 0.0), (0.0, (0.05, 0.05), 0.0), (0.0, (0.0, 0.06), 0.0), (0.1, (0.0, 0.06), 0.3)],
    ids=["loss", "delay", "reordered", "all of it"],
)
def test_osc_through_a_bad_network(loss: float, delay_s: tuple[float, float], twice: float) -> None:
    """What arrives whole is used in order and never twice, what does not is counted, the sender notices
    nothing."""
    stream, numbers = JointsStream(), []
    with receiver() as (port, packets), UdpProxy(port, loss=loss, delay_s=delay_s, twice=twice) as proxy:
        runner = SinkRunner(OscSink("127.0.0.1", proxy.port))
        runner.start()
        send(runner)
        assert runner.close()
        time.sleep(0.2)
    for packet in packets:
        numbers += [person.time_s for person in stream.take(messages(packet), 0.0)]
    assert runner.report.sent + runner.report.dropped == FRAMES
    assert runner.failure is None
    assert numbers == sorted(numbers)
    assert stream.lost + len(numbers) + bool(stream._partial) <= FRAMES + 1
    whole, in_order = (1 - loss) ** 3, 0.25 if delay_s[1] > delay_s[0] else 0.8
    assert len(numbers) > in_order * whole * runner.report.sent
    if loss == 0 and delay_s[0] == delay_s[1]:
        assert len(numbers) == runner.report.sent
    assert proxy.lost or not loss


def test_vmc_through_a_bad_network() -> None:
    """An avatar program gets fewer frames, each of them finite; nothing fails and nobody waits."""
    stream, people = VmcStream(), []
    with receiver() as (port, packets), UdpProxy(port, loss=0.2, delay_s=(0.0, 0.05), twice=0.1) as proxy:
        runner = SinkRunner(VmcSink("127.0.0.1", proxy.port))
        runner.start()
        send(runner)
        assert runner.close()
        time.sleep(0.2)
    for packet in packets:
        people += stream.take(messages(packet), 0.0)
    assert runner.failure is None
    assert len(people) > 0.3 * FRAMES
    assert all(np.isfinite(list(person.rotations.values())).all() for person in people)


def received(subscriber: Subscriber, numbers: list[int], done: threading.Event) -> Callable[[], None]:
    """A job that notes the number of every frame."""

    def listen() -> None:
        while not done.is_set():
            message = subscriber.receive(timeout=0.05)
            if message is not None:
                numbers.append(message.seq)

    return listen


@pytest.mark.parametrize("fault", ["delay", "stall", "cut"])
def test_zeromq_through_a_bad_network(fault: str) -> None:
    """50 ms late, nothing for half a second, or cut off: frames go on afterwards in order, losses are
    counted by the receiver, and the sender never waits."""
    sink = ZmqSink("tcp://127.0.0.1:*")
    runner = SinkRunner(sink)
    runner.start()
    numbers: list[int] = []
    done = threading.Event()
    port = int(sink.endpoint.rpartition(":")[2])
    with (
        TcpProxy(port, delay_s=0.005 if fault == "delay" else 0.0) as proxy,
        Subscriber(f"tcp://127.0.0.1:{proxy.port}", newest_only=False) as subscriber,
    ):
        thread = threading.Thread(target=received(subscriber, numbers, done))
        thread.start()
        longest = send(runner, range(30))
        assert numbers, "nothing came before the fault"
        if fault == "stall":
            proxy.stalled.set()
        if fault == "cut":
            proxy.cut()
        longest = max(longest, send(runner, range(30, 60)))
        proxy.stalled.clear()
        longest = max(longest, send(runner, range(60, 150)))
        time.sleep(0.3)
        done.set()
        thread.join()
        lost = subscriber.lost
    assert runner.close()
    assert runner.failure is None
    assert longest < 0.1
    assert numbers == sorted(set(numbers))
    assert numbers[-1] > 120, "the frames did not come back"
    assert len(numbers) + lost == numbers[-1] - numbers[0] + 1
    assert runner.report.sent + runner.report.dropped == 150


def test_many_receivers_that_come_and_go() -> None:
    """Sixty subscribers in three waves, half of them never reading: one that stays misses nothing of note."""
    sink = ZmqSink("tcp://127.0.0.1:*")
    runner = SinkRunner(sink)
    runner.start()
    numbers: list[int] = []
    done = threading.Event()
    with Subscriber(sink.endpoint, newest_only=False) as stays:
        thread = threading.Thread(target=received(stays, numbers, done))
        thread.start()
        send(runner, range(20))
        for wave in range(3):
            crowd = [Subscriber(sink.endpoint) for _ in range(20)]
            send(runner, range(20 + 20 * wave, 40 + 20 * wave))
            for subscriber in crowd:
                subscriber.close()
        send(runner, range(80, 100))
        time.sleep(0.2)
        done.set()
        thread.join()
    assert runner.close()
    assert runner.failure is None
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 99
    assert len(numbers) > 60
