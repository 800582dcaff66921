"""The page around a run: opened before it, closed after it, so that the last pose stays visible."""

from __future__ import annotations

import sys
import time
import webbrowser
from collections.abc import Sequence
from threading import Event, Timer
from typing import TYPE_CHECKING

from rich.console import Console

from lifting.errors import ConfigError
from realtime.cockpit.banners import Banner, banners
from realtime.cockpit.build import Cockpit, build_cockpit
from realtime.cockpit.outputs import Output, Outputs
from realtime.config import OutputConfig, RunConfig
from realtime.control import Control
from realtime.data import Motion
from realtime.exposure import announce
from realtime.pipeline import Pipeline
from realtime.replay import Replay
from realtime.sinks import Aligned, Sink
from realtime.sinks.page import WebPage
from realtime.web.panel import Panel
from realtime.web.panel_body import ALIGN_DELAY_S, BodyPanel
from realtime.web.panel_camera import CameraPanel
from realtime.web.panel_outputs import OutputsPanel
from realtime.web.panel_record import RecordPanel, clock
from realtime.web.panel_robot import RobotPanel
from realtime.web.status import Facts

if TYPE_CHECKING:
    from realtime.avatar.model import AvatarModel
    from realtime.sinks.page import RobotToShow

POLL_S = 0.1


class PageSession:
    """Owns a page for the time of a `with` block; without one (`--headless`) every call does nothing."""

    def __init__(self, out: OutputConfig, source: str, console: Console) -> None:
        self._out, self._source = out, source
        host = "0.0.0.0" if out.lan else "127.0.0.1"
        if out.robot_view and (out.robot is None or out.headless):
            raise ConfigError(
                "--robot-view shows the robot of --robot on the page. Add --robot g1, no --headless."
            )
        avatar = _avatar(out)
        self._page = (
            None
            if out.headless
            else WebPage(
                out.web_port,
                host=host,
                source=self._named,
                facts=self._facts,
                warnings=self._warnings,
                recording=self._recording,
                seen=self._seen,
                avatar=avatar,
            )
        )
        self._run: Pipeline | Replay | None = None
        self._cockpit: Cockpit | None = None
        self._console = console

    @property
    def sinks(self) -> tuple[Sink, ...]:
        """What the pipeline feeds."""
        return () if self._page is None else (_Lent(self._page),)

    def attach(self, run: Pipeline | Replay, config: RunConfig | None = None) -> None:
        """Say where the page is, show counters and controls; with --lan, tell what other machines can reach.
        `config`: what a pipeline was built from; without it the page only shows."""
        self._run = run
        sinks = [runner.sink for runner in run.runners]
        if self._page is not None:  # not before: a run whose camera does not open has no page to go to
            self._console.print(f"Page: [bold]{self._page.link}[/]")
        announce([self._page, *sinks], self._console, lan=self._out.lan)
        if self._page is None:
            return
        if isinstance(run, Pipeline) and config is not None:
            self._cockpit = build_cockpit(config, run)
        self._page.extend(self._panels(run), self._robot(run))

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
        return self

    def __exit__(self, *exc: object) -> None:
        if self._page is not None:
            self._page.close()

    def _panels(self, run: Pipeline | Replay) -> list[Panel]:
        """The tabs, for a run or for a replay, which has less to choose."""
        align = self._align_soon if self._out.vmc or self._out.vrchat else None
        cockpit = self._cockpit
        if cockpit is None:
            shown = [Output(r.name, None, r) for r in run.runners if not isinstance(r.sink, _Lent)]
            found: list[Panel] = [OutputsPanel(Outputs(Control(), shown))]
            return [*found, BodyPanel(None, align)] if align else found
        panels: list[Panel] = [CameraPanel(cockpit.camera, self._choose if cockpit.camera else None)]
        if cockpit.recording is not None:
            panels.append(RecordPanel(cockpit.recording))
        panels += [BodyPanel(cockpit.tuning, align), OutputsPanel(cockpit.outputs)]
        if cockpit.robot is not None:
            panels.append(RobotPanel(cockpit.robot))
        return panels

    def _robot(self, run: Pipeline | Replay) -> RobotToShow | None:
        """Its model with meshes, and where its newest command is; of a replay as well."""
        if not self._out.robot_view or self._out.robot is None:
            return None
        from realtime.retarget.robot_file import load_robot
        from realtime.retarget.robot_model import load_model
        from realtime.sinks.robot import RobotSink

        loops = [runner.sink.loop for runner in run.runners if isinstance(runner.sink, RobotSink)]
        if not loops:
            return None
        return load_model(load_robot(self._out.robot), meshes=True), lambda: loops[0].last

    def _named(self) -> str:
        return self._run.capture.source.name if isinstance(self._run, Pipeline) else self._source

    def _seen(self, motion: Motion) -> None:
        if self._cockpit is not None:
            self._cockpit.watch.add(motion, time.monotonic())

    def _warnings(self) -> Sequence[Banner]:
        return () if self._cockpit is None else banners(self._cockpit.watch.signs(time.monotonic()))

    def _recording(self) -> str:
        recording = None if self._cockpit is None else self._cockpit.recording
        if recording is None or not recording.name:
            return ""
        return f"{recording.name}  {clock(recording.seconds)}"

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
    shows_page = True

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
