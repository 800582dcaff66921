"""A robot's YAML: where its model is, which of its frames is which part of a body, what it may do.

One file a robot, short enough to be written in a quarter of an hour (`sealcap robot check FILE.yaml` says
what is missing). `{side}` in a name stands for left and right: under `body`, `hip: "{side}_hip_link"` gives
left_hip and right_hip, and points and capsules are mirrored (y changes its sign) for the right.

Lengths in metres, angles in radians, axes of the frames as in the model: x forward, y left, z up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from lifting.errors import ConfigError
from lifting.mistake import first_mistake
from lifting.plain_yaml import parse_yaml, problem
from realtime.paths import config_dir
from realtime.retarget.sides import SIDES, both_sides

MAX_FILE_BYTES = 256 << 10
MAX_ENTRIES = 256
"""Joints, capsules or pairs that one file may name."""

Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e4, le=1e4)]
Positive = Annotated[float, Field(allow_inf_nan=False, gt=0, le=1e4)]
Weight = Annotated[float, Field(allow_inf_nan=False, ge=0, le=1e3)]
Point = tuple[Number, Number, Number]
Name = Annotated[str, Field(min_length=1, max_length=100)]
PerJoint = Annotated[dict[Name, Positive], Field(max_length=MAX_ENTRIES)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Place(_Part):
    """A point of the robot; in YAML the name of a frame alone means its origin."""

    frame: Name
    """Link of a URDF; body or site of an MJCF file."""
    point: Point = (0.0, 0.0, 0.0)
    """In the frame's own axes."""


def _place(value: Any) -> Any:
    return {"frame": value} if isinstance(value, str) else value


At = Annotated[Place, BeforeValidator(_place)]


class Body(_Part):
    """Which frame of the robot is which part of the person. What it has not is left out."""

    pelvis: At | None = None
    torso: At | None = None
    head: At | None = None
    left_shoulder: At | None = None
    left_elbow: At | None = None
    left_wrist: At | None = None
    left_hip: At | None = None
    left_knee: At | None = None
    left_ankle: At | None = None
    left_heel: At | None = None
    """Rearmost point of the sole, on the ankle's link."""
    left_toe: At | None = None
    """Foremost point of the sole, on the ankle's link."""
    right_shoulder: At | None = None
    right_elbow: At | None = None
    right_wrist: At | None = None
    right_hip: At | None = None
    right_knee: At | None = None
    right_ankle: At | None = None
    right_heel: At | None = None
    right_toe: At | None = None

    @model_validator(mode="after")
    def _whole_limbs(self) -> Body:
        for limb in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle", "heel", "toe")):
            for side in SIDES:
                names = [f"{side}_{part}" for part in limb]
                missing = [name for name in names if getattr(self, name) is None]
                if missing and len(missing) < len(names):
                    raise ValueError(f"{missing[0]} is missing; a limb needs {', '.join(names)}")
        if (self.left_hip is None) != (self.right_hip is None):
            raise ValueError("a robot needs both legs or none")
        if self.left_hip is not None and self.pelvis is None:
            raise ValueError("a robot with legs needs a pelvis")
        return self


class Arm(_Part):
    """A single arm, bolted down, whose tool follows one wrist relative to its shoulder."""

    side: Literal["left", "right"] = "right"
    """Whose wrist."""
    tool: At
    """The point that is moved."""
    origin: Point
    """Where the tool is when the wrist is at the shoulder, in the robot's base axes."""
    scale: Positive | None = None
    """Metres of the tool per metre of the wrist; empty: `reach` per length of the person's arm."""
    reach: Positive = 0.7
    """Metres from `origin` that a stretched arm means."""
    box_from: Point
    box_to: Point
    """Two corners of the room in which the tool stays, base axes."""
    turn: Weight = 0.3
    """How much the tool's orientation at home counts."""

    @model_validator(mode="after")
    def _ordered(self) -> Arm:
        if not all(a < b for a, b in zip(self.box_from, self.box_to, strict=True)):
            raise ValueError("box_from must be smaller than box_to in x, y and z")
        return self


class Limits(_Part):
    """What no target may exceed. Positions and velocities come from the model where it has them."""

    acceleration: Positive
    """rad/s² (m/s² where sliding), for all joints that `accelerations` does not name."""
    accelerations: PerJoint = {}
    velocity: Positive | None = None
    """rad/s; the smaller of this and the model's counts. Needed where the model says nothing (MJCF)."""
    velocities: PerJoint = {}
    positions: Annotated[dict[Name, tuple[Number, Number]], Field(max_length=MAX_ENTRIES)] = {}
    """Joint: [lower, upper], in place of the model's."""
    margin: Annotated[float, Field(ge=0, le=0.5)] = 0.02
    """Kept from both ends of every joint."""


