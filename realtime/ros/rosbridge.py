"""Publishing to ROS 2 through a rosbridge server: JSON over one WebSocket, from a thread of its own.

Who offers messages never waits. While nobody answers, or what was sent is not read, they are dropped and
counted; the server is looked for again after 0.5, 1, 2 and then every 4 seconds. Topics are advertised anew
on every connection, each before anything is published on it. What the server says is read only to tell the
user of errors.
https://github.com/RobotWebTools/rosbridge_suite/blob/ros2/ROSBRIDGE_PROTOCOL.md
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from lifting.errors import ConfigError
from realtime.exposure import is_loopback
from realtime.mailbox import Mailbox
from realtime.ros.under_way import UnderWay

log = logging.getLogger(__name__)

DEFAULT_URL = "ws://127.0.0.1:9090"
LAUNCH = "ros2 launch rosbridge_server rosbridge_websocket_launch.xml address:=127.0.0.1"
OPEN_TIMEOUT_S = 3.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 4.0
STEADY_S = 5.0
"""A connection that lasted this long was a good one: the next failure is news again."""
SLOW_S = 1.0
"""Sending one frame for longer than this means that the server does not keep up."""
LOOK_S = 0.1
"""While a server is slow it is listened to so often."""
PING_S, PONG_S = 5.0, 10.0
MAX_INCOMING_BYTES = 1 << 16
MAX_COMPLAINTS = 5
"""Different errors of a server that are passed on to the user."""
_FAILURES = (OSError, TimeoutError, WebSocketException, EOFError)

_encode = msgspec.json.Encoder().encode


class Status(msgspec.Struct):
    """What a server says of its own accord; other messages have other fields, which are skipped."""

    op: str = ""
    level: str = ""
    msg: str = ""


@dataclass(frozen=True, slots=True)
class Topic:
    """Where to publish: ROS 2 type, and how ROS is to deliver it."""

    name: str
    type: str
    latched: bool = False
    """Late subscribers get the last message (reliable, transient local)."""
    depth: int = 1

    def advertisement(self) -> bytes:
        """The message. `qos` is for current servers; those before it know `latch` and `queue_size`."""
        qos = {
            "history": "keep_last",
            "depth": self.depth,
            "reliability": "reliable",
            "durability": "transient_local" if self.latched else "volatile",
        }
        return _encode(
            {
                "op": "advertise",
                "topic": self.name,
                "type": self.type,
                "latch": self.latched,
                "queue_size": self.depth,
                "qos": qos,
            }
        )


class Publication(NamedTuple):
    """One message on one topic, as JSON."""

    topic: str
    text: bytes


def publication(topic: Topic, message: dict[str, Any]) -> Publication:
    """A message on a topic; numbers must be finite."""
    return Publication(topic.name, _encode({"op": "publish", "topic": topic.name, "msg": message}))


class RosBridge:
    """One connection, kept up. `open`, then `offer` as often as wanted, then `close`."""

    def __init__(self, url: str, option: str, *, remote: bool = True) -> None:
        """`option` is for messages. Raises ConfigError for what is no address, and, unless `remote`, for a
        server on another machine."""
        self.url = check_url(url, option, remote=remote)
        self._option = option
        self._topics: dict[str, Topic] = {}
        self._lock = threading.Lock()
        self._box: Mailbox[list[Publication]] = Mailbox(1, "newest")
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"ros {self.url}", daemon=True)
        self._connection: ClientConnection | None = None
        self._quiet = False
        """True after the user was told of a trouble that is not over."""
        self._complaints: set[str] = set()
        self._lost = 0

    @property
    def dropped(self) -> int:
        """Frames that did not reach the server."""
        return self._box.dropped + self._lost

    @property
    def connected(self) -> bool:
        """True while a server listens."""
        return self._connection is not None

    def open(self) -> None:
        """Start looking for the server; it may come later."""
        if not is_loopback(urlsplit(self.url).hostname or ""):
            log.warning("%s: motion leaves this machine, unencrypted.", self.url)
        self._thread.start()

    def advertise(self, *topics: Topic) -> None:
        """From now on these exist."""
        with self._lock:
            self._topics.update({topic.name: topic for topic in topics})

    def unadvertise(self, *topics: Topic) -> None:
        """These are not needed any more."""
        with self._lock:
            for topic in topics:
                self._topics.pop(topic.name, None)

    def offer(self, frame: list[Publication]) -> None:
        """Send these together, unless newer ones come first. Never waits."""
        self._box.put(frame)

    def close(self, timeout: float = 0.3) -> None:
        """Send what waits for up to `timeout` seconds, then cut the connection. Idempotent."""
        self._closing.set()
        self._box.close()
        if self._thread.ident is None:
            return
        self._thread.join(timeout)
        if self._thread.is_alive() and (connection := self._connection) is not None:
            _cut(connection)
            self._thread.join(timeout)

    def _run(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._closing.is_set():
            began_s = time.monotonic()
            try:
                self._converse()
                return
            except _FAILURES as error:
                if self._connection is not None:
                    self._lost += 1
                if (lasted := time.monotonic() - began_s > STEADY_S) and self._connection is not None:
                    wait_s, self._quiet = FIRST_WAIT_S, False
                self._tell(error, lasted=lasted)
            finally:
                self._connection = None
            if self._closing.wait(wait_s):
                return
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _converse(self) -> None:
        """One connection, until we close. Raises one of _FAILURES when it ends before."""
        connection = connect(
            self.url,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=0.2,
            ping_interval=PING_S,
            ping_timeout=PONG_S,
            max_size=MAX_INCOMING_BYTES,
            compression=None,
            proxy=None,
        )
        with connection:
            self._connection = connection
            log.info("Connected to rosbridge at %s.", self.url)
            self._send_all(connection)

    def _send_all(self, connection: ClientConnection) -> None:
        """Frames as they come, but no more than the server reads in a moment."""
        known: dict[str, Topic] = {}
        under_way = UnderWay(connection)
        while True:
            waited_s = self._let_it_read(connection, under_way)
            if (frame := self._box.get(0.5)) is None and self._box.closed:
                return
            began_s = time.monotonic()
            self._announce(connection, known)
            for part in frame or ():
                if part.topic in known:
                    connection.send(part.text, text=True)
            if frame:
                under_way.mark()
            self._listen(connection)
            if waited_s + time.monotonic() - began_s > SLOW_S and not self._quiet:
                self._quiet = True
                log.warning("%s does not keep up: frames are dropped.", self.url)

    def _let_it_read(self, connection: ClientConnection, under_way: UnderWay) -> float:
        """Until little is under way; last words cannot wait for that. How many seconds it took."""
        began_s = time.monotonic()
        while not (under_way.wait(LOOK_S) or self._closing.is_set()):
            self._listen(connection)
        return time.monotonic() - began_s

    def _announce(self, connection: ClientConnection, known: dict[str, Topic]) -> None:
        """Tell the server of topics that are new or gone since it was told last."""
        with self._lock:
            wanted = dict(self._topics)
        for name in known.keys() - wanted.keys():
            connection.send(_encode({"op": "unadvertise", "topic": name}), text=True)
            del known[name]
        for name in wanted.keys() - known.keys():
            connection.send(wanted[name].advertisement(), text=True)
            known[name] = wanted[name]

    def _listen(self, connection: ClientConnection) -> None:
        """What has come in meanwhile: errors are passed on, once each, everything else is ignored."""
        for _ in range(16):
            try:
                message = connection.recv(timeout=0)
            except TimeoutError:
                return
            try:
                status = msgspec.json.decode(message, type=Status)
            except (msgspec.MsgspecError, RecursionError):
                continue
            if status.op == "status" and status.level in ("error", "warning"):
                self._complain(status.msg)

    def _complain(self, text: str) -> None:
        text = text[:300]
        if text not in self._complaints and len(self._complaints) < MAX_COMPLAINTS:
            self._complaints.add(text)
            log.warning("rosbridge at %s says: %r", self.url, text)

    def _tell(self, error: Exception, *, lasted: bool) -> None:
        """Say once that there is no server; then be quiet until one was there for a while."""
        if self._quiet or self._closing.is_set():
            return
        self._quiet = True
        if lasted or self._connection is not None:
            log.warning("%s: the server closed the connection; it is looked for again.", self.url)
        elif isinstance(error, WebSocketException):
            log.warning("%s answers, but is no rosbridge server. Start one with: %s", self.url, LAUNCH)
        else:
            log.warning("%s: nobody answers yet. Start rosbridge with: %s", self.url, LAUNCH)


def check_url(url: str, option: str, *, remote: bool) -> str:
    """ws://HOST:PORT as it is. Raises ConfigError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("ws", "wss") or not parts.hostname or port is None or parts.username:
        raise ConfigError(f"{option} {url}: give ws://HOST:PORT, such as {option} {DEFAULT_URL}.")
    if not remote and not is_loopback(parts.hostname):
        raise ConfigError(
            f"{option} {url} sends a robot's commands to another machine, unencrypted. "
            f"Run rosbridge on this one ({DEFAULT_URL}), or add --lan to allow it."
        )
    return url


def _cut(connection: ClientConnection) -> None:
    """End a connection whose thread hangs in sending."""
    try:
        connection.socket.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # already gone
