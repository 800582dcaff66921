"""From settings to the parts of a pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import yaml

from lifting.calibration import Calibration, load_calibration
from lifting.camera import DEFAULT_FOV_DEG, Intrinsics
from lifting.camera_estimate import CameraEstimate
from lifting.errors import ConfigError, ModelError
from lifting.lifter import Lifter
from lifting.runtime import fine
from realtime.config import CameraConfig, DetectorConfig, LifterConfig, OutputConfig, RunConfig
from realtime.detectors import Detector, Region
from realtime.detectors.factory import open_detector
from realtime.paths import weights_dir
from realtime.people import People
from realtime.pipeline import Pipeline
from realtime.provenance import network_hashes
from realtime.recorded_tracker import PersonTracker, RecordedTracker
from realtime.sinks import Sink
from realtime.sinks.robot_track import RobotTrack
from realtime.sinks.wire import StreamInfo
from realtime.solve.body import SolverOptions
from realtime.sources import Source
from realtime.sources.factory import open_source
from realtime.sources.session import SessionSource
from realtime.tracking import Tracker

MAX_PORTS = 8
"""One per person with --vmc-people each; as many as --people can be."""


def build_pipeline(config: RunConfig, extra_sinks: tuple[Sink, ...] = ()) -> Pipeline:
    """Everything opened but the sinks, which open when the pipeline runs.

    Raises ConfigError, SourceError or ModelError; a source already opened is closed again then.
    """
    config = spread_backend(config)
    calibration = open_calibration(config.camera)
    sinks = [*build_sinks(config), *extra_sinks]
    source = build_source(config)
    try:
        if config.out.record_video and isinstance(source, SessionSource) and not source.has_video:
            raise ConfigError(f"{source.name} holds no video. Leave out --record-video.")
        return Pipeline(
            source,
            build_tracker(config, source),
            build_people(config, followed(config, source)),
            partial(open_camera, config.camera, config.person.height, calibration=calibration),
            sinks,
            lossless=config.max_speed,
            frames=config.frames,
            duration=config.duration,
        )
    except BaseException:
        source.close()
        raise


def spread_backend(config: RunConfig) -> RunConfig:
    """`--backend`, `--device` and `--precision` are those of both networks."""
    chosen = {name: getattr(config, name) for name in ("backend", "device", "precision")}
    engine = {name: value for name, value in chosen.items() if value is not None}
    detector, lifter = config.detector.model_copy(update=engine), config.lifter.model_copy(update=engine)
    return config.model_copy(update={"detector": detector, "lifter": lifter})


def build_source(config: RunConfig) -> Source:
    """The source that the settings name. `--max-speed` makes sense for files only."""
    source = open_source(config.source, paced=not config.max_speed, loop=config.loop)
    if source.live and config.max_speed:
        source.close()
        raise ConfigError(f"{source.name} is live: it cannot run faster than it is. Leave out --max-speed.")
    return source


def build_tracker(config: RunConfig, source: Source) -> PersonTracker:
    """Detector and tracker, or what stands in for them where a session brings its 2D joints along."""
    people = followed(config, source)
    if people is None:
        return RecordedTracker()
    return Tracker(build_detector(config.detector), people=people, person=wanted_person(config))


def build_detector(config: DetectorConfig) -> Detector:
    """The 2D detector, its networks loaded and run once, so that the first frame is not a slow one."""
    detector = open_detector(
        config.kind,
        variant=config.variant,
        threads=config.threads,
        backend=config.backend,
        device=config.device,
        precision=config.precision,
        model=config.model,
        search=config.search,
        refine=config.refine,
        mmpose_config=config.mmpose_config,
        mmpose_checkpoint=config.mmpose_checkpoint,
    )
    black = np.zeros((256, 256, 3), np.uint8)
    detector.estimate(black, Region(128.0, 128.0, 256.0))
    detector.search(black)
    return detector


def followed(config: RunConfig, source: Source) -> int | None:
    """How many people are followed at most; None where a session tells who was."""
    return None if isinstance(source, SessionSource) and not source.has_video else config.person.people


def build_people(config: RunConfig, most: int | None = None) -> People:
    """The lifter, and a solver for whoever appears, of `most` who are followed at a time."""
    solve = config.solve
    options = SolverOptions(
        smooth=solve.smooth,
        height_m=config.person.height,
        bones=solve.bones,
        mirror=solve.mirror,
        foot_lock=solve.foot_lock,
        legs=solve.legs,
        rest_when_lost=solve.lost == "rest",
    )
    return People(open_lifter(config.lifter), options, config.lifter.correct, most)


def open_lifter(config: LifterConfig) -> Lifter:
    """The packaged lifter of the size asked for, or the user's own."""
    path = lifter_path(config)
    if not path.is_file():
        raise ModelError(f"There is no lifter {path}. Leave out --lifter.model to use the packaged one.")
    return Lifter.load(
        path,
        backend=config.backend,
        threads=config.threads,
        device=config.device,
        precision=fine(config.backend, config.precision),
    )


def lifter_path(config: LifterConfig) -> Path:
    """Where the lifter's file is, or ought to be."""
    return config.model or weights_dir() / f"lifter-{config.size}.onnx"


def wanted_person(config: RunConfig) -> str | int:
    """`largest`, or a number."""
    return config.person.person if config.person.person == "largest" else int(config.person.person)


def open_calibration(camera: CameraConfig) -> Calibration | None:
    """The calibration file of the settings, read and checked. Raises ConfigError."""
    if camera.calibration is None:
        return None
    if camera.fov is not None:
        raise ConfigError("--fov and --calibration exclude each other: the file knows the field of view.")
    return load_calibration(camera.calibration)


