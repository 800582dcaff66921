"""OSC packing, judged by python-osc."""

from __future__ import annotations

from itertools import pairwise

import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_bundle_builder import IMMEDIATELY
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket

from realtime.osc_packets import BUNDLE, MAX_PACKET_BYTES, bundles, message, message_head, string


@pytest.mark.parametrize("text", ["", "a", "abc", "abcd", "/VMC/Ext/T", "名前", "é" * 7])
def test_strings_end_with_zeros_on_a_multiple_of_four(text: str) -> None:
    """Always at least one zero, as receivers search for it."""
    data = string(text)
    assert len(data) % 4 == 0
    assert data.rstrip(b"\0") == text.encode()
    assert 1 <= len(data) - len(text.encode()) <= 4


def test_messages_are_those_of_python_osc() -> None:
    """Byte for byte, behind their size."""
    builder = OscMessageBuilder("/a/b")
    for value, tag in ((3, "i"), (0.5, "f"), (-1, "i")):
        builder.add_arg(value, tag)
    ours = message("/a/b", "ifi", 3, 0.5, -1)
    assert ours[4:] == builder.build().dgram
    assert int.from_bytes(ours[:4], "big") == len(ours) - 4
    named = message_head("/n", "sf", "name") + b"\0" * 4
    assert int.from_bytes(named[:4], "big") == len(named) - 4


def test_bundles_keep_the_order_and_fit() -> None:
    """Everything once, no packet over the limit, none emptier than it must be."""
    parts = [message(f"/m/{i}", "f" * (i % 40), *[1.0] * (i % 40)) for i in range(200)]
    packets = bundles(parts)
    found = [m.message.address for p in packets for m in OscPacket(p).messages]
    assert found == [f"/m/{i}" for i in range(200)]
    assert all(len(packet) <= MAX_PACKET_BYTES for packet in packets)
    assert all(OscBundle(packet).timestamp == IMMEDIATELY for packet in packets)
    for packet, following in pairwise(packets):
        size = int.from_bytes(following[16:20], "big") + 4
        assert len(packet) + size > MAX_PACKET_BYTES


def test_every_part_begins_alike() -> None:
    """What belongs together is told by the message they begin with; no message, no packet."""
    begin = message("/frame", "i", 7)
    packets = bundles([message("/x", "f" * 100, *[0.0] * 100)] * 9, begin)
    assert len(packets) > 1
    assert all(packet.startswith(BUNDLE + begin) for packet in packets)
    assert bundles([]) == bundles([], begin) == []
