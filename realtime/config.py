"""Settings of a run: one model gives the YAML check, the command line and its help."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lifting.errors import ConfigError
from lifting.mistake import first_mistake
from lifting.plain_yaml import parse_yaml, problem
from realtime.paths import config_dir

MAX_CONFIG_BYTES = 1 << 20


Backend = Literal["auto", "onnx", "openvino", "tensorrt", "torch"]
Device = Literal["cpu", "cuda"]
Precision = Literal["fp32", "fp16", "bf16", "int8"]


def _flat(name: str, value: str | None = None) -> Any:
    """On the command line the field is `--name`, without the name of its group; help calls its value so."""
    return tyro.conf.arg(name=name, prefix_name=False, metavar=value)


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_default=True, use_attribute_docstrings=True)


class DetectorConfig(_Settings):
    """2D detector."""

    kind: Annotated[Literal["blazepose", "movenet", "rtmpose", "mmpose"], _flat("detector")] = "blazepose"
    """Which detector: blazepose (sees feet), movenet (fast), rtmpose (ONNX), mmpose (docs/mmpose.md)."""
    variant: str | None = None
    """blazepose: heavy, full or lite; movenet: thunder or lightning; rtmpose: m, l, s or t."""
    model: str | None = None
    """rtmpose: name of a model registered with `sealcap models add`, or the path of an ONNX file."""
    search: str | None = None
    """Finds the people in place of BlazePose's: rtmdet-nano, rtmdet-m, or the path of an RTMDet ONNX file."""
    refine: bool = False
    """rtmpose: joints between the network's bins; calmer, up to a quarter crop pixel away from mmpose's."""
    mmpose_config: Annotated[str | None, _flat("mmpose-config", "NAME|FILE.py")] = None
    """mmpose: name of one of its configurations, or a file of your own, which is run as Python code."""
    mmpose_checkpoint: Annotated[Path | None, _flat("mmpose-checkpoint", "FILE.pth")] = None
    """mmpose: the weights, FILE.pth or FILE.safetensors."""
    backend: Backend = "auto"
    """Engine of the network; auto: openvino on processors that compute in bf16, else onnx."""
    device: Device = "cpu"
    """Where the network runs."""
    precision: Precision | None = None
    """Numbers inside TensorRT (fp16 if empty), torch (fp32) and OpenVINO (bf16); docs/gpu.md."""
    threads: int = Field(default=2, ge=1, le=64)
    """Processor threads for the network."""


class LifterConfig(_Settings):
    """2D→3D lifter."""

    size: Annotated[Literal["small"], _flat("lifter-size")] = "small"
    """Which of the packaged lifters."""
    model: Path | None = None
    """A lifter of your own (ONNX made by `sealcap export`), in place of a packaged one."""
    correct: Annotated[float, _flat("correct", "0...5")] = Field(default=1.0, ge=0, le=5)
    """Strength with which the lifted pose is moved towards the picture, bones rigid: 0 = off."""
    backend: Backend = "onnx"
    """Engine of the network: onnx, openvino, tensorrt (takes the GPU), torch."""
    device: Device = "cpu"
    """Where the network runs."""
    precision: Precision | None = None
    """Numbers inside TensorRT (fp16 if empty), torch (fp32) and OpenVINO (bf16); docs/gpu.md."""
    threads: int = Field(default=1, ge=1, le=64)
    """Processor threads for the network."""


class CameraConfig(_Settings):
    """What is known of the camera and where it stands."""

    fov: Annotated[float | None, _flat("fov", "DEGREES")] = Field(default=None, ge=10, le=150)
    """Degrees seen along the longer image side; 60 is assumed if empty."""
    pitch: Annotated[float | None, _flat("camera-pitch", "DEGREES")] = Field(default=None, ge=-80, le=80)
    """Degrees the camera looks down; makes limbs more accurate when given."""
    height: Annotated[float | None, _flat("camera-height", "METRES")] = Field(default=None, gt=0, le=20)
    """Metres of the lens above the floor; with --fov and --height it yields the tilt from standing people."""
    calibration: Annotated[Path | None, _flat("calibration", "FILE.yaml")] = None
    """File made by `sealcap calibrate`, in place of --fov: exact angles, lens distortion included."""


