"""Bad networks for tests: what goes through them is lost, late, doubled, out of order, stalled or cut."""

from __future__ import annotations

import heapq
import random
import selectors
import socket
import threading
import time
from contextlib import suppress


class UdpProxy:
    """Hands packets on to `target`, badly. Each gets its own delay, so that they overtake each other."""

    def __init__(
        self, target: int, *, loss: float = 0.0, delay_s: tuple[float, float] = (0.0, 0.0), twice: float = 0.0
    ) -> None:
        """`loss`, `twice`: share of packets that are lost, or come twice."""
        self.passed = self.lost = 0
        self._target = ("127.0.0.1", target)
        self._loss, self._delay_s, self._twice = loss, delay_s, twice
        self._random = random.Random(1)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.002)
        self.port = int(self._socket.getsockname()[1])
        self._waiting: list[tuple[float, int, bytes]] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="udp proxy")
        self._thread.start()

    def __enter__(self) -> UdpProxy:
        return self

    def __exit__(self, *exc: object) -> None:
        self._done.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        number = 0
        while not (self._done.is_set() and not self._waiting):
            with suppress(TimeoutError):
                packet = self._socket.recv(1 << 16)
                for _ in range(1 + (self._random.random() < self._twice)):
                    due = time.monotonic() + self._random.uniform(*self._delay_s)
                    number += 1
                    heapq.heappush(self._waiting, (due, number, packet))
            while self._waiting and self._waiting[0][0] <= time.monotonic():
                self._pass_on(heapq.heappop(self._waiting)[2])

    def _pass_on(self, packet: bytes) -> None:
        if self._random.random() < self._loss:
            self.lost += 1
            return
        self.passed += 1
        self._socket.sendto(packet, self._target)


class TcpProxy:
    """Hands connections on to `target`; can delay every byte, stall, and cut all connections."""

    def __init__(self, target: int, *, delay_s: float = 0.0) -> None:
        self._target, self._delay_s = ("127.0.0.1", target), delay_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.stalled, self._done = threading.Event(), threading.Event()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads = [threading.Thread(target=self._accept, name="tcp proxy")]
        self._threads[0].start()

    def cut(self) -> None:
        """End every connection; new ones are served."""
        for pair in self._pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> TcpProxy:
        return self

    def __exit__(self, *exc: object) -> None:
        self._done.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._done.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target)
            except OSError:
                near.close()
                continue
            self._pairs.append((near, far))
            thread = threading.Thread(target=self._carry, args=(near, far), name="tcp proxy")
            self._threads.append(thread)
            thread.start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        with near, far, selectors.DefaultSelector() as selector:
            selector.register(near, selectors.EVENT_READ, far)
            selector.register(far, selectors.EVENT_READ, near)
            while not self._done.is_set():
                for key, _ in selector.select(0.05):
                    while self.stalled.is_set() and not self._done.is_set():
                        time.sleep(0.01)
                    assert isinstance(key.fileobj, socket.socket)
                    try:
                        data = key.fileobj.recv(1 << 16)
                        time.sleep(self._delay_s)
                        key.data.sendall(data)
                    except OSError:
                        return
                    if not data:
                        return
