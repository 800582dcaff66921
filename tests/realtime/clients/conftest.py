"""Programs compiled once for all tests of the Unity client, and packets of the real senders."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from realtime.data import Motion
from realtime.sinks.osc import OscSink
from realtime.sinks.vmc import VmcSink
from tests.realtime.clients.mono import CLIENT, COMPONENT, HERE, compile_program, need_mono, plain_sources


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client's plain classes, without anything of Unity."""
    need_mono()
    return compile_program(
        tmp_path_factory.mktemp("unity") / "reader.exe", HERE / "Reader.cs", *plain_sources()
    )


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole client on the stand-in of UnityEngine."""
    need_mono()
    sources = (HERE / "Scene.cs", HERE / "UnityStub.cs", CLIENT / COMPONENT, *plain_sources())
    out = tmp_path_factory.mktemp("scene") / "scene.exe"
    return compile_program(out, *sources, references=("System.Numerics.dll",))


def capture(kind: type[OscSink] | type[VmcSink], motions: Iterable[Motion], pause_s: float) -> list[bytes]:
    """What a socket receives of a sink, its goodbye included."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        receiver.setblocking(False)
        sink = kind("127.0.0.1", receiver.getsockname()[1])
        sink.open()
        packets = []
        for motion in motions:
            sink.write(motion)
            packets += _waiting(receiver)
            time.sleep(pause_s)
        sink.close()
        return packets + _waiting(receiver)


def _waiting(receiver: socket.socket) -> list[bytes]:
    """On loopback a packet is there once it is sent."""
    packets = []
    while True:
        try:
            packets.append(receiver.recv(4096))
        except BlockingIOError:
            return packets