class PersonConfig(_Settings):
    """Who is followed."""

    person: Annotated[str, _flat("person", "largest|N")] = Field(
        default="largest", pattern=r"^(largest|\d{1,3})$"
    )
    """`largest`, or the number of a person from left to right at the start."""
    people: Annotated[int, _flat("people")] = Field(default=1, ge=1, le=8)
    """How many people to follow at once."""
    height: Annotated[float | None, _flat("height", "METRES")] = Field(default=None, ge=0.5, le=2.6)
    """Stature in metres, which scales everything; guessed from the figure, near 1.70, if empty."""


class SolveConfig(_Settings):
    """From the network's joints to a body."""

    smooth: Annotated[float, _flat("smooth", "0...1")] = Field(default=0.5, ge=0, le=1)
    """Strength of smoothing: 0 = off and no lag, 1 = calm and slow."""
    bones: bool = True
    """Keep bone lengths constant and equal on both sides."""
    mirror: Annotated[bool, tyro.conf.FlagCreatePairsOff, _flat("mirror")] = False
    """Send the mirror image: the figure raises its left hand when the person raises the right one."""
    foot_lock: Annotated[Literal["auto", "always", "never", "ground"], _flat("foot-lock")] = "auto"
    """auto: feet on the floor stay put; always: even more so; ground: they only never sink; never: off."""
    legs: Literal["auto", "seated", "standing"] = "auto"
    """Pose of legs that are long out of the picture; they are always reported as not observed."""
    lost: Literal["hold", "rest"] = "hold"
    """Somebody out of sight holds the last pose, or eases to standing with hanging arms after a second."""


