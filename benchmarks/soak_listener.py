"""The other side of a soak: one process that receives everything and counts, until its input closes.

    python -m benchmarks.soak_listener ZMQ_ENDPOINT PAGE_URL UDP_PORT...

Prints one line of JSON at the end: packets per UDP port, ZeroMQ frames and losses, messages of the page.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import threading
from collections.abc import Callable

import msgspec
import viser
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from realtime.client import Subscriber

CAMERA = {
    "type": "ViewerCameraMessage", "wxyz": (1, 0, 0, 0), "position": (3, 2, 3), "fov": 0.7, "near": 0.1,
    "far": 100, "image_height": 720, "image_width": 1280, "look_at": (0, 1, 0), "up_direction": (0, 1, 0),
}  # fmt: skip
"""What a browser says of its view, upon which the page begins to draw for it."""


class Listener:
    """Counts what comes."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.done = threading.Event()

    def udp(self, ports: list[int]) -> None:
        """Packets of each port of this machine."""
        with selectors.DefaultSelector() as selector:
            for port in ports:
                udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                udp.bind(("127.0.0.1", port))
                udp.setblocking(False)
                selector.register(udp, selectors.EVENT_READ, f"udp {port}")
            while not self.done.is_set():
                for key, _ in selector.select(0.2):
                    assert isinstance(key.fileobj, socket.socket)
                    key.fileobj.recv(1 << 16)
                    self._count(str(key.data))

    def zmq(self, endpoint: str) -> None:
        """Frames of the ZeroMQ output, with what was lost on the way."""
        with Subscriber(endpoint, newest_only=False, timeout=0.5) as poses:
            while not self.done.is_set():
                for _ in poses:
                    self._count("zmq frames")
                    if self.done.is_set():
                        break
                self.counts["zmq lost"] = poses.lost

    def page(self, url: str) -> None:
        """Messages to a visitor of the page; comes back when cut off."""
        while not self.done.is_set():
            try:
                self._visit(url)
            except (OSError, WebSocketException, TimeoutError):
                self.done.wait(1.0)

    def _visit(self, url: str) -> None:
        protocols = [f"viser-v{viser.__version__}"]
        address = url.replace("http://", "ws://")
        with connect(address, subprotocols=protocols, max_size=None, close_timeout=0.2) as page:  # type: ignore[arg-type]
            page.send(msgspec.msgpack.encode(CAMERA))
            while not self.done.is_set():
                page.recv(timeout=5)
                self._count("page messages")

    def _count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1


def main() -> None:
    endpoint, url, *ports = sys.argv[1:]
    listener = Listener()
    jobs: list[Callable[[], None]] = [
        lambda: listener.udp([int(port) for port in ports]),
        lambda: listener.zmq(endpoint),
        lambda: listener.page(url),
    ]
    threads = [threading.Thread(target=job, daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    listener.done.set()
    for thread in threads:
        thread.join(2.0)
    print(json.dumps(listener.counts))


if __name__ == "__main__":
    main()
