"""The real pipeline between a tracker that sees perfectly and an output that keeps everything."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from lifting.skeleton import BODY21
from realtime.build import build_people, open_camera
from realtime.config import CameraConfig, RunConfig
from realtime.data import Frame, Keypoints, Motion
from realtime.pipeline import Pipeline
from realtime.sources import Source
from realtime.tracking import Tracker
from realtime.tracks import box_of

SIZE = (160, 120)
SEEN = np.ones(len(BODY21), np.float32)


class TruthTracker(Tracker):
    """Perfect eyes: the points that the synthetic source says are there, when somebody is there."""

    def __init__(self, *, seconds: float = 0.0, there: Callable[[float], bool] = lambda _: True) -> None:
        """Takes `seconds` per frame; `there` says at which media time the person is in view."""
        self._seconds, self._there = seconds, there

    def update(self, frame: Frame) -> list[Keypoints]:
        """One person, number 0, or nobody."""
        time.sleep(self._seconds)
        if frame.truth is None or not self._there(frame.capture_time_ns / 1e9):
            return []
        points = frame.truth.points_px
        return [Keypoints(0, points, SEEN, box_of(points, SEEN))]

    def restart(self) -> None:
        """Nothing to forget: it knows."""


class Collector:
    """An output that keeps what it gets; its queue holds a whole run."""

    name, queue = "collector", 4096

    def __init__(self) -> None:
        self.motions: list[Motion] = []
        self.opened = self.closed = 0

    def open(self) -> None:
        self.opened += 1

    def write(self, motion: Motion) -> None:
        self.motions.append(motion)

    def close(self) -> None:
        self.closed += 1


def pipeline(source: Source, tracker: Tracker, *sinks: Collector, **options: object) -> Pipeline:
    """The real pipeline with the packaged lifter and an unknown camera."""
    camera = partial(open_camera, CameraConfig(), None)
    return Pipeline(source, tracker, build_people(RunConfig()), camera, sinks, **options)  # type: ignore[arg-type]
