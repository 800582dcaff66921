"""The gate of the page, knocked at with real HTTP and WebSocket clients."""

from __future__ import annotations

import asyncio
import http.client
import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import pytest
import viser
from websockets.asyncio import server as websockets_server
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from realtime.sinks.page import WebPage
from realtime.web import gate
from realtime.web.server import PageServer
from tests.realtime.web.test_page import CAMERA


@contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[PageServer]:
    """A page's server on a port of the system's choice."""
    server = PageServer(host, 0, "test")
    try:
        yield server
    finally:
        server.close()


def get(server: PageServer, path: str = "/", **headers: str) -> http.client.HTTPResponse:
    """A plain request, with exactly these headers beside those of http.client; its body is read already."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", path, headers={key.replace("_", "-"): value for key, value in headers.items()})
    answer = connection.getresponse()
    answer.body = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


def knock(server: PageServer, path: str = "", host: str = "127.0.0.1", **headers: str) -> ClientConnection:
    """A WebSocket under the name `host`, with more headers."""
    return connect(
        f"ws://{host}:{server.port}/{path}",
        sock=socket.create_connection(("127.0.0.1", server.port)),
        subprotocols=[f"viser-v{viser.__version__}"],  # type: ignore[list-item]
        additional_headers=headers,
        max_size=None,
        close_timeout=0.1,
    )


def status(server: PageServer, path: str = "", host: str = "127.0.0.1", **headers: str) -> int:
    """101 when the WebSocket opens, else the status that refuses it."""
    try:
        knock(server, path, host, **headers).close()
    except InvalidStatus as refused:
        return refused.response.status_code
    return 101


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "localhost.evil.example", "10.1.2.3", ""]
)
def test_other_names_get_nothing_over_http(host: str) -> None:
    """A name pointed at 127.0.0.1 (DNS rebinding) gets no page, only a refusal."""
    with serving() as server:
        refused = get(server, Host=host)
        assert refused.status == 403
        assert b"<html" not in refused.body.lower()  # type: ignore[attr-defined]
        assert get(server).status == 200


def exhaust(visitor: ClientConnection) -> None:
    """Read until the connection closes."""
    while True:
        visitor.recv(timeout=5)


def test_foreign_sites_get_nothing() -> None:
    """Over HTTP and over WebSocket, an Origin that is not the page's own is refused."""
    with serving() as server:
        own = f"http://127.0.0.1:{server.port}"
        for origin, admitted in ((own, True), ("http://evil.example", False), ("null", False)):
            assert get(server, Origin=origin).status == (200 if admitted else 403)
            assert status(server, Origin=origin) == (101 if admitted else 403)
        assert status(server, host="evil.example") == 403


def test_repeated_headers_are_refused() -> None:
    """Two Hosts, of which one is right, are nobody's."""
    with serving() as server, socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n")
        assert raw.recv(4096).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "query", ["websocket=ws://evil.example", "a=1&playbackPath=http://evil.example/x.viser"]
)
def test_the_page_obeys_no_other_server(query: str) -> None:
    """viser's client would take its orders, scripts too, from where these queries point."""
    with serving() as server:
        assert get(server, f"/?{query}").status == 403
        assert "connect-src 'self'" in get(server, "/?initialCameraFov=1").headers["Content-Security-Policy"]


def test_on_loopback_no_token_is_needed() -> None:
    """The link is the address; a browser on this machine needs nothing else."""
    with serving() as server:
        assert server.token == ""
        assert server.link == server.url
        assert get(server).status == 200
        assert status(server) == 101


def test_beyond_this_machine_a_token_is_needed() -> None:
    """Without it, with a wrong one and with an empty one, neither page nor WebSocket is there."""
    with serving("0.0.0.0") as server:
        assert len(server.token) >= 32
        for token in ("", "x", server.token[:-1], server.token + "x", "%ff%00", "%C3%BC"):
            assert get(server, f"/?token={token}").status == 403
            assert status(server, f"?token={token}") == 403
            assert get(server, Cookie=f"sealcap-{server.port}={token}").status == 403
        assert get(server, Cookie=f"sealcap-{server.port}=\xff\xfc;;=;").status == 403
        assert get(server, "/?" + "a=1&" * 99 + f"token={server.token}").status == 403
        assert get(server).status == status(server) == 403


def test_the_link_opens_the_page() -> None:
    """The token becomes a cookie that scripts cannot read and leaves the address; with it all doors open."""
    with serving("0.0.0.0") as server:
        path = server.link.partition(str(server.port))[2]
        first = get(server, path)
        assert (first.status, first.headers["Location"]) == (303, "/")
        cookie = first.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        pair = cookie.partition(";")[0]
        assert get(server, Cookie=pair).status == 200
        assert status(server, Cookie=pair) == 101
        assert status(server, path.removeprefix("/")) == 101  # a program without cookies
        assert status(server, Cookie=pair, Origin="http://evil.example") == 403
        assert status(server, host="evil.example", Cookie=pair) == 403


def test_each_page_has_its_own_token() -> None:
    """Tokens of one run open no other."""
    with serving("0.0.0.0") as one, serving("0.0.0.0") as two:
        assert one.token != two.token
        assert get(two, f"/?token={one.token}").status == 403


