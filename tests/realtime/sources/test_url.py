"""Streams from a real HTTP server: freshness, reconnection, bad addresses."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from lifting.errors import SourceError
from realtime.sources import live
from realtime.sources.url import OPTIONS_VARIABLE, UrlSource
from tests.realtime.servers import MjpegServer, read_number, write_number
from tests.realtime.sources.videos import numbered, write_video


def test_numbers_survive_compression() -> None:
    """The server's numbers can be read back from every picture."""
    for number in (0, 1, 255, 256, 43690, 65535):
        assert read_number(write_number(np.full((64, 272, 3), 90, np.uint8), number)) == number


def test_every_frame_arrives_fresh() -> None:
    """At 30 fps nothing is lost, and a frame is out of the decoder within a frame of being sent."""
    with MjpegServer(30) as server, UrlSource(server.url) as source:
        numbers, ages_ms = [], []
        for frame in source.frames():
            numbers.append(read_number(frame.image))
            ages_ms.append((time.monotonic_ns() - server.sent_ns[numbers[-1]]) / 1e6)
            if len(numbers) == 60:
                break
    assert np.median(ages_ms[10:]) < 1000 / 30
    assert np.diff(numbers).min() >= 1, "never an older one"
    assert np.median(np.diff(numbers)) == 1
    assert source.live
    assert OPTIONS_VARIABLE not in os.environ


def test_a_stalled_reader_is_at_most_one_frame_behind() -> None:
    """Nothing queues while nobody reads: the next frame is the present one, and the rest are counted."""
    with MjpegServer(30) as server, UrlSource(server.url) as source:
        frames = source.frames()
        next(frames)
        time.sleep(1.5)
        behind = []
        for frame, _ in zip(frames, range(5), strict=False):
            behind.append(max(server.sent_ns) - read_number(frame.image))
        assert max(behind) <= 1
        assert source.missed >= 30


def test_a_restarted_server_is_found_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When the sender goes and comes back on the same port, frames go on; both are said once."""
    monkeypatch.setattr(live, "BACKOFF_S", (0.05, 0.2))
    server = MjpegServer(30)
    with caplog.at_level(logging.WARNING), UrlSource(server.url) as source:
        frames = source.frames()
        next(frames)
        server.stop()
        time.sleep(0.6)
        before = time.monotonic_ns()
        with MjpegServer(30, (640, 480), port=server.port):
            frame = next(f for f in frames if f.received_ns > before)
    assert frame.size == (640, 480)
    said = [r.getMessage() for r in caplog.records]
    assert len(said) == 2
    assert "is gone" in said[0]
    assert "is back" in said[1]


def test_dropped_connections_and_new_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection cut by the sender is made again, and the new picture size is taken."""
    monkeypatch.setattr(live, "BACKOFF_S", (0.05, 0.2))
    with MjpegServer(30) as server, UrlSource(server.url) as source:
        frames = source.frames()
        next(frames)
        server.size = (480, 320)
        server.drop_connections()
        assert next(f for f in frames if f.size == (480, 320))


def test_close_ends_a_silent_stream() -> None:
    """While the sender is silent, close() from another thread ends frames() within half a second."""
    with MjpegServer(30) as server:
        source = UrlSource(server.url, read_timeout_s=1.0)
        ended = threading.Event()

        def read() -> None:
            for _ in source.frames():
                pass
            ended.set()

        thread = threading.Thread(target=read)
        thread.start()
        server.stall()
        time.sleep(0.3)
        source.close()
        assert ended.wait(0.5)
        thread.join()
        deadline = time.monotonic() + 3
        while (
            any(t.name.startswith("read http") for t in threading.enumerate()) and time.monotonic() < deadline
        ):
            time.sleep(0.02)
        assert not any(t.name.startswith("read http") for t in threading.enumerate()), "a thread is left"


def test_nobody_there_is_an_error() -> None:
    """A port without a server: an error that names the address, without the password in it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(SourceError, match=rf"http://127\.0\.0\.1:{port}/video") as error:
        UrlSource(f"http://user:secret@127.0.0.1:{port}/video?token=hidden")
    assert "secret" not in str(error.value)
    assert "hidden" not in str(error.value)


@pytest.mark.parametrize(
    "url", ["ftp://host/a", "http://", "rtsp:///path", "http://[::1", "http://h:99999999/a"]
)
def test_malformed_addresses_are_refused(url: str) -> None:
    """What cannot be a stream is refused with an example of one that can."""
    with pytest.raises(SourceError, match=r"no stream address.*rtsp://HOST"):
        UrlSource(url)


def test_a_file_over_http_is_no_live_stream(tmp_path: Path) -> None:
    """A finished video behind an address: the message says to download it."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def copyfile(self, source: object, outputfile: object) -> None:
            with contextlib.suppress(OSError):  # the reader hangs up early
                super().copyfile(source, outputfile)  # type: ignore[arg-type]

    write_video(tmp_path / "a.mp4", numbered(20))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        with pytest.raises(SourceError, match="recording, not a live stream"):
            UrlSource(f"http://127.0.0.1:{server.server_address[1]}/a.mp4")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
