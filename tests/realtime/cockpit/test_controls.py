"""A run that is changed while it goes on: options, outputs, source."""

from __future__ import annotations

import socket
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from lifting.errors import SourceError
from realtime.build import build_people, open_camera
from realtime.cockpit.outputs import one_each
from realtime.config import CameraConfig, OutputConfig, RunConfig
from realtime.control import NewSource, Relearn, Tune
from realtime.data import Motion
from realtime.pipeline import Pipeline
from realtime.solve.body import BodySolver, SolverOptions
from realtime.sources.synthetic import SyntheticSource
from tests.realtime.pipeline_rig import Collector, TruthTracker
from tests.realtime.web.cockpit_rig import Eyes, free_port, running, settings, wait_for

SIZE = (160, 120)


def test_options_reach_the_solvers_and_their_filters(tmp_path: Path) -> None:
    """What is wished for is what solvers have a moment later, those that are at work already included."""
    with running(settings(tmp_path), size=SIZE) as rig:
        tuning = rig.cockpit.tuning
        wait_for(lambda: rig.pipeline.published > 5)
        tuning.set(smooth=0.0)
        tuning.set(foot_lock="never", mirror=True)
        tuning.set(height_m=1.9)
        wait_for(lambda: tuning.options == SolverOptions(0.0, 1.9, True, True, "never"))
        (person,) = rig.pipeline._inference._people._known.values()
        assert person.solver._smooth.cutoff_hz == np.inf
        assert person.solver._feet.mode == "never"
        assert rig.pipeline.camera is not None
        wait_for(lambda: rig.pipeline.camera is not None and rig.pipeline.camera.person_height_m == 1.9)
        with pytest.raises(ValueError, match="smooth"):
            tuning.set(smooth=7.0)


def test_tuned_before_the_first_frame_is_built_so() -> None:
    """A wish granted at once and an option given at the start lead to the same poses."""
    runs = []
    for live in (False, True):
        sink = Collector()
        config = RunConfig() if live else RunConfig.model_validate({"solve": {"smooth": 0.9, "mirror": True}})
        camera = partial(open_camera, CameraConfig(), None)
        source = SyntheticSource(30, SIZE, duration_s=1)
        pipeline = Pipeline(source, TruthTracker(), build_people(config), camera, [sink], lossless=True)
        if live:
            pipeline.control.wish(Tune({"smooth": 0.9, "mirror": True}))
        pipeline.run(threading.Event())
        runs.append(np.array([m.people[0].joints_world for m in sink.motions]))
    assert np.array_equal(*runs)


def test_tuning_makes_no_jump() -> None:
    """A figure that stands goes on standing when smoothing and foot lock change under it."""
    pipeline_of = {}

    class Meddler(Collector):
        """Wishes for something else in the middle."""

        def write(self, motion: Motion) -> None:
            super().write(motion)
            wishes = {15: Tune({"smooth": 1.0}), 22: Tune({"smooth": 0.2, "foot_lock": "always"})}
            if motion.seq in wishes:
                pipeline_of["it"].control.wish(wishes[motion.seq])

    sink, camera = Meddler(), partial(open_camera, CameraConfig(pitch=5.0, height=1.2, fov=60.0), None)
    source = SyntheticSource(30, SIZE, duration_s=1.0)  # then it walks
    pipeline = Pipeline(source, TruthTracker(), build_people(RunConfig()), camera, [sink], lossless=True)
    pipeline_of["it"] = pipeline
    pipeline.run(threading.Event())
    assert pipeline.options.foot_lock == "always"
    joints = np.array([m.people[0].joints_world for m in sink.motions])
    assert np.linalg.norm(np.diff(joints[10:], axis=0), axis=-1).max() < 0.03


def test_bodies_take_other_options_like_new_ones() -> None:
    """`tune` leaves a solver as its constructor would have made it."""
    tuned, options = BodySolver(SolverOptions()), SolverOptions(smooth=0.8, foot_lock="always", height_m=1.6)
    tuned.tune(options)
    fresh = BodySolver(options)
    for solver in (tuned, fresh):
        assert solver.options == options
    assert tuned._smooth.cutoff_hz == fresh._smooth.cutoff_hz
    assert tuned._smooth.beta == fresh._smooth.beta
    assert tuned._root._depth._share == fresh._root._depth._share
    assert tuned._contacts._end_m == fresh._contacts._end_m
    assert tuned._bones.height_m == fresh._bones.height_m


def test_an_output_is_off_and_on_again(tmp_path: Path) -> None:
    """Off frees its port and sends nothing; on, the same address works again; no frame leaves the books."""
    port = free_port()
    with running(settings(tmp_path, zmq=[f"tcp://127.0.0.1:{port}"]), size=SIZE) as rig:
        outputs = rig.cockpit.outputs
        (output,) = outputs.all
        wait_for(lambda: output.sent > 5)
        outputs.switch(output, on=False).join(10)
        assert output.state == "off"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))  # nobody has it any more
        sent = output.sent
        outputs.switch(output, on=True).join(10)
        assert output.state == "on"
        wait_for(lambda: output.sent > sent + 5)
    assert rig.pipeline.summary(1.0).accounted


