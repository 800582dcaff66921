"""Bytes of VMC frames, judged by python-osc and by captures that were looked at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket

from lifting.skeleton import BONES
from realtime.osc_packets import MAX_PACKET_BYTES
from realtime.vmc.packets import Due, Encoder, Status

CAPTURES = Path(__file__).parent / "captures"
ROWS = (np.arange(21 * 7).reshape(21, 7) * 7 % 13 - 6) / 8
"""Exact in float32, so the same bytes on every machine."""
ROOT = ["root", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]


def contents(packets: list[bytes]) -> list[tuple[str, list[object]]]:
    """(address, arguments) of everything, by python-osc."""
    return [(m.message.address, list(m.message.params)) for p in packets for m in OscPacket(p).messages]


def frame() -> list[bytes]:
    """One frame, tracking, at 1.5 s."""
    return Encoder(BONES.joints).packets(ROWS, Status(True), 1.5, Due())


def test_a_frame_is_root_bones_ok_and_time_in_this_order() -> None:
    """Every address once, every argument of the exact type, every bone in its place."""
    expected = [("/VMC/Ext/Root/Pos", ROOT)]
    expected += [("/VMC/Ext/Bone/Pos", [n, *row]) for n, row in zip(BONES.joints, ROWS.tolist(), strict=True)]
    expected += [("/VMC/Ext/OK", [1, 3, 0, 1]), ("/VMC/Ext/T", [1.5])]
    found = contents(frame())
    assert found == expected
    for (_, values), (_, wanted) in zip(found, expected, strict=True):
        assert [type(v) for v in values] == [type(v) for v in wanted]


def test_two_packets_fit_the_network_and_want_no_waiting() -> None:
    """21 bones are more than one Ethernet frame holds; time tags say 'immediately'."""
    packets = frame()
    assert len(packets) == 2
    assert all(len(packet) <= MAX_PACKET_BYTES for packet in packets)
    assert all(OscBundle(packet).timestamp == IMMEDIATELY for packet in packets)


def test_bytes_are_those_of_the_captures() -> None:
    """Nothing changes unnoticed: receivers were tried with these bytes."""
    packets = frame()
    for number, packet in enumerate(packets):
        assert packet == (CAPTURES / f"frame-{number}.osc").read_bytes()


def test_bytes_are_those_that_python_osc_packs() -> None:
    """Two independent packers agree on every byte."""
    for packet in frame():
        bundle = OscBundleBuilder(IMMEDIATELY)
        for address, values in contents([packet]):
            builder = OscMessageBuilder(address)
            for value in values:
                builder.add_arg(value, {int: "i", float: "f", str: "s"}[type(value)])
            bundle.add_content(builder.build())
        assert bundle.build().dgram == packet


@pytest.mark.parametrize(
    ("due", "addresses"),
    [
        (Due(status=False), {"/VMC/Ext/Root/Pos", "/VMC/Ext/Bone/Pos"}),
        (Due(root=False), {"/VMC/Ext/Bone/Pos", "/VMC/Ext/OK", "/VMC/Ext/T"}),
        (Due(bones=False), {"/VMC/Ext/Root/Pos", "/VMC/Ext/OK", "/VMC/Ext/T"}),
        (Due(False, False, False), set()),
    ],
)
def test_what_is_not_due_is_left_out(due: Due, addresses: set[str]) -> None:
    """A frame of which nothing is due is no packet at all."""
    packets = Encoder(BONES.joints).packets(ROWS, Status(True), 0.0, due)
    assert {address for address, _ in contents(packets)} == addresses


def test_with_nobody_ever_there_the_status_goes_on() -> None:
    """No bones are made up; the receiver hears that nobody is tracked."""
    packets = Encoder(BONES.joints).packets(None, Status(False, calibration=1), 2.0, Due())
    assert contents(packets) == [("/VMC/Ext/OK", [1, 1, 0, 0]), ("/VMC/Ext/T", [2.0])]
