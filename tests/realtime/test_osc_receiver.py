"""OSC from anyone."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.udp_client import SimpleUDPClient

from lifting.errors import ConfigError, SinkError
from realtime.osc_receiver import OscReceiver, messages
from realtime.sinks.osc import frame_packets
from tests.realtime.sinks.motions import make_motion

PACKETS = frame_packets(make_motion())


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_single_messages_and_bundles_are_taken_apart() -> None:
    """A plain message of another sender and a bundle of ours arrive alike."""
    port = free_port()
    with OscReceiver("127.0.0.1", port) as receiver:
        with SimpleUDPClient("127.0.0.1", port) as client:
            client.send_message("/hello", [1, 2.5, "x"])
        assert receiver.receive(2) == [("/hello", [1, 2.5, "x"])]
        assert receiver.receive(0.01) is None
    assert [address for address, _ in messages(PACKETS[0])][:3] == [
        "/mocap/v1/frame",
        "/mocap/v1/root",
        "/mocap/v1/joint",
    ]


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=200, deadline=None)
def test_noise_is_left_out(data: bytes, bundle: bool) -> None:
    """Bytes from anywhere give messages or nothing, never an exception."""
    list(messages(b"#bundle\0" + b"\0" * 8 + data if bundle else data))


@given(st.integers(0, 1471), st.binary(min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
def test_damaged_packets_are_survived(at: int, noise: bytes) -> None:
    """Overwritten bytes cost messages and nothing else."""
    packet = bytearray(PACKETS[0])
    packet[at : at + len(noise)] = noise
    assert len(list(messages(bytes(packet)))) <= 60


@pytest.mark.parametrize("size", [-4, 0, -(2**31), 2**31 - 1])
@pytest.mark.timeout(10)
def test_an_element_of_impossible_size_ends_the_bundle(size: int) -> None:
    """A negative size would send a careless reader round in circles."""
    assert list(messages(b"#bundle\0" + b"\0" * 8 + struct.pack(">i", size) + b"/a\0\0,\0\0\0")) == []


def test_bundles_in_bundles_are_left_out() -> None:
    """Nesting is not ours, and a way to exhaust the stack."""
    packet = b""
    for _ in range(3000):
        packet = b"#bundle\0" + b"\0" * 8 + struct.pack(">i", len(packet)) + packet
    assert list(messages(packet)) == []


def test_a_taken_port_is_named() -> None:
    """The address and what to do."""
    port = free_port()
    with OscReceiver("127.0.0.1", port), pytest.raises(SinkError, match=f"127.0.0.1:{port}"):
        OscReceiver("127.0.0.1", port)
    with pytest.raises(ConfigError, match="65535"):
        OscReceiver("127.0.0.1", 0)
