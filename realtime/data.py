"""What travels through the pipeline: Frame → Keypoints → BodyPose → Motion.

Frozen structs of arrays, checked once where they are made. Times are nanoseconds. `capture_time_ns` is
monotonic for cameras and live streams, media time (start + pts) for files; adding `wall_offset_ns` gives
wall-clock time. World axes: right-handed, Y up, metres, the person's left is +X when facing +Z.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BODY21, BONES, CONTACTS, SEALCAP26, Skeleton

Float32 = NDArray[np.float32]
Image = NDArray[np.uint8]


class State(StrEnum):
    """How far a pose can be trusted."""

    TRACKING = "tracking"
    """Seen in this frame."""
    PREDICTED = "predicted"
    """Not seen for a moment; extrapolated."""
    HELD = "held"
    """Not seen for longer; the last pose stands still."""
    LOST = "lost"
    """Nobody there. The joints are the last known ones and must not be acted on."""


def _expect(name: str, array: NDArray[np.generic], shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Exact answer of the synthetic source for one frame."""

    points_px: Float32
    """(21,2) BODY21 in pixels."""
    joints_cam: Float32
    """(26,3) SEALCAP26, camera axes, metres, relative to mid-hip."""
    root_cam: Float32
    """(3,) mid-hip in camera axes, metres."""
    joints_world: Float32
    """(26,3) SEALCAP26, world axes, metres, floor at y = 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture, stamped when it was grabbed."""

    image: Image
    """(H,W,3) BGR, upright."""
    index: int
    """0-based number in the source; gaps are frames the source had to drop."""
    capture_time_ns: int
    """When the light was taken: monotonic for cameras and URLs, media time for files. In a run whose source
    is switched all frames have the clock of the first one."""
    received_ns: int
    """time.monotonic_ns() when the frame reached us; latency is counted from here."""
    wall_offset_ns: int
    """capture_time_ns + wall_offset_ns = nanoseconds since 1970."""
    truth: Truth | None = None
    """Only from the synthetic source."""
    recorded: tuple[Keypoints, ...] | None = None
    """Only from a session without video, whose picture is black: the 2D joints that were found then."""
    turn: int = 0
    """How often a looped file has begun anew; pictures of another turn are no continuation."""

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise ValueError(f"image must be (H,W,3) uint8, got {self.image.shape} {self.image.dtype}")

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.image.shape[1], self.image.shape[0]


@dataclass(frozen=True, slots=True, eq=False)
class Keypoints:
    """2D joints of one person in one frame."""

    person_id: int
    points_px: Float32
    """(21,2) BODY21 in pixels of the frame; meaningless where confidence is 0."""
    confidence: Float32
    """(21,) in 0..1; 0 = not seen."""
    box: Float32
    """(4,) x0, y0, x1, y1 in pixels."""
    restarted: bool = False
    """True when this is not a continuation of the last frame's figure: history must be forgotten."""

    def __post_init__(self) -> None:
        _expect("points_px", self.points_px, (len(BODY21), 2))
        _expect("confidence", self.confidence, (len(BODY21),))
        _expect("box", self.box, (4,))


@dataclass(frozen=True, slots=True, eq=False)
class BodyPose:
    """One person's body in one frame; what every sink receives."""

    person_id: int
    state: State
    joints_world: Float32
    """(26,3) metres, world axes."""
    joints_cam: Float32
    """(26,3) metres, camera axes, relative to mid-hip; solved."""
    raw_joints_cam: Float32
    """(26,3) as joints_cam, but straight from the network: unsmoothed, bones free."""
    root_cam: Float32
    """(3,) mid-hip in camera axes, metres; NaN where unknown."""
    root_world: Float32
    """(3,) mid-hip in world axes, metres."""
    root_rotation: Float32
    """(4,) xyzw, world orientation of the pelvis; identity = upright, facing +Z."""
    bone_rotations: Float32
    """(21,4) xyzw local rotations of `BONES`, rest = VRM T-pose; row 0 (Hips) is relative to the world."""
    confidence: Float32
    """(26,) in 0..1."""
    observed: NDArray[np.bool_]
    """(26,) seen by the detector (True) or inferred by the network (False)."""
    contacts: Float32
    """(4,) floor contact of `CONTACTS` in 0..1."""
    height_m: float
    """Stature used, metres."""
    skeleton: Skeleton = field(default=SEALCAP26, repr=False)

    def __post_init__(self) -> None:
        j = len(self.skeleton)
        for name in ("joints_world", "joints_cam", "raw_joints_cam"):
            _expect(name, getattr(self, name), (j, 3))
        _expect("bone_rotations", self.bone_rotations, (len(BONES), 4))
        _expect("confidence", self.confidence, (j,))
        _expect("observed", self.observed, (j,))
        _expect("contacts", self.contacts, (len(CONTACTS),))


@dataclass(frozen=True, slots=True)
class Losses:
    """What became of the frames of a run so far."""

    captured: int
    missed: int
    """Given up by the source itself, not in `captured`."""
    overwritten: int
    """Captured, but a newer frame came before inference was free."""
    outputs: dict[str, int] = field(default_factory=dict)
    """Dropped by an output that was too slow, by its name."""


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Everything known about one frame, as handed to the sinks."""

    seq: int
    """Counts published frames from 0 without gaps; receivers see their own losses by it."""
    frame: Frame
    keypoints: tuple[Keypoints, ...]
    people: tuple[BodyPose, ...]
    """Empty when nobody has been seen yet; a person just lost stays for a while with state LOST."""
    publish_ns: int
    """time.monotonic_ns() when inference was done and the frame was handed to the sinks."""
    fps: float
    """Measured rate of published frames."""
    stage_ms: dict[str, float] = field(default_factory=dict)
    """Milliseconds spent per stage on this frame: capture, wait, detect, lift, solve."""
    known_from: dict[str, str] = field(default_factory=dict)
    """Pitch, fov, person_height, camera_height → given, estimated or assumed."""
    losses: Losses | None = None
    """None where nothing was captured: in a replay."""
