"""The gate of the page with a real browser before it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from realtime.data import Motion
from realtime.sinks.page import WebPage
from realtime.web import gate
from tests.realtime.web.chromium import browser_tab, fed

MakeMotion = Callable[..., Motion]

ATTACK = """<script>
const socket = new WebSocket("ws://localhost:PORT", ["viser-vVERSION"]);
socket.onopen = () => document.title = "inside";
socket.onerror = () => document.title = "refused";
</script>"""


@contextmanager
def opened(host: str = "127.0.0.1") -> Iterator[WebPage]:
    """A page that is open inside the block."""
    page = WebPage(0, host=host, source="synthetic")
    page.open()
    try:
        yield page
    finally:
        page.close()


@contextmanager
def site(html: str) -> Iterator[str]:
    """Another web site on this machine; its address."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        thread.join()


def errors_of(tab: Any) -> list[str]:
    """Collects what goes wrong in a tab, breaches of the content policy among it."""
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on(
        "console",
        lambda message: (
            errors.append(message.text)
            if message.type == "error" and not message.location.get("url", "").startswith("blob:")
            else None
        ),
    )
    return errors


@pytest.mark.real
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_link_shows_the_run(motion_at: MakeMotion, host: str) -> None:
    """With the link the page works in a browser, reloading included, and the token leaves the address."""
    motions = [motion_at(seq) for seq in range(30)]
    with opened(host) as page, fed(page, motions), browser_tab(800, 600) as tab:
        errors = errors_of(tab)
        for address in (page.link, page.url):
            tab.goto(address)
            tab.wait_for_selector("canvas", timeout=20_000)
            tab.wait_for_selector("text=tracking", timeout=20_000)
            assert "token" not in tab.url
        assert not errors


@pytest.mark.real
def test_without_the_token_a_browser_gets_a_sentence(motion_at: MakeMotion) -> None:
    """It says where the link is to be found; nothing of the run is there."""
    with opened("0.0.0.0") as page, browser_tab(800, 600) as tab:
        tab.goto(page.url)
        assert "Open the link that the run printed" in tab.inner_text("body")
        assert not page.watched


@pytest.mark.real
def test_another_site_in_the_same_browser_stays_outside(motion_at: MakeMotion) -> None:
    """A script of a site elsewhere cannot open our WebSocket, not even in a browser that has the cookie."""
    import viser

    for host in ("127.0.0.1", "0.0.0.0"):
        with opened(host) as page, browser_tab(800, 600) as tab:
            tab.goto(page.link)
            tab.wait_for_selector("canvas", timeout=20_000)
            port = page.url.rpartition(":")[2]
            with site(ATTACK.replace("PORT", port).replace("VERSION", viser.__version__)) as address:
                tab.goto(address)
                tab.wait_for_function("document.title !== ''", timeout=10_000)
                assert tab.title() == "refused"


@pytest.mark.real
@pytest.mark.parametrize("policy", [False, True])
def test_scripts_of_the_page_reach_no_other_server(monkeypatch: pytest.MonkeyPatch, policy: bool) -> None:
    """Should a query that names another server slip through, the content policy keeps the client from it;
    without the policy the client does go there."""
    monkeypatch.setattr(gate, "FOREIGN_QUERIES", ())
    if not policy:
        monkeypatch.setattr(gate, "HEADERS", {})
    with socket.create_server(("127.0.0.1", 0)) as other, opened() as page, browser_tab(800, 600) as tab:
        other.settimeout(10 if not policy else 5)
        tab.goto(f"{page.url}/?websocket=ws://127.0.0.1:{other.getsockname()[1]}")
        if policy:
            with pytest.raises(TimeoutError):
                other.accept()
        else:
            other.accept()[0].close()
