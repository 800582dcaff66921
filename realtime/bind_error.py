"""What is said when an address cannot be bound."""

from __future__ import annotations

import zmq


def bind_error(option: str, endpoint: str, error: zmq.ZMQError) -> str:
    """Why it could not be bound, and what to type instead."""
    if error.errno == zmq.EADDRINUSE:
        base, _, port = endpoint.rpartition(":")
        other = f"{base}:{int(port) % 65535 + 1}" if port.isdecimal() else f"{endpoint}2"
        return f"{endpoint} is taken, perhaps by another run. Choose another one: {option} {other}."
    return f"Cannot listen on {endpoint}: {error}. Choose another address for {option}."
