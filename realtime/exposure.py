"""What of a run other machines can reach: decided in one place, and told before it begins.

Everything that listens binds to loopback. Another address needs `--lan`, and for ZeroMQ also keys
(`realtime.curve`), unless `--insecure` says that anyone may connect.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from rich.console import Console

from lifting.errors import ConfigError
from realtime.curve import ServerKeys, server_keys
from realtime.keyring import DEFAULT_NAME

_TCP = re.compile(r"tcp://(\[[0-9a-fA-F:.]+\]|[^:/\[\]]+):(\d+|\*)")


@dataclass(frozen=True)
class Listener:
    """Something that other machines can connect to."""

    what: str
    address: str
    """Where it is bound."""
    who: str
    """Who may connect."""
    use: str
    """What to type or open on the other machine."""


@runtime_checkable
class Listens(Protocol):
    """An output that others connect to, if so set up."""

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """What of it is open to other machines; nothing while it is bound to loopback."""


def is_loopback(host: str) -> bool:
    """True for a host that only this machine can reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Binding:
    """How a ZeroMQ socket may be bound."""

    endpoint: str
    keys: ServerKeys | None
    """For `apply_server`; None for a socket without CURVE."""
    open: bool
    """Other machines can reach it."""

    def listener(self, what: str, command: str) -> Listener:
        """For `announce`; `command` is what a client types, up to its endpoint."""
        there = reachable(self.endpoint)
        if self.keys is None:
            return Listener(what, self.endpoint, "anyone on the network, unencrypted", f"{command} {there}")
        names = ", ".join(sorted(self.keys.allowed().values()))
        use = f"{command} {there} --server-key '{self.keys.pair.public}'"
        return Listener(what, self.endpoint, f"keys allowed here: {names}", use)


def check_binding(
    option: str,
    endpoint: str,
    default: str,
    *,
    lan: bool,
    insecure: bool | None,
    pair: str = DEFAULT_NAME,
) -> Binding:
    """Whether a socket may bind to tcp://HOST:PORT (port * = any) or ipc://PATH, and with which keys.

    `option` is the one that named the endpoint, `default` one that works. Raises ConfigError for another
    form, for a host that other machines can reach without `lan`, and with it for missing keys, unless
    `insecure` says that anyone may connect; None stands for outputs that are never without keys.
    """
    if endpoint.startswith("ipc://") and len(endpoint) > len("ipc://"):
        return Binding(endpoint, None, open=False)
    match = _TCP.fullmatch(endpoint)
    if match is None or (match[2] != "*" and not 0 <= int(match[2]) <= 65535):
        raise ConfigError(f"{option} {endpoint}: give tcp://HOST:PORT, such as {option} {default}.")
    if is_loopback(match[1].strip("[]")):
        return Binding(endpoint, None, open=False)
    if not lan:
        raise ConfigError(
            f"{option} {endpoint} would let other machines connect. Use {default}, or add --lan to allow it."
        )
    if insecure:
        return Binding(endpoint, None, open=True)
    try:
        return Binding(endpoint, server_keys(pair), open=True)
    except ConfigError as error:
        way_out = " (Or add --insecure: then anyone on the network may connect, unencrypted.)"
        raise ConfigError(
            f"{option} {endpoint} needs keys. {error}{'' if insecure is None else way_out}"
        ) from error


def reachable(endpoint: str) -> str:
    """tcp://HOST:PORT as another machine would name it."""
    match = _TCP.fullmatch(endpoint)
    if match is None:
        return endpoint
    return f"tcp://{_named(match[1])}:{match[2]}"


def own_address() -> str:
    """The address under which the local network knows this machine, or its name where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only looks up the route
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


def _named(host: str) -> str:
    """Itself, but for addresses that mean all, and for names of network cards."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return own_address()
    return own_address() if address.is_unspecified else host


def announce(parts: Iterable[object], console: Console, *, lan: bool) -> None:
    """Print what other machines can reach; nothing where `--lan` was not said."""
    if not lan:
        return
    listeners = [listener for part in parts if isinstance(part, Listens) for listener in part.listeners]
    if not listeners:
        console.print("--lan: nothing of this run listens beyond this machine.")
        return
    console.print("Open to other machines (--lan):")
    for listener in listeners:
        console.print(f"  {listener.what} on {listener.address}: {listener.who}", markup=False)
        console.print(f"    there: {listener.use}", markup=False)
