"""The whole way of a frame: every one accounted for, none late, none out of order, none lost at the end."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import pytest

from lifting.errors import SourceError
from realtime.build import build_people, open_camera
from realtime.config import CameraConfig, RunConfig
from realtime.data import Float32, Keypoints, State
from realtime.models import store
from realtime.session import read_poses
from realtime.sources.figure import figure_at
from realtime.sources.synthetic import SyntheticSource
from realtime.tracks import box_of
from tests.realtime.pipeline_rig import SEEN, SIZE, Collector, TruthTracker, pipeline
from training.metrics import p_mpjpe

log = logging.getLogger(__name__)


class FailingSource(SyntheticSource):
    """A source whose picture fails for good after ten frames."""

    error: Exception = SourceError("The film tore.")

    def frames(self):  # type: ignore[no-untyped-def]
        """Ten frames, then the error a broken file or camera gives."""
        for frame in super().frames():
            if frame.index == 10:
                raise self.error
            yield frame


def test_lossless_publishes_every_frame_in_order() -> None:
    """As fast as it goes and nothing dropped: seq and frame numbers run from 0 without a gap."""
    sink = Collector()
    source = SyntheticSource(30, SIZE, duration_s=4)
    summary = pipeline(source, TruthTracker(), sink, lossless=True).run(threading.Event())
    assert summary.accounted
    assert summary.captured == summary.published == summary.with_person == 120
    assert (summary.overwritten, summary.unprocessed, summary.missed) == (0, 0, 0)
    assert [m.seq for m in sink.motions] == [m.frame.index for m in sink.motions] == list(range(120))
    assert (summary.sinks[0].sent, summary.sinks[0].dropped, summary.sinks[0].failure) == (120, 0, None)
    assert (sink.opened, sink.closed) == (1, 1)


def test_lossless_waits_for_a_slow_tracker() -> None:
    """A file may take longer than it lasts."""
    source = SyntheticSource(60, SIZE, duration_s=0.5)
    summary = pipeline(source, TruthTracker(seconds=0.03), lossless=True).run(threading.Event())
    assert summary.published == 30
    assert summary.overwritten == 0
    assert summary.seconds > 0.9


def test_live_frames_are_all_accounted_for_and_on_time() -> None:
    """At a rate the pipeline can do, nearly every frame goes out, within a few frame times."""
    sink = Collector()
    source = SyntheticSource(30, SIZE, paced=True, duration_s=3)
    summary = pipeline(source, TruthTracker(), sink).run(threading.Event())
    assert summary.accounted
    assert summary.captured == 90
    assert summary.published >= 80
    assert 24 < summary.fps < 33
    assert summary.stage_ms["latency"][0] < 40
    assert [m.seq for m in sink.motions] == list(range(summary.published))
    assert all(a.frame.index < b.frame.index for a, b in pairwise(sink.motions))


def test_a_slow_tracker_skips_frames_and_stays_current() -> None:
    """At 20 of 60 frames per second two of three are overwritten, and the last is no older than the first."""
    sink = Collector()
    source = SyntheticSource(60, SIZE, paced=True, duration_s=3)
    summary = pipeline(source, TruthTracker(seconds=0.05), sink).run(threading.Event())
    assert summary.accounted
    assert summary.captured == 180
    assert summary.overwritten > 90
    assert 25 <= summary.published <= 62
    ages_ms = [(m.publish_ns - m.frame.received_ns) / 1e6 for m in sink.motions]
    assert np.median(ages_ms[-10:]) < np.median(ages_ms[:10]) + 25
    assert np.median(ages_ms) < 50 + 2 * 17 + 30


@pytest.mark.parametrize("options", [{"frames": 7}, {"duration": 0.4}])
def test_a_run_ends_when_it_has_enough(options: dict[str, float]) -> None:
    """By frames exactly, by time soon after it; what was captured and not used is in the books."""
    source = SyntheticSource(30, SIZE, paced=True, loop=True)
    summary = pipeline(source, TruthTracker(), **options).run(threading.Event())
    assert summary.accounted
    assert summary.published == 7 if "frames" in options else 0.4 <= summary.seconds < 1.0


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("seconds", [0.0, 0.03])
def test_stopping_in_the_middle_leaves_no_frame_unaccounted(lossless: bool, seconds: float) -> None:
    """Whatever lies between the threads when Ctrl-C comes is counted; nothing hangs."""
    stop = threading.Event()
    threading.Timer(0.6, stop.set).start()
    source = SyntheticSource(240, SIZE, loop=True, paced=not lossless)
    summary = pipeline(source, TruthTracker(seconds=seconds), lossless=lossless).run(stop)
    assert summary.accounted, summary
    assert summary.published > 0
    assert summary.seconds < 1.2


def test_a_source_that_fails_for_good_ends_the_run_after_closing_the_outputs() -> None:
    """The frames before the failure are written; the error reaches the caller."""
    sink = Collector()
    source = FailingSource(30, SIZE, duration_s=2)
    with pytest.raises(SourceError, match="The film tore"):
        pipeline(source, TruthTracker(), sink, lossless=True).run(threading.Event())
    assert len(sink.motions) == 10
    assert sink.closed == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_unforeseen_error_of_a_source_is_no_success() -> None:
    """A bug in a driver ends the run with an error too, after the outputs are closed."""
    sink = Collector()
    source = FailingSource(30, SIZE, duration_s=2)
    source.error = RuntimeError("nobody thought of this")
    with pytest.raises(SourceError, match="synthetic stopped unexpectedly"):
        pipeline(source, TruthTracker(), sink, lossless=True).run(threading.Event())
    assert len(sink.motions) == 10
    assert sink.closed == 1


def test_somebody_who_leaves_and_returns_goes_through_all_states() -> None:
    """Gone from 2.0 s to 4.7 s of media time: predicted, held, lost, and tracking again at once."""
    sink = Collector()
    tracker = TruthTracker(there=lambda t: not 2.0 <= t < 4.7)
    source = SyntheticSource(30, SIZE, duration_s=6)
    summary = pipeline(source, tracker, sink, lossless=True).run(threading.Event())
    states = [pose.state for motion in sink.motions for pose in motion.people]
    assert [state for state, _ in groupby(states)] == [
        State.TRACKING,
        State.PREDICTED,
        State.HELD,
        State.LOST,
        State.TRACKING,
    ]
    assert {pose.person_id for motion in sink.motions for pose in motion.people} == {0}
    assert summary.with_person == states.count(State.TRACKING) == 180 - 81


def test_nobody_in_view_publishes_empty_frames() -> None:
    """Receivers see a live system that sees nobody, not silence."""
    sink = Collector()
    source = SyntheticSource(30, SIZE, duration_s=1)
    summary = pipeline(source, TruthTracker(there=lambda _: False), sink, lossless=True).run(
        threading.Event()
    )
    assert summary.published == 30
    assert summary.with_person == 0
    assert all(motion.people == () for motion in sink.motions)


def raw_poses(fps: int, seconds: float = 26.0) -> Float32:
    """(N,26,3) raw output of the packaged lifter for exact 2D, at every fifteenth of a second."""
    people = build_people(RunConfig())
    source = SyntheticSource(fps)
    width, height = source.intrinsics.width, source.intrinsics.height
    camera = open_camera(CameraConfig(), None, width, height)
    poses: list[Float32] = []
    for index in range(int(seconds * fps)):
        time_ns = round(index * 1e9 / fps)
        points = source.truth(figure_at(time_ns / 1e9, source.stature_m)).points_px
        raw = people.lift([Keypoints(0, points, SEEN, box_of(points, SEEN))], camera, time_ns)[0]
        if index % (fps // 15) == 0:
            poses.append(raw)
    return np.stack(poses)


def test_the_frame_rate_does_not_change_the_pose() -> None:
    """60 fps decimated to 30 and to 15 gives the same raw poses within 10 mm P-MPJPE of each other."""
    start = 2 * 15  # until the window is full at every rate
    at60, at30, at15 = (raw_poses(fps)[start:] for fps in (60, 30, 15))
    errors_mm = {
        pair: 1e3 * p_mpjpe(a, b)
        for pair, a, b in (("60-30", at60, at30), ("60-15", at60, at15), ("30-15", at30, at15))
    }
    log.info("P-MPJPE between rates, mm: %s", errors_mm)
    assert max(errors_mm.values()) < 10, errors_mm
    assert at60.std(axis=0).max() > 0.05  # the figure did move


SEALCAP = [sys.executable, "-c", "import sys; from realtime.cli import main; sys.exit(main())"]


@pytest.mark.models
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM or Ctrl-C for one child alone")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_recording_at_once_and_whole(tmp_path: Path, number: signal.Signals) -> None:
    """Within a second: exit code 0, the session renamed, readable, and gap-free to its last frame."""
    if not store.is_pulled("movenet-lightning"):
        pytest.skip("models are not pulled")
    record = tmp_path / "take.mcap"
    args = ["run", "synthetic", "--loop", "--headless", "--record", str(record)]
    args += ["--detector", "movenet", "--detector.variant", "lightning"]
    process = subprocess.Popen([*SEALCAP, *args], stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        wait_for_bytes(tmp_path / "take.mcap.partial", process)
        begin = time.monotonic()
        process.send_signal(number)
        _, err = process.communicate(timeout=10)
        seconds = time.monotonic() - begin
    finally:
        process.kill()
    log.info("%s: ended %.2f s after the signal", number.name, seconds)
    assert process.returncode == 0, err
    assert seconds < 1.0
    assert "Traceback" not in err
    assert "a person in" in err
    assert [path.name for path in tmp_path.iterdir()] == ["take.mcap"]
    seqs = [message.seq for message in read_poses(record)]
    assert len(seqs) > 10
    assert seqs == list(range(len(seqs)))


def wait_for_bytes(path: Path, process: subprocess.Popen[str], enough: int = 60_000) -> None:
    """Until a recording has taken so many bytes."""
    deadline = time.monotonic() + 30
    while not (path.exists() and path.stat().st_size > enough):
        assert process.poll() is None, "it ended by itself"
        assert time.monotonic() < deadline, "nothing was recorded"
        time.sleep(0.02)
