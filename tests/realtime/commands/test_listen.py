"""`sealcap listen` as a person starts it."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from lifting.errors import ConfigError
from realtime.commands.listen import Arrivals, Sample, listen
from realtime.data import Motion
from realtime.sinks.osc import OscSink
from realtime.sinks.zmq import ZmqSink
from tests.realtime.sinks.motions import make_motion


@contextmanager
def publishing(write: Callable[[Motion], None], people: int = 2) -> Iterator[None]:
    """Publish 50 frames a second in the background."""
    stop = threading.Event()

    def work() -> None:
        seq = 0
        while not stop.wait(0.02):
            write(make_motion(seq, people))
            seq += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_zmq_frames_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Count ends it; the summary tells frames, losses, rate and latency."""
    sink = ZmqSink("tcp://127.0.0.1:*")
    sink.open()
    with publishing(sink.write):
        assert listen("zmq", sink.endpoint, count=60, duration=20) == 0
    sink.close()
    out = capsys.readouterr().out
    assert "60 frames, 0 lost" in out
    assert "1 tracking, 2 tracking" in out
    assert "left_wrist (" in out


def test_osc_frames_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Parts of one frame count once, all people are named."""
    port = free_udp_port()
    sink = OscSink("127.0.0.1", port)
    sink.open()
    with publishing(sink.write):
        assert listen("osc", f"127.0.0.1:{port}", count=60, duration=20) == 0
    sink.close()
    out = capsys.readouterr().out
    assert "60 frames, 0 lost" in out
    assert "1 tracking, 2 tracking" in out
    assert "pelvis (" in out
    assert "right_wrist (" in out


@pytest.mark.parametrize(("what", "where"), [("zmq", "tcp://127.0.0.1:9"), ("osc", None)])
def test_silence_is_said_with_a_hint(
    what: str, where: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing arriving names the option that a sender would need."""
    where = where or f"127.0.0.1:{free_udp_port()}"
    assert listen(what, where, duration=0.3) == 1  # type: ignore[arg-type]
    out = capsys.readouterr().out.replace("\n", " ")
    assert "Nothing came." in out
    assert f"--{what} {where}" in out


def test_an_address_that_is_none_is_refused() -> None:
    """HOST:PORT is shown."""
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1:39570"):
        listen("osc", "39570", duration=0.1)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to another process")
def test_ctrl_c_ends_with_a_summary() -> None:
    """Interrupted, it says what came, without a traceback, with exit code 0."""
    sink = ZmqSink("tcp://127.0.0.1:*")
    sink.open()
    code = f"from realtime.commands.listen import listen; raise SystemExit(listen('zmq', {sink.endpoint!r}))"
    with (
        contextlib.closing(sink),
        publishing(sink.write),
        subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stdout is not None
        while "tracking" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "frames, 0 lost" in out
    assert err == ""


def test_arrivals_count_gaps_and_restarts() -> None:
    """Losses by sequence number; a restart is none. Latency is the median over what came."""
    arrivals = Arrivals()
    for seq in (3, 4, 7, 0, 1):
        arrivals.add(Sample(seq, capture_wall_ns=0, arrived_wall_ns=20_000_000))
    assert (arrivals.frames, arrivals.lost) == (5, 2)
    assert arrivals.latency_ms == 20.0
    assert "nobody" in arrivals.line()
