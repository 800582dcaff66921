"""Client of the control port: arm a robot's output, keep it armed, stop it. Needs pyzmq and msgspec only.

with DeadmanClient() as robot:
    robot.arm()
    while robot.heartbeat().ok:  # at least four times a second
        time.sleep(0.05)
"""

from __future__ import annotations

import time
from types import TracebackType

import zmq

from lifting.errors import ConfigError, SinkError, WireError
from realtime.curve import ClientKeys, apply_client
from realtime.retarget.steady.control_wire import (
    DEFAULT_ENDPOINT,
    MAX_BYTES,
    VERSION,
    Command,
    Reply,
    Request,
    decode_reply,
    encode,
)

PERIOD_S = 0.05
"""Between heartbeats; after 0.3 s without one the robot stops."""


class DeadmanClient:
    """One who may hold a robot's deadman switch. Leaving the `with` block stops the robot."""

    def __init__(self, endpoint: str = DEFAULT_ENDPOINT, *, keys: ClientKeys | None = None) -> None:
        """Raises ConfigError for an address that is none. Nothing is sent yet."""
        self.endpoint = endpoint
        self._token, self._number = "", 0
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 200)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_BYTES)
        self._socket.setsockopt(zmq.IPV6, int("[" in endpoint))
        try:
            if keys is not None:
                apply_client(self._socket, keys)
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self._token = ""
            self._release()
            raise ConfigError(
                f"{endpoint!r} is no address of a control port; give one like {DEFAULT_ENDPOINT}."
            ) from error

    def arm(self) -> Reply:
        """Arm, if that is allowed now; keep it with `heartbeat` from then on."""
        reply = self._ask("arm")
        self._token = reply.token
        return reply

    def heartbeat(self) -> Reply:
        """Still here. `ok` is False once the output is not armed by us any more."""
        return self._ask("heartbeat", timeout_s=0.25)

    def stop(self) -> Reply:
        """Brake and stand."""
        self._token = ""
        return self._ask("stop")

    def estop(self) -> Reply:
        """Emergency stop."""
        self._token = ""
        return self._ask("estop")

    def reset(self) -> Reply:
        """Out of the emergency stop; then arm again."""
        return self._ask("reset")

    def status(self) -> Reply:
        """Only ask."""
        return self._ask("status")

    def close(self) -> None:
        """Stop the robot if it is armed by us, and let go; idempotent."""
        if self._socket.closed:
            return
        if self._token:
            self._send("stop")
        self._release()

    def __enter__(self) -> DeadmanClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _release(self) -> None:
        self._socket.close()
        self._context.term()

    def _send(self, command: Command) -> int:
        self._number += 1
        token = self._token if command == "heartbeat" else ""
        self._socket.send(encode(Request(VERSION, command, self._number, token)))
        return self._number

    def _ask(self, command: Command, timeout_s: float = 1.0) -> Reply:
        """Raises SinkError when no answer comes, WireError when what comes is none."""
        number, deadline = self._send(command), time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            if self._socket.poll(int(left_s * 1000) + 1):
                frames = self._socket.recv_multipart()
                if len(frames) != 1:
                    raise WireError(f"{self.endpoint} is no control port of a robot.")
                reply = decode_reply(frames[0])
                if reply.id == number:
                    return reply
        raise SinkError(
            f"Nobody answers on {self.endpoint}. Is `sealcap run --robot NAME --robot-out ...` running?"
        )
