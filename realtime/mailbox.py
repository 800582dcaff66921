"""Hand-over between two threads: a small box in which a full place means that something is dropped.

Between stages the box holds one item and the newest wins, so that a slow reader sees fresh data instead
of a queue. A recorder takes a deep box that keeps what it has and refuses the newest, so that a stall of
the disk costs one gap and not a scattering of them. Either way every loss is counted.
"""

from __future__ import annotations

from collections import deque
from threading import Condition
from typing import Generic, Literal, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """A box of `depth` items; `keep` says which one survives when it is full."""

    def __init__(self, depth: int = 1, keep: Literal["newest", "oldest"] = "newest") -> None:
        if depth < 1:
            raise ValueError(f"depth must be at least 1, got {depth}")
        self.depth = depth
        self._keep_newest = keep == "newest"
        self._items: deque[T] = deque()
        self._changed = Condition()
        self._closed = False
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def dropped(self) -> int:
        """Items that nobody will get: overwritten, refused, or put after `close`."""
        return self._dropped

    @property
    def closed(self) -> bool:
        """True after `close`; what lies in the box can still be taken."""
        return self._closed

    def put(self, item: T) -> bool:
        """Leave an item without waiting. Returns False when this, or an older item, was dropped."""
        with self._changed:
            if self._closed:
                self._dropped += 1
                return False
            full = len(self._items) >= self.depth
            if full:
                self._dropped += 1
                if not self._keep_newest:
                    return False
                self._items.popleft()
            self._items.append(item)
            self._changed.notify_all()
            return not full

    def put_wait(self, item: T, timeout: float | None = None) -> bool:
        """Leave an item as soon as there is room: nothing is dropped. False when closed or out of time."""
        with self._changed:
            room = self._changed.wait_for(
                lambda: self._closed or len(self._items) < self.depth, _bounded(timeout)
            )
            if self._closed or not room:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def get(self, timeout: float | None = None) -> T | None:
        """The oldest item, waiting up to `timeout` seconds (None: for ever).

        None means that nothing came in time, or that the box is closed and empty: ask `closed`.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._items), _bounded(timeout))
            if not self._items:
                return None
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Take no more items and wake everybody who waits. Idempotent."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _bounded(timeout: float | None) -> float | None:
    """None stays None; anything negative means 'do not wait'."""
    return None if timeout is None else max(0.0, timeout)
