"""Commands that other programs send to a Performer: rarer sending, calibration, sending everything again.

Anybody on this machine can send them, so they can do no harm: numbers are bounded, what is malformed or too
much is thrown away, nothing names a file. Calibration for us: the person's present place and heading become
the middle of the stage and its front, and their bones are measured anew. No T-pose is needed for it.
"""

from __future__ import annotations

import logging
import socket
from itertools import islice

from lifting.errors import ConfigError
from realtime.osc_receiver import messages
from realtime.vmc.packets import Due

log = logging.getLogger(__name__)

DEFAULT_PORT = 39540
"""Where a Performer listens."""
MAX_PERIOD = 600
MAX_PACKET_BYTES = 1472
PACKETS_PER_POLL, PARSED_PER_POLL, MESSAGES_PER_PACKET = 256, 8, 8
"""Packets taken from the system, and of those looked into, per frame sent, and how far into each."""
TRY_AGAIN_S = 10.0
READY_S = 30.0
"""`Ready` without `Exec` is forgotten after this long."""


class Commands:
    """What was commanded so far; shared by all VMC outputs, and VRChat's."""

    def __init__(self) -> None:
        self.status = self.root = self.bones = 1
        """Send one of every so many frames."""
        self.calibrations = 0
        """Counts `Calib/Exec`."""
        self.requests = 0
        """Counts `Req`."""
        self._ready_until_s = 0.0

    def due(self, frame: int) -> Due:
        """Parts of the frame with this number."""
        return Due(frame % self.status == 0, frame % self.root == 0, frame % self.bones == 0)

    def waiting(self, now_s: float) -> bool:
        """A calibration was announced and not yet ordered."""
        return now_s < self._ready_until_s

    def obey(self, address: str, arguments: list[object], now_s: float) -> None:
        """One message; what is no command of ours is ignored."""
        match address, arguments:
            case "/VMC/Ext/Set/Period", [int(status), int(root), int(bones), *_]:
                periods = (status, root, bones)
                if all(1 <= period <= MAX_PERIOD for period in periods):
                    self.status, self.root, self.bones = periods
            case "/VMC/Ext/Set/Calib/Ready", _:
                self._ready_until_s = now_s + READY_S
            case "/VMC/Ext/Set/Calib/Exec", [int(), *_]:
                self._ready_until_s = 0.0
                self.calibrations += 1
            case "/VMC/Ext/Set/Req", _:
                self.requests += 1


class CommandPort:
    """Listens for commands on this machine. A port in use is tried again, the output goes on without."""

    def __init__(self, commands: Commands, port: int = DEFAULT_PORT, host: str = "127.0.0.1") -> None:
        """Raises ConfigError for a port that cannot be."""
        if not 1 <= port <= 65535:
            raise ConfigError(
                f"--vmc-commands {port}: the port must lie in 1..65535, such as {DEFAULT_PORT}."
            )
        self.port = port
        self._commands, self._host = commands, host
        self._socket: socket.socket | None = None
        self._try_s = 0.0
        self._warned = False

    def poll(self, now_s: float) -> None:
        """Obey what has come; never waits, never raises. `now_s` rises from 0 or more."""
        if self._socket is None and now_s >= self._try_s:
            self._bind(now_s)
        for number in range(PACKETS_PER_POLL if self._socket is not None else 0):
            packet = self._take()
            if packet is None:
                return
            if number < PARSED_PER_POLL and len(packet) <= MAX_PACKET_BYTES:
                for address, arguments in islice(messages(packet), MESSAGES_PER_PACKET):
                    self._commands.obey(address, arguments, now_s)

    def close(self) -> None:
        """Release the port; idempotent."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _bind(self, now_s: float) -> None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            listener.bind((self._host, self.port))
        except OSError as error:
            listener.close()
            self._try_s = now_s + TRY_AGAIN_S
            if not self._warned:
                log.warning(
                    "VMC commands on port %d are not heard (%s), perhaps another program has it; "
                    "sending goes on. Choose another one with --vmc-commands PORT, or 0 for none.",
                    self.port,
                    error.strerror,
                )
            self._warned = True
            return
        listener.setblocking(False)
        self._socket = listener

    def _take(self) -> bytes | None:
        assert self._socket is not None
        try:
            return self._socket.recv(MAX_PACKET_BYTES + 1)
        except BlockingIOError:
            return None
        except OSError:  # Windows: larger than asked for, or a receiver of ours was not there
            return b""
