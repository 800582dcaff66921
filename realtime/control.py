"""What a run is asked to do differently while it goes on: set from any thread, granted between two frames.

The pipeline looks for a wish once a frame, which costs it one look into an empty queue. What takes time, such
as opening a camera or closing an output, happens in the thread of whoever wishes: before the wish is left, or
after it was granted.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lifting.camera_estimate import CameraEstimate
from lifting.errors import SinkError
from realtime.sinks import Sink
from realtime.sinks.runner import SinkRunner
from realtime.sources import Source

GRANTED_S = 3.0
"""A pipeline that does not look for so long is stuck or over; nobody waits for it any further."""
OVER = "The run is over. Start it again in the terminal."


@dataclass(frozen=True)
class Tune:
    """Other options of the solver: fields of `SolverOptions` by name."""

    options: dict[str, Any]


@dataclass(frozen=True)
class Relearn:
    """Forget floor, tilt and the bodies' measures, and learn them anew from what is seen now."""


@dataclass(frozen=True, eq=False)
class PlugIn:
    """One output more, already open."""

    runner: SinkRunner


@dataclass(frozen=True, eq=False)
class Unplug:
    """One output less; whoever wishes closes it, once it is fed no more."""

    runner: SinkRunner
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, eq=False)
class NewSource:
    """Frames from another source, already open. None keeps what is known of the camera's lens and place."""

    source: Source
    open_camera: Callable[[int, int], CameraEstimate] | None = None


Wish = Tune | Relearn | PlugIn | Unplug | NewSource


class Control:
    """Wishes on their way to a pipeline."""

    def __init__(self) -> None:
        self.awaits_source = False
        """True while the present source may end without the run ending with it: another one is on its way."""
        self._wishes: deque[Wish] = deque()
        self._closing = threading.Lock()
        self._closed = False

    @property
    def closed(self) -> bool:
        """True once the run is over."""
        return self._closed

    def wish(self, wish: Wish) -> bool:
        """Leave a wish; False when the run is over, and nobody will ever look."""
        with self._closing:
            if not self._closed:
                self._wishes.append(wish)
            return not self._closed

    def take(self) -> Wish | None:
        """The oldest wish. For the pipeline; takes no lock."""
        return self._wishes.popleft() if self._wishes else None

    def close(self) -> list[Wish]:
        """Take no more; what nobody granted."""
        with self._closing:
            self._closed = True
            left = list(self._wishes)
            self._wishes.clear()
        return left


def plug_in(control: Control, sink: Sink) -> SinkRunner:
    """Open an output and have it fed. Raises SinkError when it does not open or the run is over."""
    runner = SinkRunner(sink)
    try:
        runner.start()
    except SinkError:
        runner.close()
        raise
    if not control.wish(PlugIn(runner)):
        runner.close()
        raise SinkError(OVER)
    return runner


def unplug(control: Control, runner: SinkRunner) -> bool:
    """Feed an output no more and close it; False when it hangs and was left behind."""
    wish = Unplug(runner)
    if control.wish(wish):
        wish.done.wait(GRANTED_S)
    return runner.close()
