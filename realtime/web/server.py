"""The viser server behind the page: bound where we say, guarded, silent, and gone when closed."""

from __future__ import annotations

import errno
import logging
import os
import socket
import sys
import threading
from typing import Any

from lifting.errors import SinkError

log = logging.getLogger(__name__)

POLITE_STOP_S = 0.25
"""How long browsers get to say goodbye before their connections are cut."""
HARD_STOP_S = 0.2


class PageServer:
    """A running viser server; `viser` is its handle."""

    def __init__(self, host: str, port: int, title: str) -> None:
        """Listen at once. Port 0 lets the system choose; `port` tells which it became.

        Raises SinkError when the port is taken or not allowed.
        """
        _require_free(host, port)
        import viser

        from realtime.web.gate import Gate, gated, switch_off_orders

        _mute_viser()
        self.host = host
        gate = Gate(host)
        self.token = gate.token
        """What a visitor from another machine must show; empty on loopback."""
        with gated(gate):
            self.viser: Any = viser.ViserServer(host=host, port=port, label=title, verbose=False)
        self.port: int = self.viser.get_port()
        if not gate.stands:
            self.close()
            raise SinkError(
                f"The page cannot be guarded with viser {viser.__version__}. "
                "Install the one we know: pip install 'viser==1.1.*'"
            )
        switch_off_orders(self.viser)
        if port and self.port != port:
            # viser moves to the next free port by itself; a page nobody finds is no page.
            self.close()
            raise _taken(host, port)

    @property
    def link(self) -> str:
        """`url` with the token: all that a browser on this machine needs. Print it once, log it never."""
        return f"{self.url}/?token={self.token}" if self.token else self.url

    @property
    def url(self) -> str:
        """Where the page is for browsers on this machine."""
        name = "localhost" if self.host in ("127.0.0.1", "0.0.0.0", "::", "::1") else self.host
        return f"http://{name}:{self.port}"

    @property
    def watched(self) -> bool:
        """True while a browser shows the page."""
        return bool(self.viser.get_clients())

    def close(self) -> None:
        """Stop listening and cut what is connected, within half a second."""
        stopper = threading.Thread(target=self.viser.stop, name="page-stop", daemon=True)
        stopper.start()
        stopper.join(POLITE_STOP_S)
        if stopper.is_alive():
            self._cut_connections()
            stopper.join(HARD_STOP_S)

    def _cut_connections(self) -> None:
        websockets = self.viser._websock_server
        for connection in tuple(websockets._live_connections.values()):
            try:
                websockets._background_event_loop.call_soon_threadsafe(connection.transport.abort)
            except RuntimeError:
                return  # the loop ended meanwhile, and every connection with it


def probe(host: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> None:
    """Bind to an address and let go again. Raises OSError when that is not possible."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=kind)[0]
    with socket.socket(family, kind, protocol) as trial:
        # The same rule asyncio listens by: a port in TIME_WAIT is free, except that on Windows this option
        # would let two programs share it, as it would for UDP anywhere.
        if os.name == "posix" and kind == socket.SOCK_STREAM:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(address)
        if kind == socket.SOCK_STREAM:
            trial.listen()


def _require_free(host: str, port: int) -> None:
    try:
        probe(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise _taken(host, port) from error
        raise SinkError(
            f"The web page cannot listen on {host} port {port}: {error.strerror}. "
            "Choose another port with --web-port, or run without a page: --headless."
        ) from error


def _taken(host: str, port: int) -> SinkError:
    return SinkError(
        f"Port {port} on {host} is taken by another program. "
        f"Choose another for the web page, for example --web-port {port + 1 if port < 65535 else 8080}."
    )


def _mute_viser() -> None:
    """Send what viser prints to the log: standard output belongs to the program.

    viser announces its stop and refused versions through `rich.print` and has no switch for that.
    """
    import rich

    spoken = rich.print
    if getattr(spoken, "mutes_viser", False):
        return

    def selective_print(*objects: Any, **options: Any) -> None:
        if sys._getframe(1).f_globals.get("__name__", "").startswith("viser."):
            log.debug("%s", " ".join(map(str, objects)))
        else:
            spoken(*objects, **options)

    selective_print.mutes_viser = True  # type: ignore[attr-defined]
    rich.print = selective_print
    # A stranger that speaks no HTTP would otherwise leave a traceback in the terminal.
    logging.getLogger("websockets.server").setLevel(logging.CRITICAL)
