"""What happens to a run when a stage of it, or what it is fed with, goes wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from lifting.errors import SinkError
from lifting.lifter import Lifter
from realtime import cli
from realtime.build import build_people, open_camera, open_lifter
from realtime.commands import run as run_command
from realtime.config import CameraConfig, LifterConfig, RunConfig
from realtime.data import BodyPose, Float32, Frame, Keypoints, Motion, State
from realtime.people import People
from realtime.pipeline import Pipeline
from realtime.report import print_summary
from realtime.session import read_frames, read_poses
from realtime.sinks import Sink, runner
from realtime.sinks.poses_npz import PosesNpz
from realtime.sinks.recorder import SessionRecorder
from realtime.solve.body import SolverOptions
from realtime.sources.figure import figure_at
from realtime.sources.session import SessionSource
from realtime.sources.synthetic import SyntheticSource
from realtime.timing import Summary
from tests.realtime.pipeline_rig import SIZE, Collector, TruthTracker


def run(source: Any, *sinks: Sink, tracker: Any = None, people: People | None = None) -> Summary:
    """The real pipeline on every frame of a source."""
    camera = partial(open_camera, CameraConfig(), None)
    people = people or build_people(RunConfig())
    line = Pipeline(source, tracker or TruthTracker(), people, camera, sinks, lossless=True)
    return line.run(threading.Event())


class BrokenTracker(TruthTracker):
    """Fails at its fortieth frame."""

    def update(self, frame: Frame) -> list[Keypoints]:
        if frame.index == 40:
            raise RuntimeError("[ONNXRuntimeError] : 1 : FAIL :\n the device is gone")
        return super().update(frame)


def test_a_detector_that_throws_costs_no_recorded_frame(tmp_path: Path) -> None:
    """The run ends, but only after session and poses are whole files with every frame before it."""
    session, poses = SessionRecorder(tmp_path / "take.mcap"), PosesNpz(tmp_path / "take.npz")
    with pytest.raises(RuntimeError, match="the device is gone"):
        run(SyntheticSource(30, SIZE), session, poses, tracker=BrokenTracker())
    assert [message.seq for message in read_poses(session.path)] == list(range(40))
    with np.load(poses.path) as arrays:
        assert arrays["frame_index"].tolist() == list(range(40))


def test_an_unforeseen_error_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the command line: its kind and message, no traceback, exit code 1; --debug tells all."""

    def broken(*_args: object, **_options: object) -> None:
        raise RuntimeError("nobody\nthought of this" + 1000 * "!")

    monkeypatch.setattr(run_command, "build_pipeline", broken)
    monkeypatch.setattr(run_command, "needed_models", lambda _config: [])
    assert cli.main(["run", "synthetic", "--headless"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("sealcap: Unforeseen: RuntimeError: nobody thought of this!!!")
    assert len(line) < 500
    assert "--debug" in line
    with pytest.raises(RuntimeError):
        cli.main(["run", "synthetic", "--headless", "--debug"])


class BrokenLifter(Lifter):
    """Answers with NaN or infinity, or throws, while `broken`."""

    fault = "nan"
    calls = 0

    def lift(self, windows: Any, gravity_cam: Any = None) -> Float32:
        joints = super().lift(windows, gravity_cam)
        self.calls += 1
        if 40 <= self.calls < 60:
            joints = joints.copy()
            joints[:, 5 if self.fault == "one joint" else slice(None)] = (
                np.inf if self.fault == "inf" else np.nan
            )
        return joints


@pytest.mark.parametrize("correct", [0.0, 1.0])
@pytest.mark.parametrize("fault", ["nan", "inf", "one joint"])
def test_a_lifter_that_returns_no_numbers_is_survived(fault: str, correct: float) -> None:
    """Not one number that is not finite is published, and tracking goes on when the network is back."""
    lifter = BrokenLifter(open_lifter(LifterConfig())._network)
    lifter.fault = fault
    sink = Collector()
    summary = run(
        SyntheticSource(30, SIZE, duration_s=3), sink, people=People(lifter, SolverOptions(), correct)
    )
    assert summary.accounted
    assert summary.published == 90
    poses = [pose for motion in sink.motions for pose in motion.people]
    assert all(np.isfinite(numbers(pose)).all() for pose in poses)
    assert [p.state for p in sink.motions[-1].people] == [State.TRACKING]
    assert all(m.people[0].state is not State.TRACKING for m in sink.motions[45:58])


def numbers(pose: BodyPose) -> Float32:
    """All that leaves the machine of a pose."""
    parts = (pose.joints_world, pose.joints_cam, pose.bone_rotations, pose.root_world, pose.root_rotation)
    return np.concatenate([part.ravel() for part in parts])


class Faulty:
    """An output that goes wrong where and how it is told."""

    name, queue = "faulty", 1

    def __init__(self, where: str, error: BaseException | None) -> None:
        """`error` None: hangs there."""
        self.where, self.error, self.go = where, error, threading.Event()
        self.written = 0

    def open(self) -> None:
        self._fail("open")

    def write(self, _motion: Motion) -> None:
        if self.written == 10:
            self._fail("write")
        self.written += 1

    def close(self) -> None:
        self._fail("close")

    def _fail(self, where: str) -> None:
        if where != self.where:
            return
        if self.error is None:
            self.go.wait(20)
        else:
            raise self.error


def live(*sinks: Sink, seconds: float = 1.0) -> tuple[Summary, float]:
    """A live run, and how long it took in all."""
    camera = partial(open_camera, CameraConfig(), None)
    source = SyntheticSource(30, SIZE, paced=True, loop=True)
    line = Pipeline(source, TruthTracker(), build_people(RunConfig()), camera, sinks, duration=seconds)
    begin = time.monotonic()
    summary = line.run(threading.Event())
    return summary, time.monotonic() - begin


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("where", ["write", "close"])
@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), AssertionError("a bug"), None])
def test_an_output_that_fails_or_hangs_harms_no_other(
    where: str, error: BaseException | None, tmp_path: Path
) -> None:
    """The run ends in time, the recording is whole, and the books say what became of every frame."""
    faulty, session = Faulty(where, error), SessionRecorder(tmp_path / "take.mcap")
    summary, seconds = live(faulty, session)
    faulty.go.set()
    assert seconds < 1.0 + 3.0
    assert summary.accounted, summary
    broken, recorded = summary.sinks
    assert broken.failure is not None
    assert broken.failed == 0 if where == "close" else broken.failed > 0
    told = Console(file=StringIO(), width=200)
    print_summary(summary, told)
    assert isinstance(told.file, StringIO)
    assert ("lost in its failure" in told.file.getvalue()) == (where == "write")
    assert (recorded.sent, recorded.failure) == (summary.published, None)
    assert [message.seq for message in read_poses(session.path)] == list(range(summary.published))


