"""docs/protocols.md tells the truth: its tables are compared with real messages."""

from __future__ import annotations

import re

import msgspec
import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage

from realtime.sinks import osc, wire
from realtime.sinks.run_stats import StatsMap
from tests.conftest import ROOT
from tests.realtime.sinks.motions import make_motion

PAGE = (ROOT / "docs" / "protocols.md").read_text(encoding="utf-8")
SIZES = {"int": int, "float": float, "str": str, "bool": bool, "list": list, "map": dict}


def tables(title: str) -> list[dict[str, str]]:
    """The tables below a heading: key → type, as written."""
    part = re.split(r"^#+ ", PAGE.partition(f"# {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    found: list[dict[str, str]] = []
    for line in part.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| key"):
            found.append({})
        elif line.startswith("| `") and found:
            found[-1][cells[0].strip("`")] = cells[1]
    return found


def fits(value: object, kind: str) -> bool:
    """Whether a value is of the kind that the page tells."""
    if kind.endswith("floats"):
        count = 1
        for number in kind.split()[0].split("×"):
            count *= int(number)
        return isinstance(value, bytes) and len(value) == 4 * count
    if " " in kind:
        count, inner = kind.split()
        return isinstance(value, list) and len(value) == int(count) and fits(value[0], inner)
    return isinstance(value, SIZES[kind])


@pytest.mark.parametrize(
    ("title", "message", "inner"),
    [
        ("pose1", wire.encode_pose(make_motion(seq=7, people=2)), True),
        ("meta1", wire.encode_meta(wire.StreamInfo(source="x"), make_motion(seq=7)), False),
        ("/keypoints", wire.encode_keypoints(make_motion(seq=7, people=2)), True),
    ],
)
def test_the_keys_of_msgpack_messages(title: str, message: bytes, inner: bool) -> None:
    """Every key of a real message is in the table with its type, and none besides."""
    plain = msgspec.msgpack.decode(message)
    outer, *people = tables(title)
    assert set(outer) == set(plain)
    assert [key for key, kind in outer.items() if not fits(plain[key], kind)] == []
    if inner:
        assert set(people[0]) == set(plain["persons"][0])
        assert [k for k, kind in people[0].items() if not fits(plain["persons"][0][k], kind)] == []


def test_the_keys_of_statistics() -> None:
    """The table of /stats names all of its fields."""
    (table,) = tables("/stats")
    assert set(table) == set(StatsMap.__struct_fields__)


def test_the_addresses_of_osc() -> None:
    """Addresses and type tags are those that python-osc finds in real packets, and their numbers agree."""
    motion = make_motion(seq=7)
    (pose,) = motion.people
    told = dict(re.findall(r"^\| `(/mocap\S+)` \| `(\w+)` \|", PAGE, re.MULTILINE))
    counts: dict[str, int] = {}
    for packet in osc.person_packets(motion, pose):
        assert len(packet) <= 1472
        messages = [content for content in OscBundle(packet) if isinstance(content, OscMessage)]
        assert messages[0].address == "/mocap/v1/frame"
        for message in messages:
            counts[message.address] = counts.get(message.address, 0) + 1
            types = {int: "i", str: "s", float: "f"}
            assert "".join(types[type(value)] for value in message.params) == told[message.address]
    assert set(counts) == set(told)
    assert (counts["/mocap/v1/joint"], counts["/mocap/v1/bone"], counts["/mocap/v1/root"]) == (26, 21, 1)
    assert 2 <= counts["/mocap/v1/frame"] <= 3
