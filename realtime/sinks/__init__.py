"""Outputs. Each sink writes behind a mailbox, in another thread; a slow one loses frames, nobody waits."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from realtime.data import Motion


class Sink(Protocol):
    """An output. Its calls never overlap and come in the order open, write..., close, from other threads than
    the pipeline's: one thread of its own, but for sinks that say `never_waits` (see `SinkRunner`)."""

    @property
    def name(self) -> str:
        """For counters and messages: 'zmq tcp://127.0.0.1:5570'."""

    @property
    def queue(self) -> int:
        """How many frames may wait: 1 = latest wins; the recorder takes more."""

    def open(self) -> None:
        """Bind, connect or create. Raises SinkError; the pipeline then does not start."""

    def write(self, motion: Motion) -> None:
        """Send or store one frame. Raises SinkError when the output is lost for good."""

    def close(self) -> None:
        """Flush and release; idempotent."""


@runtime_checkable
class Steady(Protocol):
    """An output with `never_waits` whose receivers must hear from it also while no pictures come, as when the
    camera was pulled out."""

    def idle(self) -> None:
        """No picture came for a tenth of a second. Called like `write`, in its place."""


@runtime_checkable
class Aligned(Protocol):
    """An output whose receiver has a place and a front of its own."""

    def align(self) -> None:
        """Where the person stands and looks when next seen becomes that place and front. From any thread."""