def test_an_output_that_hangs_at_its_opening_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the time allowed, in words."""
    monkeypatch.setattr(runner, "OPEN_TIMEOUT_S", 0.3)
    faulty = Faulty("open", None)
    with pytest.raises(SinkError, match="faulty did not open within"):
        live(faulty)
    faulty.go.set()


class Changing(SyntheticSource):
    """A camera whose rate and picture size change while it runs."""

    def __init__(self, parts: list[tuple[float, tuple[int, int], float]]) -> None:
        """Parts: frames per second, size, seconds."""
        super().__init__()
        self._parts = parts

    def frames(self) -> Iterator[Frame]:
        index, time_s = 0, 0.0
        for fps, size, seconds in self._parts:
            camera = SyntheticSource(fps, size)
            for _ in range(round(seconds * fps)):
                figure = figure_at(time_s, self.stature_m)
                image = np.full((size[1], size[0], 3), 60 + index % 60, np.uint8)
                now, media = time.monotonic_ns(), round(time_s * 1e9)
                yield Frame(image, index, media, now, 10**18, camera.truth(figure))
                index, time_s = index + 1, time_s + 1 / fps


def errors_mm(motions: list[Motion]) -> Float32:
    """Mean joint error of each frame, relative to mid-hip."""
    found = []
    for motion in motions:
        assert motion.frame.truth is not None
        gap = motion.people[0].joints_cam - motion.frame.truth.joints_cam
        found.append(1e3 * np.linalg.norm(gap, axis=-1).mean())
    return np.array(found, np.float32)


def test_a_camera_that_changes_its_rate(tmp_path: Path) -> None:
    """60, then 12, then 30 frames per second, as in low light: nobody is lost, and the pose stays as good."""
    sink, session = Collector(), SessionRecorder(tmp_path / "take.mcap")
    size = (320, 240)
    parts = [(30.0, size, 2.0), (60.0, size, 1.5), (12.0, size, 3.0), (30.0, size, 1.5)]
    summary = run(Changing(parts), sink, session)
    assert summary.accounted
    assert all(m.people[0].state is State.TRACKING for m in sink.motions)
    cuts = np.cumsum([0, *(round(fps * seconds) for fps, _, seconds in parts)])
    means = [float(errors_mm(sink.motions[a:b])[(b - a) // 3 :].mean()) for a, b in pairwise(cuts)]
    assert max(means) < 80, means
    assert [message.seq for message in read_poses(session.path)] == list(range(summary.published))


def test_a_camera_that_changes_its_picture_size(tmp_path: Path) -> None:
    """320×240, 160×120, 320×240 again: followed on, and the session with its video has every frame."""
    pytest.importorskip("av", reason="pip install 'sealcap[video]'")
    sink, session = Collector(), SessionRecorder(tmp_path / "take.mcap", video=True)
    parts = [(30.0, (320, 240), 2.0), (30.0, (160, 120), 1.0), (30.0, (320, 240), 1.0)]
    summary = run(Changing(parts), sink, session)
    assert summary.accounted
    assert all(m.people[0].state is State.TRACKING for m in sink.motions)
    errors = errors_mm(sink.motions)
    assert float(errors[70:].max()) < 1.5 * float(errors[20:60].max()) + 30
    assert [frame.pose.seq for frame in read_frames(session.path)] == list(range(120))
    with SessionSource(session.path, paced=False) as source:
        pictures = list(source.frames())
    assert [frame.size for frame in pictures] == [m.frame.size for m in sink.motions]


@pytest.mark.parametrize("hours", [-1.0, 1.0])
def test_a_wall_clock_that_is_set_while_recording(
    hours: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Summer time, or a first answer of a time server: capture times go on evenly, frames stay in order."""
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", real)
    begin = time.monotonic()

    def stepped() -> int:
        return real() + (round(hours * 3600e9) if time.monotonic() - begin > 0.7 else 0)

    monkeypatch.setattr(time, "time_ns", stepped)
    session = SessionRecorder(tmp_path / "take.mcap")
    summary, _ = live(session, seconds=1.4)
    messages = list(read_poses(session.path))
    assert [message.seq for message in messages] == list(range(summary.published))
    steps = np.diff([message.capture_time_ns for message in messages]) / 1e9
    assert 0 < steps.min() <= steps.max() < 0.5
    walls = np.diff([message.capture_time_ns + message.wall_offset_ns for message in messages]) / 1e9
    assert 0 < walls.min() <= walls.max() < 0.5


