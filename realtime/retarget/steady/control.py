"""Control port: arming, heartbeats and stops, apart from the data and in a thread of its own.

Anybody who can reach it may stop; only who armed can keep it armed. Nothing that arrives can do more than
the six commands, and a flood slows only itself down.
"""

from __future__ import annotations

import logging
import threading
import time

import zmq

from lifting.errors import SinkError, WireError
from realtime.bind_error import bind_error
from realtime.curve import apply_server
from realtime.exposure import Listener, check_binding
from realtime.retarget.steady.control_wire import (
    DEFAULT_ENDPOINT,
    MAX_BYTES,
    VERSION,
    Reply,
    Request,
    decode_request,
    encode,
)
from realtime.retarget.steady.loop import SteadyLoop
from realtime.retarget.steady.output import SteadyOutput

log = logging.getLogger(__name__)

POLL_MS, AT_ONCE, PAUSE_S = 100, 20, 0.01
"""At most AT_ONCE requests between pauses: 2000 a second, whoever asks."""


class ControlPort:
    """ROUTER socket; answers every request, also of REQ sockets."""

    def __init__(
        self,
        loop: SteadyLoop,
        endpoint: str = DEFAULT_ENDPOINT,
        *,
        lan: bool = False,
    ) -> None:
        """`endpoint`: tcp://HOST:PORT to bind. Raises ConfigError for another form, and for a host that other
        machines can reach without `lan` and keys; there is no way to do without keys here."""
        self._binding = check_binding("--robot-control", endpoint, DEFAULT_ENDPOINT, lan=lan, insecure=None)
        self.endpoint = endpoint
        """After `open`: the address in use."""
        self.garbage = 0
        """Messages that were no requests."""
        self._loop = loop
        self._closing = threading.Event()
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._thread: threading.Thread | None = None

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """This socket, when other machines can reach it."""
        return (self._binding.listener("robot controls", "sealcap robot arm"),) if self._binding.open else ()

    def open(self) -> None:
        """Bind and answer. Raises SinkError naming the port when it is taken."""
        self._context = zmq.Context()
        socket = self._context.socket(zmq.ROUTER)
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.MAXMSGSIZE, MAX_BYTES),
            (zmq.RCVHWM, 64),
            (zmq.SNDHWM, 64),
            (zmq.IPV6, int("[" in self.endpoint)),
        ):
            socket.setsockopt(option, value)
        try:
            if self._binding.keys is not None:
                apply_server(socket, self._binding.keys)
            socket.bind(self.endpoint)
        except zmq.ZMQError as error:
            socket.close()
            self.close()
            raise SinkError(bind_error("--robot-control", self.endpoint, error)) from error
        self.endpoint = socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._thread = threading.Thread(target=self._run, args=(socket,), name="robot control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer no more; idempotent."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(2.0)
        if self._context is not None:
            self._context.term()
        self._thread = self._context = None

    def _run(self, socket: zmq.Socket[bytes]) -> None:
        try:
            while not self._closing.is_set():
                if socket.poll(POLL_MS):
                    self._answer_some(socket)
                    self._closing.wait(PAUSE_S)
        finally:
            socket.close()

    def _answer_some(self, socket: zmq.Socket[bytes]) -> None:
        for _ in range(AT_ONCE):
            try:
                frames = socket.recv_multipart(zmq.NOBLOCK)
                socket.send_multipart([*frames[:-1][:2], encode(self._reply(frames))], zmq.NOBLOCK)
            except zmq.Again:
                return
            except zmq.ZMQError as error:  # whoever asked is gone
                log.debug("control port: %s", error)

    def _reply(self, frames: list[bytes]) -> Reply:
        """`frames`: sender, of a REQ socket an empty one, request."""
        try:
            if len(frames) > 3:
                raise WireError("Not a request: it has several parts.")
            request = decode_request(frames[-1])
        except WireError as error:
            self.garbage += 1
            with self._loop.output() as output:
                return _report(output, 0, str(error))
        with self._loop.output() as output:
            return _obey(output, request)


def _obey(output: SteadyOutput, request: Request) -> Reply:
    token = error = ""
    match request.cmd:
        case "arm":
            token, error = output.arm(time.monotonic_ns())
        case "heartbeat":
            if not output.heartbeat(request.token, time.monotonic_ns()):
                error = "not armed by you, or not heard from you for too long"
        case "stop":
            output.stop("stop asked for")
        case "estop":
            output.estop()
        case "reset":
            output.reset()
        case "status":
            pass
    return _report(output, request.id, error, token)


def _report(output: SteadyOutput, number: int, error: str = "", token: str = "") -> Reply:
    return Reply(VERSION, number, not error, output.state.value, output.reason[:200], error[:200], token)
