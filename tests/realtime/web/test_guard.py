"""Who may talk to the page."""

from __future__ import annotations

import pytest

from realtime.exposure import is_loopback
from realtime.web.guard import admits

ROWS = [
    # bound to, Host, Origin, admitted
    ("127.0.0.1", "localhost:8080", "http://localhost:8080", True),
    ("127.0.0.1", "127.0.0.1:8080", "http://127.0.0.1:8080", True),
    ("127.0.0.1", "127.0.0.1:8080", None, True),  # a program, not a browser
    ("127.0.0.1", "LOCALHOST:8080", "http://localhost:8080", True),
    ("::1", "[::1]:8080", "http://[::1]:8080", True),
    ("127.0.0.1", "localhost:9000", "http://localhost:9000", True),  # an SSH tunnel on another port
    ("127.0.0.1", "localhost:8080", "http://evil.example", False),  # a site calls across
    ("127.0.0.1", "evil.example:8080", "http://evil.example:8080", False),  # DNS rebinding
    ("127.0.0.1", "localhost.evil.example", None, False),
    ("127.0.0.1", "192.168.0.5:8080", "http://192.168.0.5:8080", False),
    ("127.0.0.1", "localhost:8080", "http://localhost:3000", False),  # another local site
    ("127.0.0.1", "localhost:8080", "null", False),  # a sandboxed frame or a local file
    ("127.0.0.1", "localhost:8080", "file://localhost:8080", False),
    ("127.0.0.1", None, None, False),
    ("127.0.0.1", "", None, False),
    ("127.0.0.1", "[", None, False),
    ("127.0.0.1", "localhost:8080, evil.example", None, False),
    ("0.0.0.0", "192.168.0.5:8080", "http://192.168.0.5:8080", True),
    ("0.0.0.0", "evil.example:8080", "http://evil.example:8080", False),
    ("0.0.0.0", "192.168.0.5:8080", "http://evil.example", False),
]


@pytest.mark.parametrize(("bound", "host", "origin", "admitted"), ROWS)
def test_only_the_page_itself_is_admitted(
    bound: str, host: str | None, origin: str | None, admitted: bool
) -> None:
    """Foreign names and foreign origins stay out; programs and the page's own script come in."""
    assert admits(bound, host, origin) is admitted


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("x", False),
    ],
)
def test_loopback_is_recognised(host: str, expected: bool) -> None:
    """Only addresses that cannot be reached from outside count as loopback."""
    assert is_loopback(host) is expected
