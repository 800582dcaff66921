"""Encrypted ZeroMQ: CURVE for sockets that bind and that connect, with a list of who may connect.

A server has a key pair and asks, at each handshake, whether the client's public key is in the folder of
allowed keys (so `sealcap keys allow` counts for the next connection, without a restart). A client has a pair
of its own and must know the server's public key. Peers without CURVE, with the wrong server key or with an
unknown key are cut off before any message passes. ZeroMQ RFCs 25 (CURVE), 26 (CurveZMQ), 27 (ZAP).
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import zmq
from zmq.utils import z85

from lifting.errors import ConfigError
from realtime.keyring import DEFAULT_NAME, KeyPair, allowed, allowed_dir, find_public, load_pair

log = logging.getLogger(__name__)

ZAP_ENDPOINT = "inproc://zeromq.zap.01"
ZAP_DOMAIN = b"sealcap"
HANDSHAKE_MS = 5000
"""Whoever has not shown a key after this long is cut off."""
LOG_PERIOD_S = 10.0

AnySocket = zmq.Socket[Any]


@dataclass(frozen=True)
class ServerKeys:
    """What a socket that binds needs."""

    pair: KeyPair
    allowed: Callable[[], Mapping[str, str]]
    """Public key → name of those who may connect, asked at each handshake."""


@dataclass(frozen=True)
class ClientKeys:
    """What a socket that connects needs."""

    pair: KeyPair
    server: str
    """Public key of the server, Z85."""


def server_keys(name: str = DEFAULT_NAME) -> ServerKeys:
    """This machine's pair and the folder of allowed keys. Raises ConfigError when either is empty."""
    pair = load_pair(name)
    if not allowed():
        raise ConfigError(
            f"No machine may connect yet: {allowed_dir()} holds no key. On the other machine type "
            "`sealcap keys new`, bring its .pub file here, and type: sealcap keys allow FILE NAME"
        )
    return ServerKeys(pair, allowed)


def client_keys(server: str, name: str = DEFAULT_NAME) -> ClientKeys:
    """This machine's pair, and the server's public key: itself, a file, or a name in the key folder.

    Raises ConfigError."""
    return ClientKeys(load_pair(name), find_public(server))


def apply_server(socket: AnySocket, keys: ServerKeys) -> None:
    """Let only allowed keys connect to a socket; call it before `bind`.

    One list of keys for all sockets of a context: the first call brings it, and a thread that answers for it
    until the context is terminated (`Context.term`, which waits for that).
    """
    _watch_door(socket.context, keys.allowed)
    for option, value in (
        (zmq.CURVE_SERVER, 1),
        (zmq.CURVE_PUBLICKEY, keys.pair.public.encode()),
        (zmq.CURVE_SECRETKEY, keys.pair.secret.encode()),
        (zmq.ZAP_DOMAIN, ZAP_DOMAIN),
        # Without it libzmq lets everybody in should nobody answer for the list.
        (zmq.ZAP_ENFORCE_DOMAIN, 1),
        (zmq.HANDSHAKE_IVL, HANDSHAKE_MS),
    ):
        socket.setsockopt(option, value)


def apply_client(socket: AnySocket, keys: ClientKeys) -> None:
    """Speak to that server only, encrypted; call it before `connect`."""
    for option, value in (
        (zmq.CURVE_SERVERKEY, keys.server.encode()),
        (zmq.CURVE_PUBLICKEY, keys.pair.public.encode()),
        (zmq.CURVE_SECRETKEY, keys.pair.secret.encode()),
    ):
        socket.setsockopt(option, value)


def _watch_door(context: zmq.Context[Any], admitted: Callable[[], Mapping[str, str]]) -> None:
    """Answer libzmq's questions about clients of this context, unless somebody does already."""
    door = context.socket(zmq.REP)
    door.setsockopt(zmq.LINGER, 0)
    try:
        door.bind(ZAP_ENDPOINT)
    except zmq.ZMQError as error:
        door.close()
        if error.errno != zmq.EADDRINUSE:
            raise
        return
    threading.Thread(target=_Doorkeeper(door, admitted).run, name="curve-keys", daemon=True).start()


class _Doorkeeper:
    """Answers ZAP requests until its context ends."""

    def __init__(self, door: AnySocket, admitted: Callable[[], Mapping[str, str]]) -> None:
        self._door, self._admitted = door, admitted
        self._log_again_s = 0.0

    def run(self) -> None:
        with contextlib.suppress(zmq.ContextTerminated), contextlib.closing(self._door):
            while True:
                self._door.send_multipart(self._answer(self._door.recv_multipart()))

    def _answer(self, request: list[bytes]) -> list[bytes]:
        """Version, number of the request, status, text, name of the client, metadata (none)."""
        number = request[1] if len(request) > 1 else b""
        name = self._name(request)
        if name is None:
            return [b"1.0", number, b"400", b"key not allowed", b"", b""]
        return [b"1.0", number, b"200", b"", name.encode(), b""]

    def _name(self, request: list[bytes]) -> str | None:
        """Who it is, None for nobody we know."""
        match request:
            case [b"1.0", _, domain, address, _, b"CURVE", key] if domain == ZAP_DOMAIN and len(key) == 32:
                public = z85.encode(key).decode()
            case _:
                return None
        try:
            name = self._admitted().get(public)
        except (ConfigError, OSError) as error:
            self._complain("the allowed keys cannot be read: %s", error)
            return None
        if name is None:
            self._complain("refused the unknown key %s from %s", public, address.decode("ascii", "replace"))
        return name

    def _complain(self, message: str, *values: object) -> None:
        """Rarely: a client that is refused tries again every second."""
        now_s = time.monotonic()
        if now_s >= self._log_again_s:
            self._log_again_s = now_s + LOG_PERIOD_S
            log.warning(message, *values)