def test_an_output_that_does_not_open_says_why(tmp_path: Path) -> None:
    """Its port was taken meanwhile: it is failed, the reason is there, the run goes on."""
    port = free_port()
    with running(settings(tmp_path, zmq=[f"tcp://127.0.0.1:{port}"]), size=SIZE) as rig:
        outputs = rig.cockpit.outputs
        (output,) = outputs.all
        outputs.switch(output, on=False).join(10)
        with socket.socket() as thief:
            thief.bind(("127.0.0.1", port))
            thief.listen()
            outputs.switch(output, on=True).join(10)
            assert output.state == "failed"
            assert str(port) in output.problem
        before = rig.pipeline.published
        wait_for(lambda: rig.pipeline.published > before + 5)
        outputs.switch(output, on=True).join(10)
        assert output.state == "on"


def test_every_output_is_rebuilt_alone() -> None:
    """One set of settings for each, in the order of building; only the first avatar output takes commands."""
    out = OutputConfig(
        zmq=["tcp://127.0.0.1:1"], osc=["127.0.0.1:2"], vmc=["127.0.0.1:3", "127.0.0.1:4"],
        vrchat=["127.0.0.1:5"], foxglove=6, record=Path("x.mcap"), robot="g1",
    )  # fmt: skip
    alone = list(one_each(out))
    assert [a.zmq + a.osc + a.vmc + a.vrchat + ([str(a.foxglove)] if a.foxglove else []) for a in alone] == [
        ["tcp://127.0.0.1:1"], ["127.0.0.1:2"], ["127.0.0.1:3"], ["127.0.0.1:4"], ["127.0.0.1:5"], ["6"],
    ]  # fmt: skip
    assert [a.vmc_commands for a in alone if a.vmc or a.vrchat] == [39540, 0, 0]
    assert not any(a.record or a.robot for a in alone)


def test_the_source_changes_and_the_books_go_on(tmp_path: Path) -> None:
    """Pictures of the new source come, people start anew, no frame is missing in the account."""
    with running(settings(tmp_path), size=SIZE) as rig:
        pipeline = rig.pipeline
        wait_for(lambda: pipeline.published > 5)
        other = SyntheticSource(30, (320, 240), paced=True, loop=True)
        pipeline.control.wish(NewSource(other))
        wait_for(lambda: pipeline.capture.source is other)
        before = pipeline.published
        wait_for(lambda: pipeline.published > before + 5)
        assert pipeline.camera is not None
        assert pipeline.camera.intrinsics.width == 320
        assert rig.eyes.restarts == 1
    assert pipeline.summary(1.0).accounted


def test_a_source_that_does_not_open_changes_nothing(tmp_path: Path) -> None:
    """The old one runs on, and the page can say why."""
    with running(settings(tmp_path), size=SIZE) as rig:
        camera = rig.cockpit.camera
        assert camera is not None
        camera.switch(str(tmp_path / "no.mp4")).join(10)
        assert "There is no file" in camera.error
        assert camera.spec == "synthetic"
        before = rig.pipeline.published
        wait_for(lambda: rig.pipeline.published > before + 5)


def test_a_restart_that_fails_waits_for_a_source_that_works(tmp_path: Path) -> None:
    """A camera must be closed before it is opened again. When it is gone the run goes on without pictures,
    and with them once there is another."""
    with running(settings(tmp_path), size=SIZE) as rig:
        camera, pipeline = rig.cockpit.camera, rig.pipeline
        assert camera is not None
        opened = camera._open

        def gone(spec: str) -> SyntheticSource:
            raise SourceError("Camera 0 does not work.")

        camera._open = gone
        camera.switch("synthetic").join(10)
        assert camera.error == "Camera 0 does not work."
        wait_for(lambda: pipeline.capture.ended)
        assert not pipeline.control.closed
        camera._open = opened
        camera.switch("synthetic").join(10)
        before = pipeline.published
        wait_for(lambda: pipeline.published > before + 5)


def test_measuring_forgets_the_floor_and_finds_it_again(tmp_path: Path) -> None:
    """Camera and bodies are new after the wish, and the floor is told once feet were seen."""
    with running(settings(tmp_path), size=SIZE) as rig:
        wait_for(lambda: rig.pipeline.published > 5)
        camera = rig.pipeline.camera
        rig.pipeline.control.wish(Relearn())
        wait_for(lambda: rig.pipeline.camera not in (camera, None))
        wait_for(lambda: "above the floor" in rig.cockpit.tuning.floor())


def test_clicks_reach_the_tracker() -> None:
    """The rig's eyes are told like any tracker."""
    eyes = Eyes()
    eyes.choose(3.0, 4.0)
    assert eyes.chosen == [(3.0, 4.0)]
