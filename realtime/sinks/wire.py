"""The ZeroMQ messages and what the session file holds: msgpack maps with float32 little-endian arrays.

`pose1 ` + map once per frame, `meta1 ` + map once a second. The keys are a contract with every receiver.
What comes from outside is decoded with limits: anything wrong raises WireError and nothing else.
"""

from __future__ import annotations

import math
import platform
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Literal

import msgspec
import numpy as np

from lifting.errors import WireError
from lifting.skeleton import BODY21, BONES, CONTACTS, SEALCAP26
from realtime.data import BodyPose, Float32, Motion
from realtime.rest_pose import REST_HEIGHT_M, REST_OFFSETS_M
from realtime.sinks import packed as columns
from realtime.sinks.packed import packed

VERSION = 1
POSE_TOPIC, META_TOPIC = b"pose1 ", b"meta1 "
MAX_BYTES = 1 << 20
"""Longer messages are refused unread."""
MAX_PEOPLE = 64

StateName = Literal["tracking", "predicted", "held", "lost"]
_J, _B, _C, _K = len(SEALCAP26), len(BONES), len(CONTACTS), len(BODY21)

_Int = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


def _floats(count: int) -> msgspec.Meta:
    return msgspec.Meta(min_length=4 * count, max_length=4 * count)


class PersonMap(msgspec.Struct, frozen=True):
    """One person as it travels; byte fields are float32 little-endian."""

    id: _Int
    state: StateName
    conf: float
    root_p: Annotated[bytes, _floats(3)]
    root_q: Annotated[bytes, _floats(4)]
    p: Annotated[bytes, _floats(_J * 3)]
    c: Annotated[bytes, _floats(_J)]
    observed: Annotated[bytes, _floats(_J)]
    q: Annotated[bytes, _floats(_B * 4)]
    contacts: Annotated[bytes, _floats(_C)]
    height: float


class PoseMap(msgspec.Struct, frozen=True):
    """One frame as it travels."""

    v: int
    seq: _Count
    t_capture_ns: _Int
    t_publish_ns: _Int
    wall_offset_ns: _Int
    fps: float
    persons: Annotated[list[PersonMap], msgspec.Meta(max_length=MAX_PEOPLE)]


class MetaMap(msgspec.Struct, frozen=True):
    """What a receiver must know to read the poses."""

    v: int
    skeleton: str
    joints: Annotated[list[str], msgspec.Meta(max_length=256)]
    parents: Annotated[list[int], msgspec.Meta(max_length=256)]
    bones: Annotated[list[str], msgspec.Meta(max_length=256)]
    bone_parents: Annotated[list[int], msgspec.Meta(max_length=256)]
    rest_offsets: Annotated[bytes, _floats(_B * 3)]
    rest_height: float
    contacts: Annotated[list[str], msgspec.Meta(max_length=16)]
    units: str
    axes: str
    source: str
    versions: dict[str, str]
    fps: float
    known_from: dict[str, str] = {}
    """Tilt, field of view and heights: given, estimated or assumed."""


class Points2DMap(msgspec.Struct, frozen=True):
    """2D joints of one person as the session file keeps them; byte fields are float32 little-endian."""

    id: _Int
    points: Annotated[bytes, _floats(_K * 2)]
    c: Annotated[bytes, _floats(_K)]
    box: Annotated[bytes, _floats(4)]
    restarted: bool = False


class KeypointsMap(msgspec.Struct, frozen=True):
    """2D joints of one frame as the session file keeps them."""

    v: int
    seq: _Count
    t_capture_ns: _Int
    width: _Count
    height: _Count
    persons: Annotated[list[Points2DMap], msgspec.Meta(max_length=MAX_PEOPLE)]


@dataclass(frozen=True, slots=True, eq=False)
class PersonPose:
    """One person, received. World axes, metres; rotations xyzw."""

    id: int
    state: StateName
    conf: float
    """Mean confidence of the joints, 0..1."""
    root_position: Float32
    """(3,) mid-hip."""
    root_rotation: Float32
    """(4,) of the pelvis."""
    joints: Float32
    """(26,3) SEALCAP26."""
    confidence: Float32
    """(26,)"""
    observed: Float32
    """(26,) 1 seen, 0 inferred."""
    bone_rotations: Float32
    """(21,4) local, rest = T-pose; row 0 (Hips) relative to the world."""
    contacts: Float32
    """(4,) left heel, left toe, right heel, right toe in 0..1."""
    height_m: float


@dataclass(frozen=True, slots=True, eq=False)
class PoseMessage:
    """One frame, received."""

    seq: int
    capture_time_ns: int
    """Sender's monotonic clock (cameras) or media time (files); + wall_offset_ns = since 1970."""
    publish_time_ns: int
    """Sender's monotonic clock."""
    wall_offset_ns: int
    fps: float
    people: tuple[PersonPose, ...]


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What the outputs say about where their data comes from."""

    source: str = ""
    """'camera 0', 'walk.mp4'."""
    config: str = ""
    """The whole configuration as YAML text; the recorder attaches it."""
    models: dict[str, str] = field(default_factory=dict)
    """Network name → SHA-256."""
    versions: dict[str, str] = field(default_factory=lambda: library_versions())


def library_versions() -> dict[str, str]:
    """Versions of what makes the poses."""
    found = {"python": platform.python_version(), "system": platform.platform(terse=True)}
    for name in ("sealcap", "numpy", "onnxruntime", "opencv-python"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


_encode = msgspec.msgpack.Encoder().encode
_MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises on bytes that are not what they should be."""
_decode_pose = msgspec.msgpack.Decoder(PoseMap).decode
_decode_meta = msgspec.msgpack.Decoder(MetaMap).decode
_decode_keypoints = msgspec.msgpack.Decoder(KeypointsMap).decode


