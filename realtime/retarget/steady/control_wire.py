"""Messages of the control port: one small msgpack map each way."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from lifting.errors import WireError

VERSION = 1
MAX_BYTES = 1024
"""Longer messages are refused; ZeroMQ hangs up on whoever sends them."""
DEFAULT_ENDPOINT = "tcp://127.0.0.1:5572"

Command = Literal["arm", "heartbeat", "stop", "estop", "reset", "status"]
_Text = Annotated[str, msgspec.Meta(max_length=200)]


class Request(msgspec.Struct, frozen=True):
    """What a client wants."""

    v: int
    cmd: Command
    id: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    """Comes back in the reply."""
    token: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """Needed for `heartbeat`; the reply to `arm` brings it."""


class Reply(msgspec.Struct, frozen=True):
    """What became of it, and how the output is now."""

    v: int
    id: int
    ok: bool
    state: _Text
    reason: _Text
    error: _Text = ""
    """Why not; empty when ok."""
    token: Annotated[str, msgspec.Meta(max_length=64)] = ""


_encode = msgspec.msgpack.Encoder().encode
_request = msgspec.msgpack.Decoder(Request).decode
_reply = msgspec.msgpack.Decoder(Reply).decode


def encode(message: Request | Reply) -> bytes:
    """As it travels."""
    return _encode(message)


def decode_request(data: bytes) -> Request:
    """Raises WireError for anything that is not exactly a request of this version."""
    try:
        found = _request(_limited(data))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"Not a request: {error}."[:200]) from error
    _check(found.v)
    return found


def decode_reply(data: bytes) -> Reply:
    """Raises WireError for anything that is not exactly a reply of this version."""
    try:
        found = _reply(_limited(data))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"Not a reply of a control port: {error}.") from error
    _check(found.v)
    return found


def _limited(data: bytes) -> bytes:
    if len(data) > MAX_BYTES:
        raise WireError(f"{len(data)} bytes are too many; the limit is {MAX_BYTES}.")
    return data


def _check(v: int) -> None:
    if v != VERSION:
        raise WireError(f"Version {v} is not spoken here, only {VERSION}. Update the older side.")