class OutputConfig(_Settings):
    """Where the motion goes."""

    zmq: Annotated[tyro.conf.UseAppendAction[list[str]], _flat("zmq", "ENDPOINT")] = []
    """ZeroMQ endpoint to publish on, such as tcp://127.0.0.1:5570; may be repeated."""
    osc: Annotated[tyro.conf.UseAppendAction[list[str]], _flat("osc", "HOST:PORT")] = []
    """HOST:PORT that gets joints over OSC, such as 127.0.0.1:39570; may be repeated."""
    vmc: Annotated[tyro.conf.UseAppendAction[list[str]], _flat("vmc", "HOST:PORT")] = []
    """HOST:PORT of an avatar program (VMC), such as 127.0.0.1:39539; may be repeated."""
    vmc_preset: Annotated[
        Literal["generic", "vseeface", "warudo", "vnyan", "vmagicmirror", "blender"], _flat("vmc-preset")
    ] = "generic"
    """Which avatar program; decides where the avatar starts, and --vmc-offsets and --vmc-rate if empty."""
    vmc_offsets: Annotated[str | None, _flat("vmc-offsets", "NAME|FILE.vrm")] = None
    """Places of bones: rest (standard body), measured (the person's), zero, or your avatar's FILE.vrm."""
    vmc_rate: Annotated[float | None, _flat("vmc-rate", "FPS")] = Field(default=None, ge=1, le=100)
    """Most frames per second that are sent; 60 if empty."""
    vmc_rest_after: Annotated[float, _flat("vmc-rest-after", "SECONDS")] = Field(default=3.0, ge=0)
    """Seconds for which the avatar of somebody out of sight holds still before it eases into standing."""
    vmc_people: Annotated[Literal["one", "each"], _flat("vmc-people")] = "one"
    """one: the first person; each: the first to PORT, the second to PORT + 1, up to --people."""
    vmc_commands: Annotated[int, _flat("vmc-commands", "PORT")] = Field(default=39540, ge=0, le=65535)
    """Port of this machine on which commands of avatar programs are obeyed; 0 = none."""
    vrchat: Annotated[tyro.conf.UseAppendAction[list[str]], _flat("vrchat", "HOST:PORT")] = []
    """HOST:PORT of VRChat, such as 127.0.0.1:9000; may be repeated."""
    vrchat_trackers: Annotated[str, _flat("vrchat-trackers", "PARTS")] = "hip,feet"
    """Some of hip,feet,chest,knees,elbows; fewer is often better."""
    vrchat_height: Annotated[float | None, _flat("vrchat-height", "METRES")] = Field(
        default=None, ge=0.5, le=2.6
    )
    """Your height in metres as VRChat's settings have it; scales the trackers."""
    ros: Annotated[tyro.conf.UseAppendAction[list[str]], _flat("ros", "ADDRESS")] = []
    """rosbridge server that gets people as ROS 2 topics, such as ws://127.0.0.1:9090; may be repeated."""
    ros_frame: Annotated[str, _flat("ros-frame", "NAME")] = Field(
        default="map", pattern=r"^[A-Za-z][\w/]{0,63}$"
    )
    """What the floor is called in ROS (/tf)."""
    foxglove: Annotated[int | None, _flat("foxglove", "PORT")] = Field(default=None, ge=1, le=65535)
    """Port of this machine where Foxglove finds people live, usually 8765."""
    sonic: Annotated[tyro.conf.UseAppendAction[list[str]], _flat("sonic", "HOST:PORT")] = []
    """HOST:PORT to publish the first person on for a G1 with SONIC, such as 127.0.0.1:5556; experimental."""
    sonic_version: Annotated[Literal[2, 3], _flat("sonic-version")] = 3
    """Version of SONIC's pose message: 3 as its own programs send it, 2 for programs of your own."""
    record: Annotated[Path | None, _flat("record", "FILE.mcap")] = None
    """Session file to write, FILE.mcap."""
    record_video: Annotated[bool, tyro.conf.FlagCreatePairsOff, _flat("record-video")] = False
    """With --record: put the camera's video into the session as well (H.264)."""
    takes: Annotated[Path, _flat("takes")] = Path("sessions")
    """Folder for takes that are recorded from the page."""
    poses_out: Annotated[Path | None, _flat("poses-out", "FILE.npz")] = None
    """NPZ file with the joints of every frame in camera space."""
    poses_stage: Annotated[Literal["raw", "solved"], _flat("poses-stage")] = "solved"
    """raw: straight from the network; solved: corrected, smoothed, with constant bones."""
    robot: Annotated[str | None, _flat("robot", "NAME|FILE.yaml")] = None
    """Robot that the first person moves: a packaged name (g1, talos ...) or FILE.yaml; docs/robots.md."""
    robot_out: Annotated[tyro.conf.UseAppendAction[list[str]], _flat("robot-out", "ADDRESS")] = []
    """With --robot: where its joints go, such as tcp://127.0.0.1:5571; may be repeated."""
    robot_rate: Annotated[float, _flat("robot-rate", "HERTZ")] = Field(default=100.0, ge=50, le=200)
    """Commands per second."""
    robot_control: Annotated[str, _flat("robot-control", "ENDPOINT")] = "tcp://127.0.0.1:5572"
    """Where the robot is armed and stopped (`sealcap robot arm`)."""
    robot_armed: Annotated[bool, tyro.conf.FlagCreatePairsOff, _flat("robot-armed")] = False
    """For simulations: the robot's output arms itself whenever somebody is there."""
    robot_view: Annotated[bool, tyro.conf.FlagCreatePairsOff, _flat("robot-view")] = False
    """With --robot: show the robot on the page, beside the person."""
    web_port: Annotated[int, _flat("web-port", "PORT")] = Field(default=8080, ge=1, le=65535)
    """Port of the web page on this machine."""
    avatar: Annotated[Path | None, _flat("avatar", "FILE.vrm")] = None
    """Character to move on the page beside the first person, FILE.vrm or FILE.glb."""
    headless: Annotated[bool, tyro.conf.FlagCreatePairsOff, _flat("headless")] = False
    """Open no web page."""
    lan: Annotated[bool, tyro.conf.FlagCreatePairsOff, _flat("lan")] = False
    """Let other machines connect: to the page with its token, to ZeroMQ with a key (sealcap keys)."""
    insecure: Annotated[bool, tyro.conf.FlagCreatePairsOff, _flat("insecure")] = False
    """With --lan: ZeroMQ without keys; anyone on the network can connect, unencrypted."""