def _bytes(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    return array.astype("<f4", copy=False).tobytes()


def sendable(pose: BodyPose) -> bool:
    """False when a number in it is NaN or infinite: such a pose must never reach a receiver."""
    return packed(pose).finite and math.isfinite(pose.height_m)


def person_map(pose: BodyPose) -> PersonMap:
    """A pose as it travels."""
    numbers = packed(pose)
    return PersonMap(
        id=pose.person_id,
        state=pose.state.value,
        conf=numbers.confidence,
        root_p=numbers.part(columns.ROOT_P),
        root_q=numbers.part(columns.ROOT_Q),
        p=numbers.part(columns.JOINTS),
        c=numbers.part(columns.CONFIDENCE),
        observed=numbers.part(columns.OBSERVED),
        q=numbers.part(columns.BONES_Q),
        contacts=numbers.part(columns.CONTACT),
        height=float(pose.height_m),
    )


def encode_pose(motion: Motion) -> bytes:
    """The pose map without its topic. People whose numbers are not finite are left out."""
    return _encode(
        PoseMap(
            v=VERSION,
            seq=motion.seq,
            t_capture_ns=motion.frame.capture_time_ns,
            t_publish_ns=motion.publish_ns,
            wall_offset_ns=motion.frame.wall_offset_ns,
            fps=float(motion.fps) if math.isfinite(motion.fps) else 0.0,
            persons=[person_map(pose) for pose in motion.people if sendable(pose)],
        )
    )


def encode_meta(info: StreamInfo, motion: Motion) -> bytes:
    """The meta map without its topic, as it is at `motion`."""
    return _encode(
        MetaMap(
            v=VERSION,
            skeleton=SEALCAP26.name,
            joints=list(SEALCAP26.joints),
            parents=list(SEALCAP26.parents),
            bones=list(BONES.joints),
            bone_parents=list(BONES.parents),
            rest_offsets=_bytes(REST_OFFSETS_M),
            rest_height=REST_HEIGHT_M,
            contacts=list(CONTACTS),
            units="m",
            axes="right-handed, Y up, facing +Z, left = +X",
            source=info.source,
            versions=dict(info.versions),
            fps=float(motion.fps) if math.isfinite(motion.fps) else 0.0,
            known_from=motion.known_from,
        )
    )


def encode_keypoints(motion: Motion) -> bytes:
    """The 2D map of the session file."""
    width, height = motion.frame.size
    people = [
        Points2DMap(
            id=person.person_id,
            points=_bytes(person.points_px),
            c=_bytes(person.confidence),
            box=_bytes(person.box),
            restarted=person.restarted,
        )
        for person in motion.keypoints
    ]
    return _encode(KeypointsMap(VERSION, motion.seq, motion.frame.capture_time_ns, width, height, people))


def decode_pose(data: bytes) -> PoseMessage:
    """A pose map without its topic. Raises WireError for anything that is not exactly one."""
    try:
        message = _decode_pose(_limited(data))
    except _MALFORMED as error:
        raise WireError(f"Not a pose message: {error}.") from error
    _check_version(message.v)
    people = tuple(_person(person) for person in message.persons)
    if not math.isfinite(message.fps):
        raise WireError("Not a pose message: fps is not a finite number.")
    return PoseMessage(
        message.seq, message.t_capture_ns, message.t_publish_ns, message.wall_offset_ns, message.fps, people
    )


def decode_meta(data: bytes) -> MetaMap:
    """A meta map without its topic. Raises WireError for anything that is not exactly one."""
    try:
        meta = _decode_meta(_limited(data))
    except _MALFORMED as error:
        raise WireError(f"Not a meta message: {error}.") from error
    _check_version(meta.v)
    _finite(_array(meta.rest_offsets), "rest_offsets")
    if not math.isfinite(meta.rest_height) or not math.isfinite(meta.fps):
        raise WireError("Not a meta message: rest_height or fps is not a finite number.")
    return meta


def decode_keypoints(data: bytes) -> KeypointsMap:
    """The 2D map of the session file; its points may be NaN where unseen. Raises WireError."""
    try:
        keypoints = _decode_keypoints(_limited(data))
    except _MALFORMED as error:
        raise WireError(f"Not a keypoints message: {error}.") from error
    _check_version(keypoints.v)
    return keypoints


def _limited(data: bytes) -> bytes:
    if len(data) > MAX_BYTES:
        raise WireError(f"A message of {len(data)} bytes was refused; the limit is {MAX_BYTES}.")
    return data


def _check_version(v: int) -> None:
    if v != VERSION:
        raise WireError(f"The sender speaks version {v} of the format, this is {VERSION}. Update the older.")


def _array(data: bytes) -> Float32:
    return np.frombuffer(data, "<f4").astype(np.float32, copy=False)


def _finite(array: Float32, name: str) -> Float32:
    if not np.isfinite(array).all():
        raise WireError(f"Not a pose message: {name} holds a number that is not finite.")
    return array


def _person(person: PersonMap) -> PersonPose:
    fields = ("root_p", "root_q", "p", "c", "observed", "q", "contacts")
    root_p, root_q, p, c, observed, q, contacts = (
        _finite(_array(getattr(person, name)), name) for name in fields
    )
    if not math.isfinite(person.conf) or not math.isfinite(person.height):
        raise WireError("Not a pose message: conf or height is not a finite number.")
    return PersonPose(
        person.id, person.state, person.conf, root_p, root_q,
        p.reshape(_J, 3), c, observed, q.reshape(_B, 4), contacts, person.height,
    )  # fmt: skip
