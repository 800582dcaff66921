"""An MJPEG-over-HTTP camera for tests: exact rate, and every picture carries its own number.

The number is written as black and white blocks in the top row of the picture, so that a receiver knows
which frame it got, and through `sent_ns` how old it is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
from numpy.typing import NDArray

BITS = 16
BLOCK = 16
"""Side of a block in pixels, a multiple of JPEG's 8."""
BOUNDARY = "frame"
Picture = NDArray[np.uint8]


def write_number(image: Picture, number: int) -> Picture:
    """Burn `number` (modulo 2**16) into the top left of a picture at least 256 pixels wide, in place."""
    for bit in range(BITS):
        image[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 255 if number >> bit & 1 else 0
    return image


def read_number(image: Picture) -> int:
    """The number written by `write_number`, after compression."""
    cells = image[:BLOCK, : BITS * BLOCK].reshape(BLOCK, BITS, BLOCK, -1).mean(axis=(0, 2, 3))
    return int(sum(1 << bit for bit in range(BITS) if cells[bit] > 127))


def grey_picture(number: int, size: tuple[int, int]) -> Picture:
    """A plain picture of (width, height) with its number in it."""
    return write_number(np.full((size[1], size[0], 3), 90, np.uint8), number)


class MjpegServer:
    """Serves multipart JPEG on 127.0.0.1 to any number of clients, each the frame that is due now.

    A client that does not read fast enough finds old frames in its socket, as with a real network camera.
    """

    def __init__(
        self,
        fps: float = 30.0,
        size: tuple[int, int] = (320, 240),
        *,
        port: int = 0,
        picture: Callable[[int, tuple[int, int]], Picture] = grey_picture,
    ) -> None:
        self.fps, self.size, self._picture = fps, size, picture
        self.sent_ns: dict[int, int] = {}
        """time.monotonic_ns() just before a frame was written to the last client that got it."""
        self._start_ns = time.monotonic_ns()
        self._stalled, self._dropping, self._stopped = threading.Event(), threading.Event(), threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server._serve(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._http.daemon_threads = True
        self._http.block_on_close = True
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="mjpeg server")
        self._thread.start()

    @property
    def url(self) -> str:
        """Address of the stream."""
        return f"http://127.0.0.1:{self.port}/video"

    def stall(self, stalled: bool = True) -> None:
        """Keep connections open but send nothing."""
        (self._stalled.set if stalled else self._stalled.clear)()

    def drop_connections(self) -> None:
        """Cut every client off; new ones are served."""
        self._dropping.set()
        time.sleep(3 / self.fps)
        self._dropping.clear()

    def stop(self) -> None:
        """End the server and all connections; the port is free afterwards."""
        self._stopped.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> MjpegServer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        request.end_headers()
        period_ns = 1e9 / self.fps
        number = int((time.monotonic_ns() - self._start_ns) / period_ns) + 1
        while not self._wait_until(self._start_ns + int(number * period_ns)) and not self._dropping.is_set():
            if not self._stalled.is_set() and not self._send(request, number):
                return
            number += 1

    def _wait_until(self, due_ns: int) -> bool:
        return self._stopped.wait(max(0, due_ns - time.monotonic_ns()) / 1e9)

    def _send(self, request: BaseHTTPRequestHandler, number: int) -> bool:
        jpeg = cv2.imencode(".jpg", self._picture(number, self.size))[1].tobytes()
        head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
        self.sent_ns[number] = time.monotonic_ns()
        try:
            request.wfile.write(head.encode() + jpeg + b"\r\n")
        except OSError:
            return False
        return True
