"""From a run and its settings to what the page can do with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml

from realtime.build import (
    build_outputs,
    lifter_path,
    open_calibration,
    open_camera,
)
from realtime.cockpit.camera import CameraSwitch
from realtime.cockpit.outputs import Output, Outputs, one_each
from realtime.cockpit.recording import Recording
from realtime.cockpit.robot import RobotSwitch
from realtime.cockpit.tuning import Tuning
from realtime.cockpit.watch import Watch
from realtime.config import CameraConfig, OutputConfig, RunConfig
from realtime.pipeline import Pipeline
from realtime.provenance import network_hashes
from realtime.recorded_tracker import RecordedTracker
from realtime.sinks import Sink
from realtime.sinks.recorder import SessionRecorder
from realtime.sinks.robot import RobotSink
from realtime.sinks.robot_track import RobotTrack
from realtime.sinks.runner import SinkRunner
from realtime.sinks.wire import StreamInfo
from realtime.sources import Source
from realtime.sources.factory import open_source


@dataclass(frozen=True)
class Cockpit:
    """What the page can do with a run; None where this run does not allow it."""

    watch: Watch
    outputs: Outputs
    tuning: Tuning
    camera: CameraSwitch | None
    recording: Recording | None
    robot: RobotSwitch | None


def build_cockpit(config: RunConfig, pipeline: Pipeline) -> Cockpit:
    """Everything for the page. A run that takes every frame of a file is not to be changed on the way: it is
    only watched and tuned."""
    robot_sink = _robot_sink(pipeline)
    outputs = build_switches(config, pipeline)
    robot = None if robot_sink is None else RobotSwitch(robot_sink.robot, robot_sink.loop)
    camera = recording = None
    if not pipeline.lossless:
        recording = build_recording(config, pipeline, robot_sink)
        if not isinstance(pipeline.tracker, RecordedTracker):
            camera = build_camera_switch(config, pipeline)
    watch = Watch(pipeline, camera, outputs, recording, robot)
    return Cockpit(watch, outputs, Tuning(pipeline), camera, recording, robot)


def build_switches(config: RunConfig, pipeline: Pipeline) -> Outputs:
    """One switch for each output but the page and the recorder; the robot's and files cannot be switched."""
    info, people = _info(config), config.person.people
    runners = iter(_switchable(pipeline))
    listed = []
    for alone in one_each(config.out):
        runner = next(runners)
        build = None if pipeline.lossless else partial(_build_one, alone, info, people)
        listed.append(Output(runner.name, build, runner))
    listed += [Output(runner.name, None, runner) for runner in runners]
    return Outputs(pipeline.control, listed)


def build_recording(config: RunConfig, pipeline: Pipeline, robot: RobotSink | None) -> Recording:
    """Takes into the folder of the settings; one that runs already (--record) is gone on with."""
    tracks = [] if robot is None else [outlet.transport for outlet in robot.loop.outlets]
    track = next((t for t in tracks if isinstance(t, RobotTrack)), None)
    recording = Recording(pipeline.control, config.out.takes, partial(_recorder, _info(config), track))
    for runner in pipeline.runners:
        if isinstance(runner.sink, SessionRecorder):
            recording.adopt(runner)
    return recording


def build_camera_switch(config: RunConfig, pipeline: Pipeline) -> CameraSwitch:
    """What the settings know of the camera counts for the one they name, and for no other."""
    calibration = open_calibration(config.camera)
    own = partial(open_camera, config.camera, config.person.height, calibration=calibration)
    other = partial(open_camera, CameraConfig(), config.person.height)
    opened: Callable[[str], Source] = partial(open_source, paced=True, loop=config.loop)
    return CameraSwitch(pipeline, config.source, opened, own, other)


def _switchable(pipeline: Pipeline) -> list[SinkRunner]:
    """In the order of building: first those that `one_each` names."""
    return [r for r in pipeline.runners if not isinstance(r.sink, SessionRecorder) and not _is_page(r.sink)]


def _is_page(sink: Sink) -> bool:
    return getattr(sink, "shows_page", False)


def _robot_sink(pipeline: Pipeline) -> RobotSink | None:
    return next((r.sink for r in pipeline.runners if isinstance(r.sink, RobotSink)), None)


def _build_one(alone: OutputConfig, info: StreamInfo, people: int) -> Sink:
    return build_outputs(alone, info, people)[0]


def _recorder(info: StreamInfo, track: RobotTrack | None, path: Path, video: bool) -> Sink:
    if track is not None:
        track.take()  # what the robot did before the take
    return SessionRecorder(path, info=info, video=video, robot=track)


def _info(config: RunConfig) -> StreamInfo:
    settings = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    models = network_hashes(config.detector, lifter_path(config.lifter))
    return StreamInfo(source=config.source, config=settings, models=models)
