"""Another camera while a run goes on, or the same one anew."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from lifting.camera_estimate import CameraEstimate
from lifting.errors import SealcapError
from realtime.control import OVER, NewSource
from realtime.pipeline import Pipeline
from realtime.sources import Source
from realtime.sources.devices import list_cameras

OpenSource = Callable[[str], Source]
OpenCamera = Callable[[int, int], CameraEstimate]


@dataclass(frozen=True)
class Choice:
    """One source of the page's list."""

    spec: str
    """As on the command line."""
    label: str


class CameraSwitch:
    """Switches sources. Opening takes seconds, and is done by a thread of its own."""

    def __init__(
        self, pipeline: Pipeline, spec: str, open_source: OpenSource, own: OpenCamera, other: OpenCamera
    ) -> None:
        """`spec`: what runs now. `own` opens the estimate of that one's lens and place, which the settings
        may know; `other` that of any other."""
        self.spec, self.error, self.busy = spec, "", False
        self.tries = 0
        """To switch, so far, failed ones included."""
        self._pipeline, self._open = pipeline, open_source
        self._first, self._own, self._other = spec, own, other
        self._lock = threading.Lock()

    def choices(self) -> list[Choice]:
        """Cameras of this machine, and what the run began with."""
        cameras = [Choice(str(c.index), f"{c.index}: {c.name}") for c in list_cameras()]
        known = {choice.spec for choice in cameras}
        return [
            *cameras,
            *(Choice(s, _label(s)) for s in dict.fromkeys((self._first, self.spec)) if s not in known),
        ]

    def switch(self, spec: str) -> threading.Thread:
        """Take frames from there from now on; where that fails, `error` says why and all stays as it is."""
        thread = threading.Thread(target=self._switch, args=(spec,), name="switch source", daemon=True)
        thread.start()
        return thread

    def _switch(self, spec: str) -> None:
        with self._lock:
            self.busy, self.error = True, ""
            try:
                self._replace(spec)
            except SealcapError as error:
                self.error = str(error)
            finally:
                self.tries += 1
                self.busy = False

    def _replace(self, spec: str) -> None:
        control = self._pipeline.control
        if spec == self.spec:
            # A camera cannot be opened twice. From here on the run waits for a source that works.
            control.awaits_source = True
            self._pipeline.capture.source.close()
        source = self._open(spec)
        if not control.wish(NewSource(source, self._own if spec == self._first else self._other)):
            source.close()
            self.error = OVER
            return
        self.spec = spec


def _label(spec: str) -> str:
    if spec.isdecimal():
        return f"camera {spec}"
    name = spec.replace("\\", "/").rpartition("/")[2]
    return name or spec
