"""The add-on's port: real packets from the real senders over real UDP."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from realtime.clients.blender.sealcap_blender.person import Person
from realtime.clients.blender.sealcap_blender.receiver import PortError, Receiver
from realtime.sinks.osc import OscSink
from realtime.sinks.vmc import VmcOptions, VmcSink
from tests.realtime.clients.blender.senders import motion_at, send
from tests.realtime.takes.made_takes import walking_take


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """On a free port."""
    opened = Receiver(0)
    yield opened
    opened.close()


def _until(receiver: Receiver, count: int) -> list[Person]:
    persons: list[Person] = []
    deadline = time.monotonic() + 5
    while len(persons) < count and time.monotonic() < deadline:
        persons += receiver.drain()
        time.sleep(0.005)
    return persons


def test_every_frame_of_two_people_arrives(receiver: Receiver) -> None:
    """A second at 60 Hz read only at its end: nothing lost, in order, the rate is right."""
    takes = [walking_take(60, 60.0)] * 2
    sink = OscSink("127.0.0.1", receiver.port)
    sink.open()
    send(sink, takes, 60)
    sink.close()
    persons = _until(receiver, 120)
    assert [p.id for p in persons] == [1, 2] * 60
    assert [p.time_s for p in persons] == sorted(p.time_s or 0 for p in persons)
    assert (receiver.frames, receiver.lost, receiver.ignored) == (60, 0, 0)
    assert receiver.counts_losses
    assert receiver.rate_hz == pytest.approx(60, rel=0.2)


def test_vmc_arrives_at_the_same_port(receiver: Receiver) -> None:
    """The other protocol needs no other setting than the port."""
    sink = VmcSink("127.0.0.1", receiver.port, VmcOptions(rate_hz=100.0))
    sink.open()
    send(sink, [walking_take(30, 60.0)], 30)
    sink.close()
    persons = _until(receiver, 31)
    assert [p.posed for p in persons] == [True] * 30 + [False]
    assert not receiver.counts_losses


def test_a_second_sender_does_not_interfere(receiver: Receiver) -> None:
    """Packets of another program are ignored and counted while the first one sends, as is noise."""
    takes = [walking_take(10, 60.0)]
    first, second = OscSink("127.0.0.1", receiver.port), OscSink("127.0.0.1", receiver.port)
    first.open()
    second.open()
    for index in range(10):
        first.write(motion_at(takes, index))
        second.write(motion_at(takes, 9 - index))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
        noise.sendto(b"GET / HTTP/1.0\r\n\r\n", ("127.0.0.1", receiver.port))
    assert len(_until(receiver, 10)) == 10
    time.sleep(0.1)
    assert receiver.drain() == []
    assert receiver.ignored > 10
    assert receiver.lost == 0
    first.close()
    second.close()


def test_a_taken_port_is_told() -> None:
    """The message names the port and what to do; closing gives it back."""
    first = Receiver(0)
    with pytest.raises(PortError, match=rf"Port {first.port} cannot be opened: .* choose another port"):
        Receiver(first.port)
    first.close()
    first.close()
    Receiver(first.port).close()
