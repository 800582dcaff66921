"""One thread that writes for all outputs that never wait.

To wake a thread costs more than to pack a frame: it must be woken, get hold of the interpreter, and finds
cold caches. Outputs that only hand packets to the system, and promise never to wait for anybody, are
therefore served one after the other by the same thread. Should one of them break its promise, the others get
another thread as soon as the next frame comes, and it is left to itself from then on.
"""

from __future__ import annotations

import threading
import time
from queue import SimpleQueue
from typing import Protocol

STUCK_S = 0.1
"""Whoever takes so long made the others wait. Long enough not to accuse anyone because the machine was busy;
a mistake costs a thread, no frame."""


class Customer(Protocol):
    """Whom the courier writes for."""

    def serve(self) -> None:
        """Write a frame, if one waits."""

    def leave(self) -> None:
        """See to it without the courier from now on."""


class _Shift:
    """One thread's time at work."""

    def __init__(self) -> None:
        self.serves: Customer | None = None
        self.since_s = 0.0

    def stuck(self) -> Customer | None:
        """Whoever keeps this thread from the others; also one whose bug ended it."""
        customer = self.serves
        return customer if customer is not None and time.monotonic() - self.since_s > STUCK_S else None


class Courier:
    """Runs while it has customers."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Customer | _Shift] = SimpleQueue()
        self._shift: _Shift | None = None
        self._customers = 0
        self._changing = threading.Lock()

    def join(self) -> None:
        """One customer more, who may call from now on."""
        with self._changing:
            self._customers += 1
            if self._shift is None:
                self._begin()

    def quit(self) -> None:
        """One customer less."""
        with self._changing:
            self._customers -= 1
            if self._customers == 0 and self._shift is not None:
                self._calls.put(self._shift)
                self._shift = None

    def call(self, customer: Customer) -> None:
        """There is a frame to be written; never waits."""
        self._calls.put(customer)
        shift = self._shift
        if shift is not None and (culprit := shift.stuck()) is not None:
            self._replace(shift, culprit)

    def _replace(self, shift: _Shift, culprit: Customer) -> None:
        with self._changing:
            if self._shift is shift:
                self._begin()
                culprit.leave()

    def _begin(self) -> None:
        self._shift = shift = _Shift()
        threading.Thread(target=self._work, args=(shift,), name="outputs", daemon=True).start()

    def _work(self, shift: _Shift) -> None:
        while (customer := self._calls.get()) is not shift:
            if isinstance(customer, _Shift):
                continue  # the end of one that was stuck
            shift.since_s, shift.serves = time.monotonic(), customer
            customer.serve()
            shift.serves = None
            if self._shift is not shift:
                return  # another thread has taken over


COURIER = Courier()
"""Of this process."""
