"""Takes: recordings started and stopped while a run goes on, all in one folder."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lifting.errors import ConfigError, SealcapError, SinkError
from realtime.control import Control, plug_in, unplug
from realtime.sinks import Sink
from realtime.sinks.recorder import SessionRecorder
from realtime.sinks.runner import SinkRunner

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
SUFFIX = ".mcap"
MOST_LISTED = 50
_NUMBERED = re.compile(r"(.*?)(\d+)")

MakeRecorder = Callable[[Path, bool], Sink]
"""(file, with video) → a recorder that is not open yet."""


@dataclass(frozen=True)
class Take:
    """One recording of the folder."""

    name: str
    bytes: int
    wall_s: float
    """When it was finished."""
    seconds: float | None
    """How long it is; None where this run did not record it."""
    whole: bool
    """False: cut off, or being written."""


class Recording:
    """At most one take at a time. Calls take as long as the disk takes; not for the pipeline's thread."""

    def __init__(self, control: Control, folder: Path, make: MakeRecorder) -> None:
        self.folder, self.error = folder, ""
        self._control, self._make = control, make
        self._runner: SinkRunner | None = None
        self._begin_s = 0.0
        self._seconds: dict[str, float] = {}
        self._changing = threading.Lock()

    def adopt(self, runner: SinkRunner) -> None:
        """A recorder that was there from the beginning (--record)."""
        self._runner, self._begin_s = runner, time.monotonic()

    @property
    def name(self) -> str:
        """Of the take that is being recorded; empty when there is none."""
        return "" if self._runner is None or self._control.closed else _path(self._runner).stem

    @property
    def runner(self) -> SinkRunner | None:
        """Of the take that is being recorded."""
        return self._runner

    @property
    def failure(self) -> str:
        """Why nothing is written, or could not be; empty when all is well."""
        return (self._runner.failure if self._runner is not None else None) or self.error

    @property
    def seconds(self) -> float:
        """How long the present take is."""
        return time.monotonic() - self._begin_s if self._runner is not None else 0.0

    def start(self, name: str, *, video: bool = False) -> bool:
        """Begin a take. False, and `error` says why, when the name is no name, taken, or the disk refuses."""
        with self._changing:
            self.error = ""
            try:
                if self.name:
                    raise SinkError(f"{self.name} is being recorded; stop it first.")
                path = self.folder / (checked(name) + SUFFIX)
                self._make_folder()
                self._runner = plug_in(self._control, self._make(path, video))
                self._begin_s = time.monotonic()
            except SealcapError as error:
                self.error = str(error)
            return not self.error

    def stop(self) -> str:
        """Finish the take: its name, empty when there was none."""
        with self._changing:
            runner, name, seconds = self._runner, self.name, self.seconds
            if runner is None or not name:
                return ""
            unplug(self._control, runner)
            self._runner = None
            self.error = runner.failure or ""
            if not self.error:
                self._seconds[name] = seconds
            return name

    def takes(self) -> list[Take]:
        """The newest ones of the folder."""
        found = []
        for path in self.folder.glob(f"*{SUFFIX}*"):
            whole = path.name.endswith(SUFFIX)
            if not whole and not path.name.endswith(SUFFIX + ".partial"):
                continue
            try:
                stat = path.stat()
            except OSError:
                continue  # it went, or got its name, between two looks
            name = path.name.partition(SUFFIX)[0]
            found.append(Take(name, stat.st_size, stat.st_mtime, self._seconds.get(name), whole))
        return sorted(found, key=lambda take: -take.wall_s)[:MOST_LISTED]

    def next_name(self, name: str) -> str:
        """The same name with the next number that is free."""
        match = _NUMBERED.fullmatch(name)
        stem, digits = match.groups() if match else (f"{name}-", "001")
        number = int(digits) + (match is not None)
        while self.taken(wanted := f"{stem}{number:0{len(digits)}d}"):
            number += 1
        return wanted

    def taken(self, name: str) -> bool:
        """Whether the folder has one of this name."""
        path = self.folder / (name + SUFFIX)
        return path.exists() or path.with_name(path.name + ".partial").exists()

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SinkError(
                f"The folder for takes {self.folder} cannot be made: {error.strerror}. "
                "Name another with --takes."
            ) from error


def checked(name: str) -> str:
    """The name, when it is one. Raises ConfigError: it could otherwise leave the folder."""
    if NAME.fullmatch(name) is None:
        raise ConfigError(
            "A take's name has 1 to 64 of the letters A-Z a-z, digits and . _ - and begins with a letter or "
            "digit, such as take-001."
        )
    return name.removesuffix(SUFFIX)


def _path(runner: SinkRunner) -> Path:
    sink = runner.sink
    return sink.path if isinstance(sink, SessionRecorder) else Path(runner.name)
