"""Caps under which hostile input is read: seconds, and memory beyond what the process has."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

try:
    import resource
except ImportError:  # Windows: time and memory are not capped there
    resource = None  # type: ignore[assignment]

MEMORY_BYTES = 1 << 30
SECONDS = 5.0


class TooSlowError(BaseException):
    """Beside Exception, so that no parser takes it for a mistake in its input."""


@contextmanager
def capped(seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES) -> Iterator[None]:
    """TooSlowError after `seconds`; MemoryError beyond `memory_bytes` more than now. Main thread only."""
    if resource is None:
        yield
        return

    def ring(*_: object) -> None:
        raise TooSlowError(f"not done within {seconds:g} s")

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, ring)
    resource.setrlimit(resource.RLIMIT_AS, (_used_bytes() + memory_bytes, hard))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _used_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
