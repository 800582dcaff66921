"""Receiving OSC over UDP: packets from anyone, taken apart with limits."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message import ParseError as OscParseError

from lifting.errors import ConfigError, SinkError

Message = tuple[str, list[object]]
"""Address and arguments."""

_BUNDLE = b"#bundle\0"
_PARSE_ERRORS = (OscParseError, ValueError, IndexError, RecursionError, struct.error)


class OscReceiver:
    """A bound UDP port. Context manager."""

    def __init__(self, host: str, port: int) -> None:
        """Raises SinkError when the port is taken, ConfigError when it cannot be."""
        if not 1 <= port <= 65535:
            raise ConfigError(f"{host}:{port}: the port must lie in 1..65535, such as 39570.")
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise SinkError(
                f"Cannot receive on {host}:{port}: {error.strerror or error}. "
                "Close the program that uses this port, or have the sender use another one."
            ) from error

    def receive(self, timeout: float) -> list[Message] | None:
        """The messages of the next packet; None when none came within `timeout` seconds. What is not OSC
        gives an empty list."""
        self._socket.settimeout(timeout)
        try:
            packet = self._socket.recv(65535)
        except (TimeoutError, ConnectionError):  # Windows reports unreachable receivers here
            return None
        return list(messages(packet))

    def close(self) -> None:
        """Release the port; idempotent."""
        self._socket.close()

    def __enter__(self) -> OscReceiver:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def messages(packet: bytes) -> Iterator[Message]:
    """Messages of a packet: one, or a bundle of them. Malformed ones, and bundles in bundles, are left out.

    Bundles are taken apart here because python-osc never ends on an element of negative size.
    """
    for element in _elements(packet):
        try:
            message = OscMessage(element)
            yield message.address, list(message.params)
        except _PARSE_ERRORS:
            continue


def _elements(packet: bytes) -> Iterator[bytes]:
    if not packet.startswith(_BUNDLE):
        yield packet
        return
    at = len(_BUNDLE) + 8
    while at + 4 <= len(packet):
        (size,) = struct.unpack_from(">i", packet, at)
        at += 4
        if size <= 0 or at + size > len(packet):
            return
        element = packet[at : at + size]
        at += size
        if not element.startswith(_BUNDLE):
            yield element
