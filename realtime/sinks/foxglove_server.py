"""Foxglove's WebSocket server on this machine, shared by everything that shows there.

Read-only: it offers no capability by which a viewer could change anything. The SDK has no check of Host and
Origin, so a web page open in a browser here could read poses while this runs; it listens only when asked for.
"""

from __future__ import annotations

import threading
from typing import Any
from weakref import WeakValueDictionary

from lifting.errors import ConfigError, MissingExtra, SinkError
from realtime.sinks.foxglove_schema import descriptor_set

DEFAULT_PORT = 8765
HOST = "127.0.0.1"
BACKLOG = 16
"""Messages that wait for a slow viewer; older ones are dropped."""
_BY_PORT: WeakValueDictionary[int, FoxgloveServer] = WeakValueDictionary()


def server_at(port: int) -> FoxgloveServer:
    """The server of a port, the same one for all who ask while somebody keeps it: people and robot share it.

    Raises as `FoxgloveServer` does.
    """
    server = _BY_PORT.get(port) or FoxgloveServer(port)
    if port:
        _BY_PORT[port] = server
    return server


class FoxgloveServer:
    """Runs from the first `open` to the last `close`; channels live as long."""

    def __init__(self, port: int = DEFAULT_PORT) -> None:
        """Port 0 lets the system choose. Raises MissingExtra without the SDK, ConfigError for no port."""
        if not 0 <= port <= 65535:
            raise ConfigError(f"--foxglove {port}: the port must lie in 1..65535, such as {DEFAULT_PORT}.")
        try:
            import foxglove
        except ImportError as error:
            raise MissingExtra("foxglove-sdk", "foxglove") from error
        self.port = port
        """After `open`: the one in use."""
        self._foxglove: Any = foxglove
        self._context: Any = None
        self._server: Any = None
        self._users = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """What to give a viewer."""
        return f"ws://{HOST}:{self.port}"

    def open(self) -> None:
        """Listen, if nobody has asked before. Raises SinkError when the port is taken."""
        with self._lock:
            if self._users == 0:
                self._listen()
            self._users += 1

    def channel(self, topic: str, message: str) -> Channel:
        """A topic of foxglove.`message`."""
        schema = self._foxglove.Schema(
            name=f"foxglove.{message}", encoding="protobuf", data=descriptor_set(message)
        )
        made = self._foxglove.Channel(
            topic, schema=schema, message_encoding="protobuf", context=self._context
        )
        return Channel(made)

    def close(self) -> None:
        """Stop when nobody else uses it."""
        with self._lock:
            if self._users == 0:
                return
            self._users -= 1
            if self._users == 0:
                self._server.stop()
                self._server = self._context = None

    def _listen(self) -> None:
        self._context = self._foxglove.Context()
        try:
            self._server = self._foxglove.start_server(
                name="Sealcap",
                host=HOST,
                port=self.port,
                capabilities=[],
                context=self._context,
                message_backlog_size=BACKLOG,
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise SinkError(
                f"Cannot listen for Foxglove on {HOST}:{self.port}: {error}. Is another program there? "
                f"Choose another port: --foxglove {self.port % 65535 + 1}."
            ) from error
        self.port = self._server.port


class Channel:
    """One topic."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    @property
    def watched(self) -> bool:
        """Whether anybody wants it: nothing need be made otherwise."""
        return bool(self._channel.has_sinks())

    def send(self, message: bytes, wall_ns: int) -> None:
        """To everybody who watches, without waiting."""
        self._channel.log(message, log_time=wall_ns)