class Base(_Part):
    """What the base of a floating robot may do; all four are lengths of vectors."""

    velocity: Positive = 2.5
    """m/s: somebody who runs a little."""
    acceleration: Positive = 12.0
    """m/s²: a little more than falling."""
    angular_velocity: Positive = 5.0
    """rad/s."""
    angular_acceleration: Positive = 40.0
    """rad/s²."""


class Weights(_Part):
    """What counts how much when not all can be had: per metre, and per radian for turns and the posture."""

    pelvis: Weight = 8.0
    pelvis_turn: Weight = 2.0
    torso_turn: Weight = 1.5
    head_turn: Weight = 0.5
    wrist: Weight = 8.0
    elbow: Weight = 3.0
    foot: Weight = 20.0
    foot_turn: Weight = 3.0
    knee: Weight = 1.0
    posture: Weight = 0.05
    """Of every joint towards home; what nothing else decides."""
    postures: Annotated[dict[Name, Weight], Field(max_length=MAX_ENTRIES)] = {}
    """The same for single joints."""


class Capsule(_Part):
    """A stretch of the robot with a radius, for self-collision. Meshes are never needed for it."""

    frame: Name
    start: Point
    end: Point
    radius: Annotated[float, Field(gt=0, le=5)]


class RobotFile(_Part):
    """Everything the retargeting of one robot is told."""

    name: Name = "robot"
    model: Annotated[str, Field(min_length=1, max_length=1000)]
    """URDF or MJCF: a path relative to this file, or `example-robot-data:PATH`, `gymnasium:NAME`."""
    floating: bool
    """Its base moves (a humanoid) or is bolted down (an arm)."""
    freeze: Annotated[list[Name], Field(max_length=MAX_ENTRIES)] = []
    """Joints that are nobody's business here and stay at 0: grippers, wheels."""
    home: Annotated[dict[Name, Number], Field(max_length=MAX_ENTRIES)] = {}
    """Joint positions of relaxed standing; 0 where not named."""
    body: Body = Body()
    arm: Arm | None = None
    limits: Limits
    base: Base = Base()
    """Limits of a floating base."""
    weights: Weights = Weights()
    stretch: Annotated[float, Field(ge=0.5, le=1.0)] = 0.98
    """How much of its legs' length the robot uses when the person's are straight; 1 locks the knees."""
    capsules: Annotated[dict[Name, Capsule], Field(max_length=MAX_ENTRIES)] = {}
    avoid: Annotated[list[tuple[Name, Name]], Field(max_length=MAX_ENTRIES)] = []
    """Pairs of capsules (or geoms of an MJCF model) that must not meet."""
    folder: Path = Field(default=Path(), exclude=True)
    """Where the YAML lies; set by `load_robot`."""

    @model_validator(mode="after")
    def _something_to_do(self) -> RobotFile:
        if self.floating and self.body.pelvis is None:
            raise ValueError("a floating robot needs body: pelvis")
        if self.floating and self.arm is not None:
            raise ValueError("arm: is for robots that are bolted down (floating: false)")
        if self.arm is None and all(getattr(self.body, name) is None for name in Body.model_fields):
            raise ValueError("body: or arm: must say which frames follow the person")
        return self


def robot_names() -> list[str]:
    """The packaged robots."""
    return sorted(path.stem for path in (config_dir() / "robots").glob("*.yaml"))


def robot_path(name_or_path: str | Path) -> Path:
    """A YAML file by path, or a packaged one by name. Raises ConfigError."""
    path = Path(name_or_path)
    if str(name_or_path) in robot_names():
        return config_dir() / "robots" / f"{name_or_path}.yaml"
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return path
    raise ConfigError(
        f"There is no robot {name_or_path}. Packaged ones: {', '.join(robot_names())}; "
        "or give the path of a FILE.yaml of your own (docs/robots.md)."
    )


def load_robot(name_or_path: str | Path) -> RobotFile:
    """Read and check a robot's YAML. Raises ConfigError that names the line or key that is wrong."""
    path = robot_path(name_or_path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ConfigError(f"{path} is larger than 256 KiB; a robot is a page of YAML.")
        values = parse_yaml(content.decode("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read as YAML: {problem(error)}.") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold `key: value` lines, as configs/robots/g1.yaml does.")
    try:
        return RobotFile.model_validate(
            {"name": path.stem, **both_sides(values, Body.model_fields), "folder": path.parent}
        )
    except ValidationError as error:
        raise ConfigError(f"{path}: {explain(error)}") from error


def explain(error: ValidationError) -> str:
    """The first mistake, in one sentence."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown key {place}."
    return f"{first_mistake(error)}."
