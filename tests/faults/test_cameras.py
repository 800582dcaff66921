"""Network cameras that stall, send garbage, never answer, or answer with something else."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler

import pytest

from lifting.errors import SourceError
from realtime.sources import live
from realtime.sources.url import UrlSource
from tests.realtime.servers import MjpegServer


class MoodyServer(MjpegServer):
    """A camera that sends noise in place of pictures while `garbage` is set."""

    def __init__(self, fps: float = 30.0) -> None:
        self.garbage = threading.Event()
        super().__init__(fps)

    def _send(self, request: BaseHTTPRequestHandler, number: int) -> bool:
        if not self.garbage.is_set():
            return super()._send(request, number)
        try:
            request.wfile.write(
                b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 4000\r\n\r\n" + os.urandom(4000)
            )
        except OSError:
            return False
        return True


def next_after(source: UrlSource, moment_ns: int, seconds: float) -> float:
    """Seconds until a frame comes that was received after `moment_ns`; fails after `seconds`."""
    begin = time.monotonic()
    watchdog = threading.Timer(seconds, source.close)
    watchdog.start()
    try:
        for frame in source.frames():
            if frame.received_ns > moment_ns:
                return time.monotonic() - begin
    finally:
        watchdog.cancel()
    pytest.fail(f"no frame came within {seconds} s")


def test_a_camera_that_sends_garbage_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise is no picture and ends nothing; pictures go on when the camera does."""
    monkeypatch.setattr(live, "BACKOFF_S", (0.05, 0.2))
    with MoodyServer() as server, UrlSource(server.url) as source:
        assert next(source.frames()).size == server.size
        server.garbage.set()
        time.sleep(1.0)
        server.garbage.clear()
        assert next_after(source, time.monotonic_ns() + 200_000_000, 10) < 10


def test_a_camera_that_stalls_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A second of silence is said once; the first frame afterwards is a fresh one."""
    monkeypatch.setattr(live, "BACKOFF_S", (0.05, 0.2))
    with MjpegServer(30) as server, UrlSource(server.url, stall_s=0.3) as source:
        next(source.frames())
        server.stall()

        def wake() -> None:
            time.sleep(1.0)
            server.stall(False)

        waker = threading.Thread(target=wake)
        waker.start()
        time.sleep(0.2)
        assert next_after(source, time.monotonic_ns(), 10) < 5
        waker.join()
    said = [r.getMessage() for r in caplog.records if "stopped delivering" in r.getMessage()]
    assert len(said) == 1


@contextmanager
def server_that(answer: bytes | None) -> Iterator[int]:
    """Accepts connections; answers with these bytes over and over, or with nothing at all."""
    done = threading.Event()
    clients: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)

    def serve() -> None:
        while not done.is_set():
            try:
                client, _ = listener.accept()
            except TimeoutError:
                continue
            client.settimeout(0.05)
            clients.append(client)
            threading.Thread(target=feed, args=(client,), daemon=True).start()

    def feed(client: socket.socket) -> None:
        with suppress(OSError):
            while answer is not None and not done.wait(0.01):
                client.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        done.set()
        thread.join()
        listener.close()
        for client in clients:
            client.close()


@pytest.mark.parametrize(
    "answer",
    [None, b"HTTP/1.0 200 OK\r\n", b"X-Endless: header\r\n", b"HTTP/1.0 200 OK\r\n\r\n<html>hello</html>"],
    ids=["silent", "never ends its head", "no HTTP at all", "a web page"],
)
def test_an_address_that_is_no_camera(answer: bytes | None) -> None:
    """Whatever answers, or does not: an error in words within the time allowed."""
    begin = time.monotonic()
    with server_that(answer) as port, pytest.raises(SourceError, match="No live stream comes from"):
        UrlSource(f"http://127.0.0.1:{port}/video", open_timeout_s=1.0, read_timeout_s=1.0, start_s=3.0)
    assert time.monotonic() - begin < 6
