"""Outputs off and on while a run goes on.

Off means closed: its port is free; on means built anew, so that one that failed gets another chance.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lifting.errors import SealcapError
from realtime.config import OutputConfig
from realtime.control import Control, plug_in, unplug
from realtime.sinks import Sink
from realtime.sinks.runner import SinkRunner

REPEATED = ("zmq", "osc", "vmc", "vrchat", "ros", "sonic")
"""Options that name one output each time, in the order in which they are built."""
_NONE: dict[str, object] = {
    "foxglove": None,
    "robot": None,
    "robot_out": [],
    "record": None,
    "record_video": False,
    "poses_out": None,
}


@dataclass(eq=False)
class Output:
    """One output of the page's list."""

    name: str
    build: Callable[[], Sink] | None
    """Makes it again; None for what cannot be switched."""
    runner: SinkRunner | None
    """None while it is off."""
    busy: bool = False
    """It is just being opened or closed."""
    tries: int = 0
    """To open or close it, so far, failed ones included."""
    error: str = ""
    """Why the last attempt to open it failed."""
    _lost: dict[str, int] = field(default_factory=lambda: {"sent": 0, "dropped": 0})

    @property
    def state(self) -> str:
        """on, off, busy or failed."""
        if self.busy:
            return "busy"
        if self.runner is None:
            return "failed" if self.error else "off"
        return "failed" if self.runner.failure else "on"

    @property
    def works(self) -> bool:
        """Open, and not failed."""
        return self.runner is not None and not self.runner.failure

    @property
    def problem(self) -> str:
        """Why it failed; empty when it did not."""
        return self.error or (self.runner.failure if self.runner is not None else None) or ""

    @property
    def sent(self) -> int:
        """Frames sent since the beginning of the run."""
        return self._lost["sent"] + (self.runner.sent if self.runner is not None else 0)

    @property
    def dropped(self) -> int:
        """Frames given up since the beginning of the run, because it was too slow."""
        return self._lost["dropped"] + (self.runner.dropped if self.runner is not None else 0)

    def switch_off(self, control: Control) -> None:
        """Feed it no more and close it."""
        runner, self.error = self.runner, ""
        if runner is not None:
            unplug(control, runner)
            self._lost["sent"] += runner.sent
            self._lost["dropped"] += runner.dropped
            self.runner = None

    def switch_on(self, control: Control) -> None:
        """Build and open it, and have it fed; what goes wrong is kept in `error`."""
        self.switch_off(control)
        if self.build is not None:
            try:
                self.runner = plug_in(control, self.build())
            except SealcapError as error:
                self.error = str(error)


class Outputs:
    """All outputs of a run that the page shows."""

    def __init__(self, control: Control, outputs: list[Output]) -> None:
        self.all = outputs
        self._control = control
        self._switching = threading.Lock()

    def switch(self, output: Output, *, on: bool) -> threading.Thread:
        """Switch in a thread of its own, one after the other; `busy` from here until it is done."""
        output.busy = True
        thread = threading.Thread(target=self._switch, args=(output, on), name="switch output", daemon=True)
        thread.start()
        return thread

    def _switch(self, output: Output, on: bool) -> None:
        with self._switching:
            try:
                if output.build is not None and on != output.works:
                    (output.switch_on if on else output.switch_off)(self._control)
            finally:
                output.tries += 1
                output.busy = False


def one_each(out: OutputConfig) -> Iterator[OutputConfig]:
    """For every output that can be built anew, settings that hold it alone, in the order of building."""
    bare = out.model_copy(update={name: [] for name in REPEATED} | _NONE)
    first_avatar = True
    for name in REPEATED:
        for endpoint in getattr(out, name):
            alone: dict[str, object] = {name: [endpoint]}
            if name in ("vmc", "vrchat"):
                # Commands of avatar programs come to one port, which the first of these outputs holds.
                alone["vmc_commands"] = out.vmc_commands if first_avatar else 0
                first_avatar = False
            yield bare.model_copy(update=alone)
    if out.foxglove is not None:
        yield bare.model_copy(update={"foxglove": out.foxglove})
