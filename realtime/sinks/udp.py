"""Sending packets to one receiver over UDP, which may come, go, and move to another address."""

from __future__ import annotations

import errno
import logging
import math
import socket
import threading
import time
from collections.abc import Iterable

from lifting.errors import ConfigError, SinkError
from realtime.exposure import is_loopback

log = logging.getLogger(__name__)

LOOK_UP_AGAIN_S = 5.0
"""While sending fails, the receiver's name is looked up this often: it may have got another address. That can
take long, so another thread does it."""
Place = tuple[socket.AddressFamily, tuple[object, ...]]
"""Family and address of a receiver."""


class UdpSender:
    """UDP has no connection: a receiver that is not there costs nothing and is not noticed."""

    def __init__(self, option: str, host: str, port: int, default: str) -> None:
        """`option` and `default`, such as --osc and 127.0.0.1:39570, are for messages.

        Raises ConfigError for a port that cannot be.
        """
        if not 1 <= port <= 65535:
            example = default.rpartition(":")[2]
            raise ConfigError(f"{option} {host}:{port}: the port must lie in 1..65535, such as {example}.")
        self.host, self.port = host, port
        self.send_errors = 0
        """Packets the system refused to send, for example while the network is down."""
        self._option, self._default = option, default
        self._socket: socket.socket | None = None
        self._address: tuple[object, ...] = ()
        self._local = True
        self._looked_up_s = 0.0
        self._found: Place | None = None

    @property
    def name(self) -> str:
        """For counters and messages: 'osc 127.0.0.1:39570'."""
        return f"{self._option.strip('-')} {self.host}:{self.port}"

    @property
    def is_open(self) -> bool:
        """Between `open` and `close`."""
        return self._socket is not None

    def open(self) -> None:
        """Find the receiver. Raises SinkError when its name is unknown."""
        self._looked_up_s = time.monotonic()
        try:
            self._move(self._look_up())
        except (OSError, UnicodeError) as error:
            raise SinkError(
                f"Cannot send {self._option.strip('-').upper()} to {self.host}: {error}. "
                f"Give an address that exists, such as {self._option} {self._default}."
            ) from error
        if not is_loopback(str(self._address[0])):
            log.warning("%s: poses leave this machine, unencrypted.", self.name)

    def send(self, packets: Iterable[bytes]) -> None:
        """Send without waiting. Raises SinkError when the socket is gone; a network that is down is waited
        out."""
        if self._socket is None:
            raise SinkError(f"{self.name} is not open.")
        if self._found is not None:
            self._move_if_possible()
        for packet in packets:
            try:
                self._socket.sendto(packet, self._address)
            except OSError as error:
                self._refused(error)

    def close(self) -> None:
        """Release the socket; idempotent."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _look_up(self) -> Place:
        family, _, _, _, address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)[0]
        return family, address

    def _look_up_again(self) -> None:
        try:
            self._found = self._look_up()
        except (OSError, UnicodeError):
            return  # still unknown; the old address is as good as any

    def _move_if_possible(self) -> None:
        place, self._found = self._found, None
        try:
            if place is not None:
                self._move(place)
        except OSError:
            return  # no socket of that family here; told, and tried again, with the next refusal

    def _move(self, place: Place) -> None:
        family, address = place
        local = is_loopback(str(address[0]))
        if self._socket is None or self._socket.family != family or self._local != local:
            fresh = _socket(family, local)
            self.close()
            self._socket = fresh
        self._address, self._local = address, local

    def _refused(self, error: OSError) -> None:
        if error.errno == errno.EBADF:
            raise SinkError(f"{self.name} stopped working: {error}.") from error
        self.send_errors += 1
        if math.log2(self.send_errors).is_integer():  # the 1st, 2nd, 4th, 8th ...: told, not shouted
            log.warning("%s: %s (%d packets so far).", self.name, error.strerror, self.send_errors)
        if time.monotonic() - self._looked_up_s >= LOOK_UP_AGAIN_S:
            self._looked_up_s = time.monotonic()
            threading.Thread(target=self._look_up_again, name=f"look up {self.host}", daemon=True).start()


def _socket(family: socket.AddressFamily, local: bool) -> socket.socket:
    """One that never waits. Raises OSError."""
    udp = socket.socket(family, socket.SOCK_DGRAM)
    try:
        udp.setblocking(False)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if local:  # else the system would bind it to all addresses, for anyone to send to
            udp.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    except OSError:
        udp.close()
        raise
    return udp
