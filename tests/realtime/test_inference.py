"""What is learned while looking, and when it is forgotten."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from realtime.build import build_people, open_camera
from realtime.capture import Captured
from realtime.config import CameraConfig, RunConfig
from realtime.data import Frame, Keypoints, State
from realtime.inference import Inference
from realtime.sources.synthetic import SyntheticSource
from realtime.timing import Timings
from tests.realtime.pipeline_rig import SIZE, TruthTracker


class Noting(TruthTracker):
    """Writes down before which frame it was told to forget everybody."""

    def __init__(self) -> None:
        super().__init__()
        self.restarts: list[int] = []
        self._next = 0

    def update(self, frame: Frame) -> list[Keypoints]:
        self._next = frame.index + 1
        return super().update(frame)

    def restart(self) -> None:
        self.restarts.append(self._next)


class Anew(TruthTracker):
    """Gives whoever is there another number after each restart, as the real one does."""

    def __init__(self) -> None:
        super().__init__()
        self._number = 0

    def update(self, frame: Frame) -> list[Keypoints]:
        return [replace(k, person_id=self._number) for k in super().update(frame)]

    def restart(self) -> None:
        self._number += 1


def inference(tracker: TruthTracker, times: Timings | None = None) -> Inference:
    """With the packaged lifter and an unknown camera."""
    camera = partial(open_camera, CameraConfig(), None)
    return Inference(tracker, build_people(RunConfig()), camera, times or Timings())


def captured(seconds: float, size: tuple[int, int] = SIZE) -> Iterator[Captured]:
    """Frames of the synthetic figure."""
    for frame in SyntheticSource(30, size, duration_s=seconds).frames():
        yield Captured(frame, time.monotonic_ns())


def test_another_turn_of_a_looped_file_is_no_continuation() -> None:
    """The tracker forgets everybody where the pictures begin anew, and only there."""
    tracker = Noting()
    eyes = inference(tracker)
    for one in captured(2.0):
        eyes.infer(one._replace(frame=replace(one.frame, turn=one.frame.index // 20)))
    assert tracker.restarts == [20, 40]


def test_nobody_of_the_last_turn_lingers() -> None:
    """In every turn of a looped file one person is there, not the last turn's as well, coasting: an output of
    one person would show that one until it is given up."""
    eyes = inference(Anew())
    for one in captured(1.5):
        turn = one.frame.index // 15
        poses = eyes.infer(one._replace(frame=replace(one.frame, turn=turn)))[1]
        assert [(pose.person_id, pose.state) for pose in poses] == [(turn, State.TRACKING)]


def test_pictures_of_another_size_come_through_another_lens() -> None:
    """One estimate of the camera per size of picture; a height that somebody set meanwhile stays set."""
    eyes = inference(TruthTracker())
    for one in captured(0.1):
        eyes.infer(one)
    before = eyes.camera
    eyes.tune({"height_m": 1.9})
    for one in captured(0.1, (320, 240)):
        eyes.infer(one)
    assert before is not None
    assert eyes.camera is not None
    assert (before.intrinsics.width, eyes.camera.intrinsics.width) == (SIZE[0], 320)
    assert eyes.camera.person_height_m == before.person_height_m == eyes.options.height_m == 1.9


def test_what_was_relearnt_is_what_a_newcomer_would_learn() -> None:
    """After forgetting, the same pictures give the same bodies as they gave at first."""
    eyes = inference(TruthTracker())

    def seen() -> list[np.ndarray]:
        return [eyes.infer(one)[1][0].joints_world for one in captured(0.5)]

    first = seen()
    eyes.look_elsewhere(None)
    for ours, theirs in zip(seen(), first, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_every_stage_is_timed() -> None:
    """The way of one frame leaves a time for each of its stages."""
    times = Timings()
    eyes = inference(TruthTracker(), times)
    for one in captured(0.2):
        eyes.infer(one)
    assert set(times.frame_ms) == {"capture", "wait", "detect", "lift", "correct", "solve"}
