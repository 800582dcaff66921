"""The page around a run: opened before it, closed after it, so that the last pose stays visible."""

from __future__ import annotations

import sys
import time
import webbrowser
from threading import Event, Timer
from typing import TYPE_CHECKING

from rich.console import Console

from lifting.errors import ConfigError
from realtime.config import OutputConfig
from realtime.data import Motion
from realtime.exposure import announce
from realtime.pipeline import Pipeline
from realtime.replay import Replay
from realtime.sinks import Aligned, Sink
from realtime.sinks.page import WebPage
from realtime.web.status import Facts

if TYPE_CHECKING:
    from realtime.avatar.model import AvatarModel

POLL_S = 0.1
ALIGN_DELAY_S = 5.0
"""From the button to the alignment: time to walk back to where one wants to stand."""


class PageSession:
    """Owns a page for the time of a `with` block; without one (`--headless`) every call does nothing."""

    def __init__(self, out: OutputConfig, source: str, console: Console, *, recorded: bool = False) -> None:
        """`recorded`: a replay is shown, in which nobody can be chosen."""
        self._lan = out.lan
        host = "0.0.0.0" if out.lan else "127.0.0.1"
        avatar = _avatar(out)
        self._page = (
            None
            if out.headless
            else WebPage(
                out.web_port,
                host=host,
                source=source,
                facts=self._facts,
                choose=None if recorded else self._choose,
                align=self._align_soon if out.vmc or out.vrchat else None,
                avatar=avatar,
            )
        )
        self._run: Pipeline | Replay | None = None
        self._console = console

    @property
    def sinks(self) -> tuple[Sink, ...]:
        """What the pipeline feeds."""
        return () if self._page is None else (_Lent(self._page),)

    def attach(self, run: Pipeline | Replay) -> None:
        """Show its counters; with --lan, tell what of both is open to other machines."""
        self._run = run
        sinks = [runner.sink for runner in run.runners]
        announce([self._page, *sinks], self._console, lan=self._lan)

    def wait_for_viewer(self, seconds: float, stopped: Event) -> None:
        """Open a browser where there is a person at a terminal, and give it time to connect."""
        if self._page is None or not sys.stdout.isatty():
            return
        webbrowser.open(self._page.link)
        self._console.print(f"Waiting up to {seconds:.0f} s for the page to be opened; Ctrl-C ends.")
        deadline = time.monotonic() + seconds
        while not (self._page.watched or stopped.is_set() or time.monotonic() > deadline):
            time.sleep(POLL_S)

    def linger(self, stopped: Event) -> None:
        """Keep the page up after the last frame until Ctrl-C, where there is somebody to press it."""
        if self._page is None or not sys.stdout.isatty() or stopped.is_set():
            return
        self._console.print(
            f"The page stays open at {self._page.url} . Ctrl-C ends; --loop repeats the clip."
        )
        stopped.wait()

    def __enter__(self) -> PageSession:
        if self._page is not None:
            self._page.open()
            self._console.print(f"Page: [bold]{self._page.link}[/]")
        return self

    def __exit__(self, *exc: object) -> None:
        if self._page is not None:
            self._page.close()

    def _choose(self, x_px: float, y_px: float) -> None:
        if isinstance(self._run, Pipeline):
            self._run.choose(x_px, y_px)

    def _align_soon(self) -> None:
        timer = Timer(ALIGN_DELAY_S, self._align)
        timer.daemon = True
        timer.start()

    def _align(self) -> None:
        for runner in self._run.runners if self._run is not None else ():
            if isinstance(runner.sink, Aligned):
                runner.sink.align()

    def _facts(self) -> Facts:
        run = self._run
        if run is None:
            return Facts()
        dropped = {runner.name: runner.dropped for runner in run.runners}
        if isinstance(run, Replay):
            return Facts(dropped, run.known_from)
        dropped = {"capture": run.capture.overwritten, "source": run.capture.missed, **dropped}
        return Facts(dropped, dict(run.camera.sources) if run.camera else {})


def _avatar(out: OutputConfig) -> AvatarModel | None:
    """The character to show. Raises ConfigError."""
    if out.avatar is None:
        return None
    if out.headless:
        raise ConfigError("--avatar is shown on the page, and --headless opens none. Leave one of them out.")
    from realtime.avatar.model import read_model

    return read_model(out.avatar)


class _Lent:
    """The page as the pipeline sees it: it may write, but not close it."""

    queue = 1

    def __init__(self, page: WebPage) -> None:
        self._page = page

    @property
    def name(self) -> str:
        return self._page.name

    def open(self) -> None:
        self._page.open()

    def write(self, motion: Motion) -> None:
        self._page.write(motion)

    def close(self) -> None:
        """The owner closes it."""
