"""The UDP port: a thread that only waits for packets, and the account of what came. Needs no Blender.

Blender's Python must not be touched from threads, so the thread puts packets aside and nothing else. They
wait there, in order, while Blender is busy drawing; `drain` reads them on Blender's own time.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque

from .joints_stream import PREFIX as JOINTS_PREFIX
from .joints_stream import JointsStream
from .osc import MAX_PACKET_BYTES, messages
from .person import Person
from .vmc_stream import PREFIX as VMC_PREFIX
from .vmc_stream import VmcStream

OWN_PORT, VMC_PORT = 39570, 39539
LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"
QUEUE_PACKETS = 20_000
"""A minute and more; older ones give way and count as lost."""
SILENCE_S = 1.0
"""After so long without a packet another sender may take over."""
_BUFFER_BYTES = 1 << 21
_RATE_WEIGHT = 0.05


class PortError(Exception):
    """The port cannot be had; the text is for the user."""


class Receiver:
    """Bound from the start; call `close` when done."""

    def __init__(self, port: int = OWN_PORT, host: str = LOOPBACK) -> None:
        """Port 0 takes any free one. Raises PortError."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise PortError(
                f"Port {port} cannot be opened: {error.strerror or error}. "
                "Close the program that uses it, or choose another port here and in the sender."
            ) from error
        self.port: int = self._socket.getsockname()[1]
        self.sender: str | None = None
        """Address of whom we listen to; packets of others are ignored until it falls silent."""
        self.ignored = 0
        """Packets that were not OSC that we read, or came from a second sender."""
        self.rate_hz = 0.0
        self.last_s: float | None = None
        """time.monotonic() of the newest frame."""
        self._streams: dict[str, JointsStream | VmcStream] = {}
        self._frames_before_s: float | None = None
        self._packets: deque[tuple[float, str, bytes]] = deque(maxlen=QUEUE_PACKETS)
        self._closing = threading.Event()
        self._socket.settimeout(0.1)
        self._thread = threading.Thread(target=self._wait, name="sealcap-udp", daemon=True)
        self._thread.start()

    @property
    def frames(self) -> int:
        """Frames of the present sender."""
        return sum(stream.frames for stream in self._streams.values())

    @property
    def lost(self) -> int:
        """Frames that were sent and did not arrive whole."""
        return sum(stream.lost for stream in self._streams.values())

    @property
    def counts_losses(self) -> bool:
        """False for VMC, which has no frame numbers."""
        return any(isinstance(stream, JointsStream) for stream in self._streams.values())

    def drain(self) -> list[Person]:
        """Everybody in every frame that has come since the last call, oldest first."""
        persons: list[Person] = []
        while self._packets:
            received_s, sender, packet = self._packets.popleft()
            persons += self._read(packet, sender, received_s)
        return persons

    def close(self) -> None:
        """Give the port back; idempotent."""
        self._closing.set()
        self._thread.join(timeout=2.0)
        self._socket.close()

    def _wait(self) -> None:
        while not self._closing.is_set():
            try:
                packet, sender = self._socket.recvfrom(MAX_PACKET_BYTES)
            except (TimeoutError, ConnectionError):  # Windows reports unreachable receivers here
                continue
            except OSError:
                return
            self._packets.append((time.monotonic(), f"{sender[0]}:{sender[1]}", packet))

    def _read(self, packet: bytes, sender: str, received_s: float) -> list[Person]:
        content = messages(packet)
        kind = next((k for k in (JOINTS_PREFIX, VMC_PREFIX) if content and content[0][0].startswith(k)), None)
        if kind is None or not self._listens_to(sender, received_s):
            self.ignored += 1
            return []
        if kind not in self._streams:
            self._streams[kind] = JointsStream() if kind == JOINTS_PREFIX else VmcStream()
        stream, before = self._streams[kind], self._streams[kind].frames
        persons = stream.take(content, received_s)
        if stream.frames > before:
            self._tick(received_s)
        return persons

    def _listens_to(self, sender: str, now_s: float) -> bool:
        silent = self.last_s is None or now_s - self.last_s > SILENCE_S
        if sender != self.sender and (self.sender is None or silent):
            self.sender, self.rate_hz, self._streams = sender, 0.0, {}
        if sender == self.sender:
            self.last_s = now_s
        return sender == self.sender

    def _tick(self, now_s: float) -> None:
        """The rate: a running mean of the intervals between frames, weight 0.05."""
        if self._frames_before_s is not None:
            interval = max(now_s - self._frames_before_s, 1e-4)
            old = 1 / self.rate_hz if self.rate_hz else interval
            self.rate_hz = 1 / (old + _RATE_WEIGHT * (min(interval, SILENCE_S) - old))
        self._frames_before_s = now_s
