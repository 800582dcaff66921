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

STUCK_S = 0.2
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

    def __init__(self, calls: SimpleQueue[Customer | None]) -> None:
        self.calls = calls
        """Who has a frame; None ends the work."""
        self.serves: Customer | None = None
        self.since_s = 0.0

    def stuck(self) -> Customer | None:
        """Whoever keeps this thread from the others."""
        customer = self.serves
        return customer if customer is not None and time.monotonic() - self.since_s > STUCK_S else None


class Courier:
    """Runs while it has customers."""

    def __init__(self) -> None:
        self._shift: _Shift | None = None
        self._customers = 0
        self._changing = threading.Lock()

    def join(self) -> None:
        """One customer more, who may call from now on."""
        with self._changing:
            self._customers += 1
            if self._shift is None:
                self._begin(SimpleQueue())

    def quit(self) -> None:
        """One customer less."""
        with self._changing:
            self._customers -= 1
            if self._customers == 0 and self._shift is not None:
                self._shift.calls.put(None)
                self._shift = None

    def call(self, customer: Customer) -> None:
        """There is a frame to be written; never waits. Whoever has not joined, or has quit, is not heard."""
        shift = self._shift
        if shift is not None:
            shift.calls.put(customer)
            if shift.stuck() is not None:
                self._replace(shift)

    def _replace(self, shift: _Shift) -> None:
        with self._changing:
            culprit = shift.stuck()
            if self._shift is shift and culprit is not None:
                self._begin(shift.calls)
                culprit.leave()

    def _begin(self, calls: SimpleQueue[Customer | None]) -> None:
        self._shift = shift = _Shift(calls)
        threading.Thread(target=self._work, args=(shift,), name="outputs", daemon=True).start()

    def _work(self, shift: _Shift) -> None:
        try:
            while (customer := shift.calls.get()) is not None:
                shift.since_s, shift.serves = time.monotonic(), customer
                customer.serve()
                if not self._goes_on(shift):
                    return
        finally:
            # an error that nobody foresaw ends this thread, not the others' work
            with self._changing:
                if self._shift is shift:
                    self._begin(shift.calls)

    def _goes_on(self, shift: _Shift) -> bool:
        """False when another thread has taken over, or there is nobody left."""
        with self._changing:
            shift.serves = None
            return self._shift is shift


COURIER = Courier()
"""Of this process."""
