"""`sealcap listen vmc`: our stream and other senders', good and bad."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from lifting.errors import ConfigError
from realtime.commands.listen import listen
from realtime.commands.listen_vmc import MAX_BONES, MAX_PACKETS, VmcArrivals, VmcFrame, vmc_frames
from realtime.osc_packets import bundles, message, message_head
from realtime.sinks.vmc import VmcOptions, VmcSink
from tests.realtime.commands.test_listen import free_udp_port, publishing
from tests.realtime.sinks.motions import with_poses


@contextmanager
def sending(port: int, *packets: bytes) -> Iterator[None]:
    """Send these packets over and over."""
    stop = threading.Event()

    def work() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while not stop.wait(0.01):
                for packet in packets:
                    sender.sendto(packet, ("127.0.0.1", port))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def bone(name: str) -> bytes:
    """A bone at rest."""
    return (
        message_head("/VMC/Ext/Bone/Pos", "sfffffff", name) + np.array([0, 0, 0, 0, 0, 0, 1], ">f4").tobytes()
    )


def test_our_stream_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    """Frames, rate, status, bones and the place of the hips; nothing missing or malformed."""
    port = free_udp_port()
    sink = VmcSink("127.0.0.1", port, VmcOptions())
    sink.open()
    with publishing(sink.write):
        assert listen("vmc", f"127.0.0.1:{port}", count=60, duration=20) == 0
    sink.close()
    out = capsys.readouterr().out
    assert "tracking  21 bones in 2 packets" in out
    assert "Hips (" in out
    assert "60 frames" in out
    assert "nothing missing" in out


def test_an_empty_room_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A stream without anybody is a stream."""
    port = free_udp_port()
    sink = VmcSink("127.0.0.1", port)
    sink.open()
    with publishing(lambda motion: sink.write(with_poses(motion))):
        assert listen("vmc", f"127.0.0.1:{port}", count=60, duration=20) == 0
    sink.close()
    out = capsys.readouterr().out
    assert "lost  0 bones in 1 packets" in out
    assert "no Hips, Spine, Head" in out


def test_a_senders_mistakes_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Missing bones, and arguments that some receivers never recover from."""
    port = free_udp_port()
    wrong = message("/VMC/Ext/T", "i", 3), message("/VMC/Ext/Root/Pos", "f", 0.0)
    with sending(port, *bundles([bone("Hips"), *wrong, message("/VMC/Ext/T", "f", 1.0)])):
        assert listen("vmc", f"127.0.0.1:{port}", count=20, duration=20) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "no Spine, Head, LeftUpperArm, LeftLowerArm ..." in out
    assert "40 malformed, such as /VMC/Ext/T with int" in out


def test_senders_without_time_and_bundles_are_understood(capsys: pytest.CaptureFixture[str]) -> None:
    """One message a packet and no /VMC/Ext/T: a frame ends where a bone comes again."""
    port = free_udp_port()
    with sending(port, *(bone(name)[4:] for name in ("Hips", "Spine", "Head"))):
        assert listen("vmc", f"127.0.0.1:{port}", count=20, duration=20) == 0
    assert "20 frames" in capsys.readouterr().out


def test_silence_is_said_with_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing arriving names the option that a sender would need."""
    where = f"127.0.0.1:{free_udp_port()}"
    assert listen("vmc", where, duration=0.3) == 1
    assert f"--vmc {where}" in capsys.readouterr().out.replace("\n", " ")


def test_a_stream_that_stops_is_called_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last numbers are not shown as if they were new."""
    now = [100.0]
    monkeypatch.setattr("realtime.commands.listen_vmc.time.monotonic", lambda: now[0])
    arrivals = VmcArrivals()
    assert arrivals.line() == "waiting ..."
    arrivals.add(VmcFrame(time_s=1.0, packets=1))
    assert "t 1.00 s" in arrivals.line()
    now[0] += 5
    assert arrivals.line() == "silent for 5 s, after 1 frames"


def test_an_address_that_is_none_is_refused() -> None:
    """HOST:PORT is shown."""
    with pytest.raises(ConfigError, match="give HOST:PORT"):
        listen("vmc", "39539", duration=0.1)


def test_hostile_packets_are_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    """Noise does not end the listening."""
    port = free_udp_port()
    rng = np.random.default_rng(0)
    noise = [rng.bytes(int(n)) for n in rng.integers(1, 300, 20)]
    with sending(port, *noise, *bundles([bone("Hips"), message("/VMC/Ext/T", "f", 1.0)])):
        assert listen("vmc", f"127.0.0.1:{port}", count=5, duration=20) == 0
    assert "5 frames" in capsys.readouterr().out


def test_a_sender_that_never_ends_a_frame_fills_no_memory() -> None:
    """Bones of ever new names, or packets without any, make frames of bounded size all the same."""

    class Endless:
        """Ten thousand bones that nobody has."""

        count = 0

        def receive(self, _timeout: float) -> list[tuple[str, list[object]]]:
            self.count += 1
            return [("/VMC/Ext/Bone/Pos", [f"bone{self.count}", *[0.0] * 7]), ("/VMC/Ext/T", ["not a time"])]

    arrivals = VmcArrivals()
    frames = vmc_frames(Endless(), 1.0)  # type: ignore[arg-type]
    for _ in range(20):
        frame = next(frames)
        assert frame is not None
        assert len(frame.bones) <= MAX_BONES
        assert len(frame.malformed) <= 2 * MAX_PACKETS
        arrivals.add(frame)
    assert len(arrivals._heard) == 0
