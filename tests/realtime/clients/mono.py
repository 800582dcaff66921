"""Compiling and running C# with mono, as little as the tests need."""

from __future__ import annotations

import json
import shutil
import socket
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

CLIENT = Path(__file__).parents[3] / "realtime" / "clients" / "unity"
HERE = Path(__file__).parent / "unity"
COMPONENT = "SealcapReceiver.cs"
Frame = dict[str, Any]


def need_mono() -> None:
    """Skip without the compiler, saying how to get it."""
    if shutil.which("mcs") is None or shutil.which("mono") is None:
        pytest.skip("needs C#: apt-get install mono-mcs mono-runtime")


def compile_program(out: Path, *sources: Path, references: Sequence[str] = ()) -> Path:
    """C# as old as Unity 2019.4 takes (7.2 of its 7.3 is what mcs has); warnings are errors."""
    options = ["-warn:4", "-warnaserror+", "-langversion:7.2", *(f"-r:{name}" for name in references)]
    done = subprocess.run(
        ["mcs", *options, f"-out:{out}", *map(str, sources)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def plain_sources() -> list[Path]:
    """The client without the file that needs Unity."""
    return sorted(path for path in CLIENT.glob("*.cs") if path.name != COMPONENT)


def run(program: Path, *arguments: object, timeout: float = 120) -> list[Frame]:
    """The JSON lines it prints. Fails when it throws or does not end."""
    done = subprocess.run(
        ["mono", str(program), *map(str, arguments)], capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert not done.stderr, done.stderr[-2000:]
    return parse(done.stdout)


def parse(text: str) -> list[Frame]:
    """One value a line; lists end in an empty one, which is left out."""
    return [json.loads(line.replace(", []]", "]")) for line in text.splitlines()]


def save_packets(path: Path, packets: Sequence[bytes]) -> Path:
    """Each packet after its length."""
    path.write_bytes(b"".join(struct.pack(">i", len(packet)) + packet for packet in packets))
    return path


def free_port() -> int:
    """A UDP port that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
