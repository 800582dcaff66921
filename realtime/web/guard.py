"""Who may talk to a page that listens on this machine.

A web site open in the same browser can reach loopback too: by opening a WebSocket to it (then its Origin
is foreign) or by pointing its own name at 127.0.0.1 (DNS rebinding; then the Host is foreign).
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from realtime.exposure import is_loopback

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def admits(bound_host: str, host: str | None, origin: str | None) -> bool:
    """Whether a request with these `Host` and `Origin` headers may talk to a server bound to `bound_host`.

    On loopback the Host must be a name of loopback; on other addresses it must be an address or this
    machine's name, because only a name can be rebound. A browser's Origin must be the page itself;
    programs that are no browsers send none.
    """
    name = _name(host)
    if name is None or not _known_name(bound_host, name):
        return False
    if origin is None:
        return True
    return _netloc(origin) == (host or "").strip().lower()


def _known_name(bound_host: str, name: str) -> bool:
    if name in LOCAL_NAMES or name == bound_host.lower():
        return True
    if is_loopback(bound_host):
        return False
    own = socket.gethostname().lower()
    return _is_address(name) or name in (own, f"{own}.local")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _name(host: str | None) -> str | None:
    try:
        parts = urlsplit(f"//{(host or '').strip()}")
        _ = parts.port  # raises where something else than a number follows the colon
    except ValueError:
        return None
    return parts.hostname


def _netloc(origin: str) -> str | None:
    try:
        parts = urlsplit(origin.strip())
    except ValueError:
        return None
    return parts.netloc.lower() if parts.scheme in ("http", "https") and parts.netloc else None