def open_camera(
    camera: CameraConfig,
    person_height_m: float | None,
    width: int,
    height: int,
    calibration: Calibration | None = None,
) -> CameraEstimate:
    """What is known of the camera, for pictures of this size. Raises ConfigError where the calibration was
    made with pictures of another shape.
    """
    if calibration is not None:
        intrinsics = calibration.intrinsics(width, height)
    else:
        intrinsics = Intrinsics.from_fov(width, height, camera.fov or DEFAULT_FOV_DEG)
    return CameraEstimate(
        intrinsics,
        fov_given=camera.fov is not None or calibration is not None,
        pitch_deg=camera.pitch,
        camera_height_m=camera.height,
        person_height_m=person_height_m,
    )


def build_sinks(config: RunConfig) -> list[Sink]:
    """All outputs of the settings but the page. Nothing is bound or created yet."""
    out = config.out
    settings = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    info = StreamInfo(
        source=config.source,
        config=settings,
        models=network_hashes(config.detector, lifter_path(config.lifter)),
    )
    sinks = build_outputs(out, info, config.person.people)
    if out.poses_out is not None:
        from realtime.sinks.poses_npz import PosesNpz

        sinks.append(PosesNpz(out.poses_out, stage=out.poses_stage))
        _check_folder(out.poses_out)
    return sinks


def build_outputs(out: OutputConfig, info: StreamInfo, people: int) -> list[Sink]:
    """The outputs that can be fed from a camera and from a session alike."""
    recorded = out.record is not None or not out.headless  # takes can be recorded from the page, too
    track = RobotTrack() if recorded and out.robot is not None else None
    sinks: list[Sink] = [*_network_sinks(out, info, people, track)]
    if out.record is not None:
        from realtime.sinks.recorder import SessionRecorder

        sinks.append(SessionRecorder(out.record, info=info, video=out.record_video, robot=track))
        _check_folder(out.record)
    elif out.record_video:
        raise ConfigError("--record-video needs a session to put it into: add --record FILE.mcap.")
    return sinks


def _network_sinks(out: OutputConfig, info: StreamInfo, people: int, track: RobotTrack | None) -> list[Sink]:
    from realtime.sinks.osc import OscSink
    from realtime.sinks.zmq import ZmqSink

    sinks: list[Sink] = [
        ZmqSink(endpoint, lan=out.lan, insecure=out.insecure, info=info) for endpoint in out.zmq
    ]
    sinks += [OscSink(*parse_address(address, "--osc")) for address in out.osc]
    if out.vmc or out.vrchat:
        sinks += _avatar_sinks(out, people)
    sinks += _robotics_sinks(out)
    if out.robot is not None or out.robot_out:
        from realtime.retarget.build import build_robot

        sinks.append(build_robot(out, track))
    return sinks


def _robotics_sinks(out: OutputConfig) -> Iterator[Sink]:
    """People for robots and their tools."""
    for url in out.ros:
        from realtime.sinks.ros import RosSink

        yield RosSink(url, fixed_frame=out.ros_frame)
    for address in out.sonic:
        from realtime.sinks.sonic import SonicSink

        yield SonicSink(address, version=out.sonic_version, lan=out.lan, insecure=out.insecure)
    if out.foxglove is not None:
        from realtime.sinks.foxglove_live import FoxgloveSink
        from realtime.sinks.foxglove_server import server_at

        yield FoxgloveSink(server_at(out.foxglove))


def _avatar_sinks(out: OutputConfig, people: int) -> Iterator[Sink]:
    """VMC and VRChat; the first of them listens for commands, which all obey."""
    from realtime.sinks import vmc, vrchat
    from realtime.vmc.commands import CommandPort, Commands
    from realtime.vmc.packets import DEFAULT_PORT as VMC_PORT

    places = min(people, MAX_PORTS) if out.vmc_people == "each" else 1
    options = vmc.VmcOptions(out.vmc_preset, out.vmc_offsets, out.vmc_rate, out.vmc_rest_after, places)
    targets = [parse_address(address, "--vmc", VMC_PORT) for address in out.vmc]
    commands = Commands()
    own = any(number <= out.vmc_commands < number + places for _, number in targets)  # would hear ourselves
    port = CommandPort(commands, out.vmc_commands) if out.vmc_commands and not own else None
    for host, number in targets:
        yield vmc.VmcSink(host, number, options, commands, port)
        port = None
    for address in out.vrchat:
        host, number = parse_address(address, "--vrchat", vrchat.DEFAULT_PORT)
        yield vrchat.VrchatSink(
            host,
            number,
            trackers=out.vrchat_trackers,
            height_m=out.vrchat_height,
            commands=commands,
            command_port=port,
        )
        port = None


def _check_folder(path: Path | None) -> None:
    if path is not None and not path.absolute().parent.is_dir():
        raise ConfigError(
            f"The folder {path.absolute().parent} does not exist; make it first, or name another."
        )


def parse_address(text: str, option: str, port: int = 39570) -> tuple[str, int]:
    """HOST:PORT → (host, port). Raises ConfigError showing the right form, with `port` as its example."""
    host, _, number = text.rpartition(":")
    if not host or not number.isdecimal() or not 1 <= int(number) <= 65535:
        raise ConfigError(f"{option} {text}: give HOST:PORT, such as {option} 127.0.0.1:{port}.")
    return host.strip("[]"), int(number)
