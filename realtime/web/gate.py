"""The gate of the page: every request passes it before viser, which has none, sees it.

Host and Origin are judged by `realtime.web.guard`. A page that other machines can reach also wants a token:
the link printed at the start carries it, the answer puts it into a cookie of the browser and takes it out of
the address. What comes in over a WebSocket is small and paced, and what viser would do at a visitor's word
beyond this page (open a tunnel to the internet, take in files) is off.

viser starts its server inside its own thread and offers no way to look at requests. So for the moment of the
start the function it calls, `websockets.asyncio.server.serve`, is ours: nothing listens without the gate.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio import server as websockets_server
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from realtime.exposure import is_loopback
from realtime.web.guard import admits
from realtime.web.pace import Pace

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 1 << 16
"""Of what a visitor sends; cameras and clicks have a few hundred bytes."""
MESSAGES_PER_S, BURST = 200.0, 400.0
MAX_VISITORS = 16
"""Each costs a stream of pictures."""
LOG_PERIOD_S = 5.0
MAX_QUERIES = 16
FOREIGN_QUERIES = ("websocket", "playbackPath")
"""With these in the address, viser's client would obey another server."""
HEADERS = {
    # Scripts of the page talk to this server alone, and nobody shows the page inside another one.
    "Content-Security-Policy": "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "connect-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_starting = threading.Lock()

Handle = Callable[[ServerConnection, Request], Response | None]


class Gate:
    """Decides about requests to a page bound to `host`."""

    def __init__(self, host: str) -> None:
        self._host = host
        self.token = "" if is_loopback(host) else secrets.token_urlsafe(24)
        """What a visitor must show; empty on loopback, where Host and Origin do."""
        self.stands = False
        """True once the server asks it."""
        self._log_again_s = 0.0

    def guarded(self, inner: Handle) -> Handle:
        """`inner` (viser's own answers) for requests that may pass."""

        def process(connection: ServerConnection, request: Request) -> Response | None:
            response = self._verdict(connection, request) or inner(connection, request)
            if response is not None:
                response.headers.update(HEADERS)
            return response

        return process

    def _verdict(self, connection: ServerConnection, request: Request) -> Response | None:
        """None lets the request pass."""
        # A repeated header would be ambiguous: joined, it matches no allowed name.
        host, origin = (", ".join(request.headers.get_all(key)) or None for key in ("Host", "Origin"))
        if not admits(self._host, host, origin):
            self._complain(connection, f"Host {host!r}, Origin {origin!r}")
            return _answer(HTTPStatus.FORBIDDEN, "This page is not for other sites.")
        query = _query(request)
        if query is None or any(name in query for name in FOREIGN_QUERIES):
            return _answer(HTTPStatus.FORBIDDEN, "This page shows nothing but its own run.")
        if self.token:
            refusal = self._check_token(connection, request, query)
            if refusal is not None:
                return refusal
        if _is_websocket(request) and len(connection.server.connections) >= MAX_VISITORS:
            return _answer(HTTPStatus.SERVICE_UNAVAILABLE, "Too many are looking already.")
        return None

    def _check_token(
        self, connection: ServerConnection, request: Request, query: dict[str, list[str]]
    ) -> Response | None:
        cookie = f"sealcap-{connection.local_address[1]}"
        if self._is_token(query.get("token", [""])[0]):
            return None if _is_websocket(request) else _welcome(cookie, self.token)
        if self._is_token(_cookie(request, cookie)):
            return None
        self._complain(connection, "no token")
        return _answer(HTTPStatus.FORBIDDEN, "Open the link that the run printed: it ends in ?token=...")

    def _is_token(self, shown: str) -> bool:
        return hmac.compare_digest(shown.encode(errors="replace"), self.token.encode())

    def _complain(self, connection: ServerConnection, why: str) -> None:
        """Once in a while: strangers may knock as often as they like."""
        now_s = time.monotonic()
        if now_s >= self._log_again_s:
            self._log_again_s = now_s + LOG_PERIOD_S
            log.warning(
                "refused a connection to the page from %s: %s", connection.remote_address[0], why[:200]
            )


class PacedConnection(ServerConnection):
    """Takes messages no faster than a person makes them; who sends more waits, by TCP's own means."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._pace = Pace(MESSAGES_PER_S, BURST)

    async def recv(self, decode: bool | None = None) -> Any:
        """As in the base class, after a pause where too much came."""
        message = await super().recv(decode)
        pause_s = self._pace.take(time.monotonic())
        if pause_s > 0:
            await asyncio.sleep(pause_s)
        return message


@contextmanager
def gated(gate: Gate) -> Iterator[None]:
    """Inside, a viser server that starts has the gate before it."""
    with _starting:
        plain: Any = websockets_server.serve

        def serve(handler: Any, *args: Any, **options: Any) -> Any:
            if handler.__module__.startswith("viser."):
                options["process_request"] = gate.guarded(options["process_request"])
                options |= {"max_size": MAX_MESSAGE_BYTES, "create_connection": PacedConnection}
                gate.stands = True
            return plain(handler, *args, **options)

        websockets_server.serve = serve  # type: ignore[assignment, misc]
        try:
            yield
        finally:
            websockets_server.serve = plain  # type: ignore[misc]


def switch_off_orders(viser: Any) -> None:
    """Leave out what any visitor could otherwise order: a public tunnel to this page, files to be kept, and
    to change of a control more than its value, such as what its button does."""
    from viser import _messages

    for order in (
        _messages.ShareUrlRequest,
        _messages.ShareUrlDisconnect,
        _messages.FileTransferStartUpload,
        _messages.FileTransferPart,
    ):
        viser._websock_server.unregister_handler(order)
    _take_values_only(viser, _messages.GuiUpdateMessage)


def _take_values_only(viser: Any, update: Any) -> None:
    """viser writes whatever a visitor names into the control's own state."""
    inner = viser.gui._handle_gui_updates

    async def take(client_id: int, message: Any) -> None:
        if message.updates.keys() == {"value"}:
            await inner(client_id, message)

    viser._websock_server.unregister_handler(update)
    viser._websock_server.register_handler(update, take)


def _welcome(cookie: str, token: str) -> Response:
    """Keep the token in the browser and take it out of its address line and history."""
    headers = Headers()
    headers["Location"] = "/"
    # Lax, not Strict: whoever follows the link out of a mail would else arrive without the cookie.
    headers["Set-Cookie"] = f"{cookie}={token}; Path=/; HttpOnly; SameSite=Lax"
    headers["Cache-Control"] = "no-store"
    headers["Content-Length"] = "0"
    headers["Connection"] = "close"
    return Response(HTTPStatus.SEE_OTHER, "See Other", headers, b"")


def _answer(status: HTTPStatus, text: str) -> Response:
    body = f"{text}\n".encode()
    headers = Headers()
    headers["Content-Type"] = "text/plain; charset=utf-8"
    headers["Content-Length"] = str(len(body))
    headers["Connection"] = "close"
    return Response(status, status.phrase, headers, body)


def _query(request: Request) -> dict[str, list[str]] | None:
    """What follows the `?`; None where it cannot be read."""
    try:
        return parse_qs(urlsplit(request.path).query, max_num_fields=MAX_QUERIES)
    except ValueError:
        return None


def _is_websocket(request: Request) -> bool:
    return ", ".join(request.headers.get_all("Upgrade")).lower() == "websocket"


def _cookie(request: Request, name: str) -> str:
    try:
        morsel = SimpleCookie("; ".join(request.headers.get_all("Cookie"))).get(name)
    except CookieError:
        return ""
    return morsel.value if morsel else ""