def test_a_disk_that_stalls_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second for every sync: the run is not slowed, and all that waits at the end is written."""
    from realtime.sinks import disk

    monkeypatch.setattr(disk.os, "fsync", lambda _file: time.sleep(1.0))
    session, other = SessionRecorder(tmp_path / "take.mcap"), Collector()
    summary, seconds = live(session, other, seconds=1.5)
    assert summary.accounted
    assert seconds < 8
    assert [(sink.dropped, sink.failed) for sink in summary.sinks] == [(0, 0), (0, 0)]
    assert len(other.motions) == summary.published > 3
    assert [message.seq for message in read_poses(session.path)] == list(range(summary.published))


@pytest.mark.parametrize("size", [(1, 1), (1, 480), (640, 1), (7680, 4320)])
def test_pictures_of_odd_sizes(size: tuple[int, int]) -> None:
    """From one pixel to 8K the run goes through; nobody is seen where nothing is."""
    frames = [replace_image(frame, size) for frame in SyntheticSource(30, SIZE, duration_s=0.1).frames()]
    sink = Collector()

    class Pictures(SyntheticSource):
        def frames(self) -> Iterator[Frame]:
            yield from frames

    summary = run(Pictures(), sink, tracker=TruthTracker(there=lambda _: False))
    assert summary.published == 3
    assert [motion.frame.size for motion in sink.motions] == [size] * 3


def replace_image(frame: Frame, size: tuple[int, int]) -> Frame:
    """The frame with a grey picture of another size."""
    return replace(frame, image=np.full((size[1], size[0], 3), 90, np.uint8), truth=None)