def test_the_token_is_in_no_log_and_no_name(caplog: pytest.LogCaptureFixture) -> None:
    """Counters, messages and warnings show the address without it."""
    page = WebPage(0, host="0.0.0.0")
    with caplog.at_level(logging.DEBUG):
        page.open()
        try:
            server = page._server
            assert server is not None
            get(server, f"/?token={server.token}")
            get(server, f"/?token={server.token}", Host="evil.example")
            assert server.token not in page.name + page.url
            assert server.token in page.link
        finally:
            page.close()
    assert server.token not in caplog.text
    assert "refused a connection" in caplog.text


def test_large_messages_end_the_visit() -> None:
    """What is larger than any click or camera closes the connection instead of filling memory."""
    with serving() as server, knock(server) as visitor:
        visitor.send(b"x" * (gate.MAX_MESSAGE_BYTES + 1))
        with pytest.raises(ConnectionClosed) as closed:
            exhaust(visitor)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


def test_a_flood_is_paced() -> None:
    """Who sends far too much is read at the rate allowed, no faster."""
    taken: list[float] = []
    with serving() as server, knock(server) as visitor:
        from viser import _messages

        server.viser._websock_server.register_handler(
            _messages.CommandTriggerMessage, lambda *_: taken.append(time.monotonic())
        )
        order = msgspec.msgpack.encode({"type": "CommandTriggerMessage", "uuid": "x"})
        begin = time.monotonic()
        for _ in range(1000):
            visitor.send(order)
        time.sleep(1.0)
        count, passed = len(taken), time.monotonic() - begin
    assert gate.BURST <= count <= gate.BURST + gate.MESSAGES_PER_S * passed + 1


def test_visitors_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than allowed is told to come later, and let in once somebody has gone."""
    monkeypatch.setattr(gate, "MAX_VISITORS", 2)
    with serving() as server:
        first, second = knock(server), knock(server)
        assert status(server) == 503
        first.close()
        deadline = time.monotonic() + 5
        while (code := status(server)) != 101 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert code == 101
        second.close()


def test_visitors_cannot_order_a_tunnel_or_send_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """viser would open a tunnel to the internet, and keep files, at any visitor's word; ours does not."""
    from viser import _messages

    with serving() as server, knock(server) as visitor:
        asked: list[str] = []
        monkeypatch.setattr(server.viser, "request_share_url", lambda: asked.append("tunnel"))
        button = server.viser.gui.add_button("any")
        upload = {
            "type": "FileTransferStartUpload", "source_component_uuid": button._impl.uuid,
            "transfer_uuid": "t", "filename": "f", "mime_type": "x", "part_count": 9, "size_bytes": 9,
        }  # fmt: skip
        heard: list[object] = []
        server.viser._websock_server.register_handler(
            _messages.CommandTriggerMessage, lambda *_: heard.append(1)
        )
        for order in ({"type": "ShareUrlRequest"}, upload, {"type": "CommandTriggerMessage", "uuid": "x"}):
            visitor.send(msgspec.msgpack.encode(order))
        deadline = time.monotonic() + 5
        while not heard and time.monotonic() < deadline:
            time.sleep(0.02)
        assert heard
        time.sleep(0.1)
        assert not asked
        assert not server.viser.gui._current_file_upload_states


def test_visitors_change_values_and_nothing_else_of_a_control() -> None:
    """Who writes into a button's state would take it from everybody: an emergency stop that does nothing."""
    with serving() as server, knock(server) as visitor:
        pressed: list[bool] = []
        button, slider = (
            server.viser.gui.add_button("stop"),
            server.viser.gui.add_slider("far", 0.0, 1.0, 0.1, 0.5),
        )
        button.on_click(lambda _event: pressed.append(True))
        visitor.send(msgspec.msgpack.encode(CAMERA))  # only then viser counts somebody in
        deadline = time.monotonic() + 5
        while not server.watched and time.monotonic() < deadline:
            time.sleep(0.02)

        def order(uuid: str, **updates: object) -> None:
            visitor.send(
                msgspec.msgpack.encode({"type": "GuiUpdateMessage", "uuid": uuid, "updates": updates})
            )

        for updates in ({"update_cb": []}, {"removed": True}, {"value": True, "is_button": False}, {}):
            order(button._impl.uuid, **updates)
        order(button._impl.uuid, value=True)
        order(slider._impl.uuid, value=0.7)
        while (not pressed or slider.value != 0.7) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert pressed == [True]
        assert slider.value == 0.7


def test_other_websocket_servers_are_left_alone() -> None:
    """Only viser's server is gated, and only while a page starts."""

    async def ungated() -> None:
        async def handler(_connection: ServerConnection) -> None: ...

        async with websockets_server.serve(handler, "127.0.0.1", 0) as server:
            assert server.process_request is None

    plain: Callable[..., object] = websockets_server.serve
    guard = gate.Gate("127.0.0.1")
    with gate.gated(guard):
        assert websockets_server.serve is not plain
        asyncio.run(ungated())
    assert websockets_server.serve is plain
    assert not guard.stands
