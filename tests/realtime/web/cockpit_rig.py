"""A whole run with its page, as `sealcap run` makes it, with perfect eyes in place of a detector."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console

from realtime.build import build_people, build_sinks, open_camera
from realtime.cockpit.build import Cockpit
from realtime.config import CameraConfig, OutputConfig, RunConfig
from realtime.pipeline import Pipeline
from realtime.sources.synthetic import SyntheticSource
from realtime.web.session import PageSession
from tests.realtime.pipeline_rig import TruthTracker
from tests.realtime.web.test_page import free_port


class Eyes(TruthTracker):
    """Perfect eyes that remember where they were told to look."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.chosen: list[tuple[float, float]] = []
        self.restarts = 0

    def choose(self, x_px: float, y_px: float) -> None:
        """Remember."""
        self.chosen.append((x_px, y_px))

    def restart(self) -> None:
        """Count."""
        self.restarts += 1


@dataclass
class Rig:
    """A run that goes on."""

    pipeline: Pipeline
    eyes: Eyes
    page: PageSession
    url: str

    @property
    def cockpit(self) -> Cockpit:
        """What the page can do."""
        assert self.page._cockpit is not None
        return self.page._cockpit


def settings(folder: Path, **out: object) -> RunConfig:
    """Of a run on the synthetic figure whose takes go into `folder`."""
    options = OutputConfig(web_port=free_port(), takes=folder, **out)  # type: ignore[arg-type]
    return RunConfig(source="synthetic", loop=True, out=options)


@contextmanager
def running(config: RunConfig, size: tuple[int, int] = (640, 360), **eyes: object) -> Iterator[Rig]:
    """The run in a thread, its page open, inside the block."""
    stop, seeing = threading.Event(), Eyes(**eyes)
    source = SyntheticSource(30, size, paced=True, loop=True)
    with PageSession(config.out, config.source, Console(quiet=True)) as page:
        camera = partial(open_camera, CameraConfig(), None)
        sinks = [*build_sinks(config), *page.sinks]
        pipeline = Pipeline(source, seeing, build_people(config), camera, sinks)
        page.attach(pipeline, config)
        thread = threading.Thread(target=pipeline.run, args=(stop,))
        thread.start()
        try:
            yield Rig(pipeline, seeing, page, f"http://localhost:{config.out.web_port}")
        finally:
            stop.set()
            thread.join(20)
    assert not thread.is_alive()


def wait_for(happened: Callable[[], object], seconds: float = 15.0) -> None:
    """Until it has happened. Raises AssertionError when it does not."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def no_picture_is_blank(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    """Something was drawn."""
    assert picture.std() > 8
