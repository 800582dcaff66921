"""The page as a sink: ports, threads, visitors."""

from __future__ import annotations

import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import numpy as np
import psutil
import pytest
import viser
import zstandard
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from lifting.errors import SinkError
from realtime.data import Motion
from realtime.sinks.page import WebPage
from realtime.web.status import Facts

MakeMotion = Callable[..., Motion]
CAMERA = {
    "type": "ViewerCameraMessage", "wxyz": (1, 0, 0, 0), "position": (3, 2, 3), "fov": 0.7, "near": 0.1,
    "far": 100, "image_height": 720, "image_width": 1280, "look_at": (0, 1, 0), "up_direction": (0, 1, 0),
}  # fmt: skip


JPEG = b"\xff\xd8\xff"


def unpacked(message: str | bytes) -> bytes:
    """The readable part of one of viser's messages: two lengths, then msgpack under zstd."""
    assert isinstance(message, bytes)
    size = int.from_bytes(message[8:16], "little")
    return zstandard.ZstdDecompressor().decompress(message[16 : 16 + size])


@contextmanager
def opened(port: int = 0, **options: object) -> Iterator[WebPage]:
    """A page that is open inside the block."""
    page = WebPage(port, **options)  # type: ignore[arg-type]
    page.open()
    try:
        yield page
    finally:
        page.close()


def port_of(page: WebPage) -> int:
    """The port a page listens on."""
    return int(page.url.rpartition(":")[2])


@contextmanager
def visitor(
    page: WebPage, *, host: str = "127.0.0.1", origin: str | None = None
) -> Iterator[ClientConnection]:
    """A browser's connection to the page, under the name `host`."""
    port = port_of(page)
    sock = socket.create_connection(("127.0.0.1", port))
    protocol = f"viser-v{viser.__version__}"
    options = {
        "sock": sock,
        "subprotocols": [protocol],
        "origin": origin,
        "max_size": None,
        "close_timeout": 0.1,
    }
    with connect(f"ws://{host}:{port}", **options) as connection:  # type: ignore[arg-type]
        yield connection


def introduce(connection: ClientConnection, page: WebPage) -> None:
    """Say where the viewer's camera is, upon which viser counts the visitor."""
    connection.send(msgspec.msgpack.encode(CAMERA))
    deadline = time.monotonic() + 5
    while not page.watched:
        assert time.monotonic() < deadline, "the page never counted its visitor"
        time.sleep(0.01)


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_it_serves_its_client_on_loopback_only(motion_at: MakeMotion) -> None:
    """The browser part comes from the page's own port, which is bound to 127.0.0.1 and nothing else."""
    with opened() as page:
        with urllib.request.urlopen(page.url, timeout=5) as answer:
            assert b"<html" in answer.read().lower()
        listening = [
            c.laddr for c in psutil.Process().net_connections("tcp") if c.status == psutil.CONN_LISTEN
        ]
        assert {address.ip for address in listening if address.port == port_of(page)} == {"127.0.0.1"}


def test_it_restarts_on_its_port_without_leaving_threads(motion_at: MakeMotion) -> None:
    """Open, write, visit, close, three times on one port: quick, and as many threads after as before."""
    port = free_port()
    with opened(port) as page:
        page.write(motion_at(0))
    before = threading.active_count()
    for _ in range(3):
        with opened(port) as page:
            with visitor(page) as connection:
                introduce(connection, page)
                page.write(motion_at(1))
            begin = time.monotonic()
            page.close()
            page.close()
        assert time.monotonic() - begin < 0.5
    deadline = time.monotonic() + 3
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert threading.active_count() <= before


def test_a_taken_port_is_named_with_the_way_out() -> None:
    """The error names the port and the option that changes it; nothing keeps listening next door."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = int(other.getsockname()[1])
        with pytest.raises(SinkError, match=rf"Port {port} .* --web-port {port + 1}"):
            WebPage(port).open()


def test_writing_to_a_closed_page_is_an_error(motion_at: MakeMotion) -> None:
    """A frame for a page that is not open is refused in words."""
    with pytest.raises(SinkError, match="closed"):
        WebPage(0).write(motion_at(0))


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str], motion_at: MakeMotion) -> None:
    """Standard output and error belong to the program, also when a page stops with a visitor on it."""
    with opened() as page, visitor(page) as connection:
        introduce(connection, page)
        page.write(motion_at(0))
        page.close()
    assert capfd.readouterr() == ("", "")


def test_a_visitor_gets_figure_picture_and_text(motion_at: MakeMotion) -> None:
    """Joints, JPEG and status reach a visitor; without one, nothing is drawn at all."""
    asked = []
    with opened(source="walk.mp4", facts=lambda: asked.append(1) or Facts({"zmq": 5})) as page:
        page.write(motion_at(0))
        assert not asked
        with visitor(page) as connection:
            introduce(connection, page)
            page.write(motion_at(1))
            parts = {b"batched_positions", JPEG, b"walk.mp4", b"zmq <b>5</b>"}
            deadline = time.monotonic() + 5
            while parts and time.monotonic() < deadline:
                text = unpacked(connection.recv(timeout=5))
                parts = {part for part in parts if part not in text}
        assert not parts
        assert asked


@pytest.mark.parametrize(
    ("host", "origin"),
    [("evil.example", None), ("evil.example", "http://evil.example"), ("127.0.0.1", "http://evil.example")],
)
def test_strangers_are_turned_away_before_anything_is_sent(
    motion_at: MakeMotion, host: str, origin: str | None
) -> None:
    """A foreign Host or Origin is refused before the WebSocket opens, so not one message of ours goes out."""
    with opened() as page:
        page.write(motion_at(0))
        with pytest.raises(InvalidStatus) as refused, visitor(page, host=host, origin=origin):
            pass
        assert refused.value.response.status_code == 403


def test_the_pages_own_script_is_let_in(motion_at: MakeMotion) -> None:
    """A browser on this machine sends the page's own Origin and gets the scene."""
    with (
        opened() as page,
        visitor(page, host="localhost", origin=f"http://localhost:{port_of(page)}") as mine,
    ):
        assert len(mine.recv(timeout=5)) > 100


def test_a_visitor_who_does_not_read_blocks_nobody(motion_at: MakeMotion) -> None:
    """A visitor that takes nothing off the wire slows neither writing nor closing."""
    noisy = np.random.default_rng(0).integers(0, 255, (360, 640, 3), np.uint8)  # JPEG cannot shrink this
    motions = [motion_at(seq, image=noisy) for seq in range(120)]
    with opened() as page, visitor(page) as connection:
        introduce(connection, page)
        times_ms, growth = [], psutil.Process().memory_info().rss
        for motion in motions:
            page._due_ns = dict.fromkeys(page._due_ns, 0)  # every frame in full: 120 pictures of 150 kB
            begin = time.perf_counter()
            page.write(motion)
            times_ms.append((time.perf_counter() - begin) * 1e3)
        growth = psutil.Process().memory_info().rss - growth
        begin = time.monotonic()
        page.close()
        assert time.monotonic() - begin < 0.5
    assert np.percentile(times_ms, 99) < 150
    assert growth < 60 << 20


def test_a_latecomer_sees_the_last_frame(motion_at: MakeMotion) -> None:
    """Whoever opens the page after the last frame still gets it."""
    asked = threading.Event()
    with opened(facts=lambda: asked.set() or Facts()) as page:
        page.write(motion_at(0))
        with visitor(page) as connection:
            introduce(connection, page)
            assert asked.wait(5)
