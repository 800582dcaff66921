"""Sending over UDP to receivers that move, and through a network that is down."""

from __future__ import annotations

import errno
import logging
import socket
import threading
import time
from collections.abc import Callable

import pytest

from lifting.errors import SinkError
from realtime.sinks import udp
from realtime.sinks.udp import UdpSender


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


class _Refusing:
    """A socket whose sends fail as the system's do."""

    family = socket.AF_INET

    def __init__(self, number: int) -> None:
        self._number = number

    def sendto(self, _packet: bytes, _address: object) -> None:
        raise OSError(self._number, "as if")

    def close(self) -> None:
        """Nothing to release."""


def test_a_network_that_is_down_is_waited_out_and_told_rarely(caplog: pytest.LogCaptureFixture) -> None:
    """Each lost packet is counted; the 1st, 2nd, 4th, 8th ... is told."""
    sender = UdpSender("--osc", "127.0.0.1", 9, "127.0.0.1:39570")
    sender.open()
    sender.close()
    sender._socket = _Refusing(errno.ENETUNREACH)  # type: ignore[assignment]
    with caplog.at_level(logging.WARNING):
        sender.send([b"x"] * 100)
    assert sender.send_errors == 100
    assert len(caplog.records) == 7


def test_while_sending_fails_the_name_is_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that got another address is found without a restart."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(2)
        address = receiver.getsockname()
        found = [(socket.AF_INET, socket.SOCK_DGRAM, 0, "", ("127.0.0.1", 9))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: list(found))
        sender = UdpSender("--vmc", "studio.local", address[1], "127.0.0.1:39539")
        sender.open()
        found[0] = (socket.AF_INET, socket.SOCK_DGRAM, 0, "", address)
        real, sender._socket = sender._socket, _Refusing(errno.EHOSTUNREACH)  # type: ignore[assignment]
        sender._looked_up_s -= udp.LOOK_UP_AGAIN_S
        sender.send([b"lost"])
        until(lambda: sender._found is not None)
        sender._socket = real
        sender.send([b"found"])
        assert receiver.recv(100) == b"found"
        sender.close()


def test_a_look_up_that_hangs_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that is down with the rest of the network takes half a minute to say so; sends do not."""
    go = threading.Event()
    sender = UdpSender("--vmc", "127.0.0.1", 9, "127.0.0.1:39539")
    sender.open()
    place = sender._look_up()
    monkeypatch.setattr(sender, "_look_up", lambda: (go.wait(10), place)[1])
    real, sender._socket = sender._socket, _Refusing(errno.EHOSTUNREACH)  # type: ignore[assignment]
    sender._looked_up_s -= udp.LOOK_UP_AGAIN_S
    begin = time.monotonic()
    sender.send([b"x"] * 20)
    assert time.monotonic() - begin < 1
    sender._socket = real
    go.set()
    until(lambda: sender._found is not None)
    sender.close()


def test_a_socket_that_is_gone_is_an_error() -> None:
    """Closed by us or by the system, sending says so."""
    sender = UdpSender("--osc", "127.0.0.1", 9, "127.0.0.1:39570")
    with pytest.raises(SinkError, match="not open"):
        sender.send([b"x"])
    sender.open()
    assert sender._socket is not None
    sender._socket.close()
    with pytest.raises(SinkError, match="stopped working"):
        sender.send([b"x"])
    sender.close()
