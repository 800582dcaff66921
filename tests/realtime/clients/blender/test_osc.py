"""The add-on's OSC parser: what python-osc builds is read, whatever else comes is left out."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from realtime.clients.blender.sealcap_blender.osc import MAX_MESSAGES, messages

NUMBERS = st.one_of(
    st.integers(-(2**31), 2**31 - 1), st.floats(width=32, allow_nan=False, allow_infinity=False)
)
TEXTS = st.text(max_size=30).filter(lambda t: "\0" not in t and len(t.encode()) < 120)


def _built(address: str, arguments: list[object]) -> OscMessageBuilder:
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument, {int: "i", float: "f", str: "s"}[type(argument)])
    return builder


def _bundle(*contents: bytes) -> bytes:
    return b"#bundle\0" + struct.pack(">Q", 1) + b"".join(struct.pack(">i", len(c)) + c for c in contents)


@given(st.lists(st.lists(st.one_of(NUMBERS, TEXTS), max_size=8), min_size=1, max_size=5))
def test_what_python_osc_builds_is_read(contents: list[list[object]]) -> None:
    """Messages of ints, floats and texts, alone and in bundles, come out as they went in."""
    bundle = OscBundleBuilder(IMMEDIATELY)
    for arguments in contents:
        bundle.add_content(_built("/a/b", arguments).build())
    assert messages(bundle.build().dgram) == [("/a/b", tuple(a)) for a in contents]
    assert messages(_built("/c", contents[0]).build().dgram) == [("/c", tuple(contents[0]))]


@given(st.binary(max_size=400))
def test_noise_raises_nothing(packet: bytes) -> None:
    """Any bytes, alone or as the content of a bundle, give messages or none."""
    messages(packet)
    messages(_bundle(packet))
    messages(b"#bundle\0" + packet)


@given(st.data())
def test_cut_packets_raise_nothing(data: st.DataObject) -> None:
    """A good packet that is cut short or spoiled gives fewer messages, no error."""
    good = _bundle(*[_built("/a", [1, 2.0, "three"]).build().dgram] * 3)
    cut = good[: data.draw(st.integers(0, len(good)))]
    assert len(messages(cut)) <= 3
    spoiled = bytearray(good)
    spoiled[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    messages(bytes(spoiled))


@pytest.mark.parametrize(
    "packet",
    [
        _bundle(_bundle(_built("/a", [1]).build().dgram)),
        _built("/a", [1.0]).build().dgram[:-4] + struct.pack(">f", float("nan")),
        _built("/a", [1.0]).build().dgram[:-4] + struct.pack(">f", float("inf")),
        b"/a\0\0,b\0\0" + struct.pack(">i", 2**31 - 1),
        b"/a\0\0,s\0\0" + b"x" * 5000,
        b"/a\0\0," + b"i" * 1000 + b"\0\0\0" + bytes(4000),
        b"#bundle\0" + bytes(8) + struct.pack(">i", -4) + b"/a\0\0,\0\0\0",
        b"#bundle\0" + bytes(8) + struct.pack(">i", 0) * 10,
        bytes(70_000),
    ],
    ids=["nested", "nan", "infinite", "blob", "long text", "many arguments", "negative", "zero", "huge"],
)
def test_hostile_packets_give_nothing(packet: bytes) -> None:
    """Bundles in bundles, numbers that are none, and absurd lengths are left out."""
    assert messages(packet) == []


def test_the_number_of_messages_is_limited() -> None:
    """A packet of thousands of tiny messages is read up to the limit."""
    assert len(messages(_bundle(*[b"/a\0\0,\0\0\0"] * 5000))) == MAX_MESSAGES
