"""Addresses that ZeroMQ binds to, and who may reach them."""

from __future__ import annotations

import logging
import re

import zmq

from lifting.errors import ConfigError
from realtime.sinks.zmq import is_loopback

log = logging.getLogger(__name__)

_TCP = re.compile(r"tcp://(\[[0-9a-fA-F:.]+\]|[^:/\[\]]+):(\d+|\*)")


def check_exposure(
    option: str, endpoint: str, example: str, *, lan: bool, keys: bool, insecure: bool = False
) -> None:
    """Refuse what is no address, and what others could reach without leave.

    `keys`: CURVE guards it; `insecure`: the user said that nothing need guard it. Raises ConfigError.
    """
    if endpoint.startswith("ipc://") and len(endpoint) > len("ipc://"):
        return
    match = _TCP.fullmatch(endpoint)
    if match is None or (match[2] != "*" and not 0 <= int(match[2]) <= 65535):
        raise ConfigError(f"{option} {endpoint}: give tcp://HOST:PORT, such as {option} {example}.")
    if is_loopback(match[1].strip("[]")):
        return
    if not lan:
        raise ConfigError(
            f"{option} {endpoint} could be reached by other machines. "
            f"Use {example}, or add --lan to allow it."
        )
    if not (keys or insecure):
        raise ConfigError(
            f"{option} {endpoint} needs keys, so that not everybody can reach the robot: `sealcap keys new` "
            "on both machines, then `sealcap keys allow` here."
        )
    log.warning("%s %s: open to other machines.", option, endpoint)


def bind_error(option: str, endpoint: str, error: zmq.ZMQError) -> str:
    """Why it could not be bound, and what to type instead."""
    if error.errno == zmq.EADDRINUSE:
        base, _, port = endpoint.rpartition(":")
        other = f"{base}:{int(port) % 65535 + 1}" if port.isdecimal() else f"{endpoint}2"
        return f"{endpoint} is taken, perhaps by another run. Choose another one: {option} {other}."
    return f"Cannot listen on {endpoint}: {error}. Choose another address for {option}."