class RunConfig(_Settings):
    """Follow people in a camera, video or stream, and send their motion out."""

    source: tyro.conf.Positional[str] = "0"
    """Camera number, video or session file, rtsp:// or http:// address, `demo` or `synthetic`."""
    config: Annotated[str, tyro.conf.arg(metavar="NAME|FILE")] = "live"
    """YAML file with settings, or the name of a packaged one: live, fast, quality, demo."""
    detector: DetectorConfig = DetectorConfig()
    lifter: LifterConfig = LifterConfig()
    camera: CameraConfig = CameraConfig()
    person: PersonConfig = PersonConfig()
    solve: SolveConfig = SolveConfig()
    out: OutputConfig = OutputConfig()
    backend: Backend | None = None
    """Engine for both networks at once: auto, onnx, openvino, tensorrt (takes the GPU), torch."""
    device: Device | None = None
    """Where both networks run."""
    precision: Precision | None = None
    """Numbers inside the engines of both networks."""
    max_speed: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Files only: every frame, as fast as it goes, nothing dropped."""
    loop: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Files only: start again at the end."""
    frames: int | None = Field(default=None, ge=1)
    """Stop after this many frames."""
    duration: Annotated[float | None, tyro.conf.arg(metavar="SECONDS")] = Field(default=None, gt=0)
    """Stop after this many seconds."""


class ReplayConfig(_Settings):
    """Send a recorded session out again, with its original timing."""

    file: tyro.conf.Positional[Path]
    """The session, FILE.mcap; also one that was cut off."""
    out: OutputConfig = OutputConfig()
    speed: float = Field(default=1.0, ge=0.01, le=100)
    """2 plays twice as fast, 0.5 half as fast."""
    people: int = Field(default=1, ge=1, le=8)
    """With --vmc-people each: how many avatars."""
    loop: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Start again at the end."""
    start: float = Field(default=0.0, ge=0)
    """Second to begin with, counted from the first frame."""
    end: float | None = Field(default=None, ge=0)
    """Second to end with."""


def config_path(name: str) -> Path:
    """A YAML file by path, or a packaged one by name (`fast` → configs/fast.yaml). Raises ConfigError."""
    path = Path(name)
    if path.is_file():
        return path
    packaged = config_dir() / f"{path.name.removesuffix('.yaml')}.yaml"
    if packaged.is_file() and len(path.parts) <= 2:
        return packaged
    known = ", ".join(sorted(p.stem for p in config_dir().glob("*.yaml") if _is_run_config(p)))
    raise ConfigError(f"There is no configuration file {name}. Packaged ones: {known}.")


def _is_run_config(path: Path) -> bool:
    return path.stem in {"live", "fast", "quality", "demo"}


def load_run_config(name: str = "live") -> RunConfig:
    """Read and check a run configuration. Raises ConfigError naming the wrong key and the right ones."""
    path = config_path(name)
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ConfigError(f"{path} is larger than 1 MiB; a configuration is a few lines of YAML.")
        values = parse_yaml(path.read_text(encoding="utf-8")) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read as YAML: {problem(error)}.") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold `key: value` lines, as configs/live.yaml does.")
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{path}: {explain(error, RunConfig)}") from error


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first mistake of a validation, in one sentence, with the nearest valid key."""
    first = error.errors()[0]
    place = [str(part)[:60] for part in first["loc"]]
    if first["type"] != "extra_forbidden":
        return f"{first_mistake(error)}. {_told(model, place)}".rstrip()
    valid = _keys(model, place[:-1])
    near = difflib.get_close_matches(place[-1], valid, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else f"Valid here: {', '.join(valid)}."
    return f"unknown key {'.'.join(place)}. {hint}"


def _told(model: type[BaseModel], place: list[str]) -> str:
    """What the reference says of a setting; empty for a place that is none."""
    *sections, last = place or [""]
    for part in sections:
        field = model.model_fields.get(part)
        if field is None or not (
            isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        ):
            return ""
        model = field.annotation
    return (model.model_fields[last].description or "") if last in model.model_fields else ""


def _keys(model: type[BaseModel], place: list[str]) -> list[str]:
    for part in place:
        annotation = model.model_fields[part].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return list(model.model_fields)
