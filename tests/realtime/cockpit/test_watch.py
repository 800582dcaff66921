"""What is measured of a run: the camera's rate, losses of outputs, silence, the disk, the field of view."""

from __future__ import annotations

import math
import threading
from pathlib import Path

import numpy as np
import pytest

from realtime.cockpit.banners import DISK_FULL_BYTES
from realtime.cockpit.fov_check import FovCheck
from realtime.cockpit.watch import Losses, Pace
from realtime.data import Motion
from realtime.pipeline import Pipeline
from realtime.sources.synthetic import SyntheticSource
from tests.realtime.pipeline_rig import Collector, TruthTracker, pipeline
from tests.realtime.web.cockpit_rig import running, settings, wait_for


@pytest.mark.parametrize("taken", [1, 3])
def test_the_cameras_rate_is_told_from_numbers_not_from_what_arrives(taken: int) -> None:
    """A pipeline that takes every third picture of a camera at 30 sees a camera at 30."""
    pace = Pace()
    for index in range(0, 90, taken):
        pace.add(index, index * 33_333_333)
    assert pace.fps == pytest.approx(30.0, rel=0.01)


def test_a_rate_is_not_told_too_early_nor_across_a_new_start() -> None:
    """Not in the first second and a half, and a clip that begins again begins to be measured again."""
    pace = Pace()
    for index in range(40):
        pace.add(index, index * 33_333_333)
    assert pace.fps is None
    for index in range(60):
        pace.add(index, index * 66_666_667)
    assert pace.fps == pytest.approx(15.0, rel=0.01)


def test_losses_are_those_of_the_last_seconds() -> None:
    """An output that was slow a minute ago is not slow now."""
    losses = Losses()
    assert losses.add("zmq", 0, 0, 0.0) == 0.0
    assert losses.add("zmq", 50, 50, 4.0) == 0.5
    for second in range(5, 12):
        share = losses.add("zmq", 50 + 30 * second, 50, float(second))
    assert share == 0.0


def test_a_source_that_stops_and_a_disk_that_fills_are_noticed(tmp_path: Path) -> None:
    """Silence grows when no frame comes; free space is looked up, also for a folder that is not there yet."""
    with running(settings(tmp_path / "not" / "there"), size=(160, 120)) as rig:
        watch, asked = rig.cockpit.watch, []

        def nearly_full(folder: Path) -> int:
            asked.append(folder)
            return DISK_FULL_BYTES - 1

        watch.disk_free = nearly_full
        wait_for(lambda: watch.signs(0.0).source == "synthetic")
        assert watch.signs(1e6).disk_free == DISK_FULL_BYTES - 1
        assert asked[-1] == tmp_path
        assert watch.signs(1e9).silent_s > 100


def walked(ratio: float, noise: float, steps: int = 120) -> FovCheck:
    """Steps of up to 0.4 m whose body moves `ratio` times as far as the foot says."""
    rng, check = np.random.default_rng(3), FovCheck()
    for way in rng.uniform(-0.4, 0.4, steps):
        check._ways.append((ratio * way + rng.normal(0, noise), way + rng.normal(0, noise)))
    return check


@pytest.mark.parametrize(
    ("ratio", "doubted"), [(1.0, False), (0.8, False), (1.2, False), (0.5, True), (1.6, True)]
)
def test_the_field_of_view_is_doubted_when_steps_do_not_fit(ratio: float, doubted: bool) -> None:
    """Steps half as long, or half as long again, as the legs make them; small errors are let pass."""
    found = walked(ratio, 0.03).ratio
    assert (found is not None) == doubted
    if found is not None:
        assert found == pytest.approx(ratio, rel=0.15)


def test_nothing_is_doubted_from_noise_or_from_standing() -> None:
    """Neither where feet and body do not agree at all, nor where nobody walked."""
    assert walked(2.0, 2.0).ratio is None
    still = FovCheck()
    still._ways.extend([(0.01, 0.0)] * 200)
    assert still.ratio is None
    assert FovCheck().ratio is None


class _Looker(Collector):
    """Feeds a check from a run."""

    def __init__(self) -> None:
        super().__init__()
        self.check, self.run = FovCheck(), None

    def write(self, motion: Motion) -> None:
        run = self.run
        assert isinstance(run, Pipeline)
        assert run.camera is not None
        self.check.add(motion, run.camera)


@pytest.mark.real
@pytest.mark.parametrize(("fov_deg", "doubted"), [(60.0, False), (100.0, True)])
def test_a_wide_lens_taken_for_a_usual_one_is_found_out(fov_deg: float, doubted: bool) -> None:
    """On two minutes of the synthetic figure through the real lifter; the assumed field of view is 60°."""
    distance_m = 3.4 * math.tan(math.radians(30)) / math.tan(math.radians(fov_deg / 2))
    source = SyntheticSource(30, (160, 120), fov_deg=fov_deg, duration_s=104, distance_m=distance_m)
    looker = _Looker()
    run = pipeline(source, TruthTracker(), looker, lossless=True)
    looker.run = run  # type: ignore[assignment]
    run.run(threading.Event())
    assert (looker.check.ratio is not None) == doubted
