"""VRChat output: hip, feet and more as OSC trackers, for full-body tracking without trackers.

VRChat keeps its own headset and controllers; we send where the other joints are, in Unity's axes, rotations
as Euler angles in degrees (applied about Z, then X, then Y). Which tracker is which joint VRChat finds out
when the user calibrates, so the numbers stay. Positions of our head let VRChat shift our room onto its own; a
single rotation of our head, sent on demand, turns it. Source: docs.vrchat.com/docs/osc-trackers.
"""

from __future__ import annotations

import math
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ConfigError
from lifting.skeleton import BONES, SEALCAP26
from realtime.axes import UNITY
from realtime.data import BodyPose, Motion, State
from realtime.osc_packets import bundles, message, message_head
from realtime.sinks.one_person import Places
from realtime.sinks.rate import RateLimit
from realtime.sinks.udp import UdpSender
from realtime.sinks.wire import sendable
from realtime.solve.forward import world_rotations
from realtime.solve.quaternions import to_matrix
from realtime.vmc.commands import CommandPort, Commands

Float64 = NDArray[np.float64]

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 9000
DEFAULT_TRACKERS = "hip,feet"
MAX_RATE_HZ = 100.0
ALIGN_AFTER_S = 1.0
"""Of tracking, before the first alignment: the first poses are the least certain."""
FACING_SHARE = 0.1
"""Of a frame's facing direction that counts at once; one frame alone is a noisy compass."""


class Tracker(NamedTuple):
    """One of VRChat's eight."""

    number: int
    joint: str
    bone: str


TRACKERS: dict[str, tuple[Tracker, ...]] = {
    "hip": (Tracker(1, "pelvis", "Hips"),),
    "feet": (Tracker(2, "left_ankle", "LeftFoot"), Tracker(3, "right_ankle", "RightFoot")),
    "knees": (Tracker(4, "left_knee", "LeftUpperLeg"), Tracker(5, "right_knee", "RightUpperLeg")),
    "chest": (Tracker(6, "chest", "Chest"),),
    "elbows": (Tracker(7, "left_elbow", "LeftUpperArm"), Tracker(8, "right_elbow", "RightUpperArm")),
}
"""Names of --vrchat-trackers. The numbers are those of SlimeVR, so that a calibration can be kept."""
_HEAD_JOINT, _HEAD_BONE = SEALCAP26.index("head"), BONES.index("Head")
_HEAD = message_head("/tracking/trackers/head/position", "fff")


def parse_trackers(text: str) -> tuple[Tracker, ...]:
    """`hip,feet` → trackers by number. Raises ConfigError naming those there are."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in TRACKERS]
    if unknown or not names:
        raise ConfigError(
            f"--vrchat-trackers {text}: choose some of {','.join(TRACKERS)}, such as {DEFAULT_TRACKERS}."
        )
    return tuple(sorted({tracker for name in names for tracker in TRACKERS[name]}))


def euler_deg(q: Float64) -> Float64:
    """Rotations (...,4) xyzw in Unity's axes → (...,3) degrees about x, y, z with q = qy·qx·qz."""
    R = to_matrix(q)
    x = np.arcsin(np.clip(-R[..., 1, 2], -1.0, 1.0))
    y, z = np.arctan2(R[..., 0, 2], R[..., 2, 2]), np.arctan2(R[..., 1, 0], R[..., 1, 1])
    locked = np.abs(R[..., 1, 2]) > 1 - 1e-9  # looking straight up or down: only y ± z is known
    y = np.where(locked, np.arctan2(-R[..., 2, 0], R[..., 0, 0]), y)
    return np.asarray(np.degrees(np.stack([x, y, np.where(locked, 0.0, z)], axis=-1)))


class Encoder:
    """Packs the chosen trackers; what is constant is packed once."""

    def __init__(self, trackers: Sequence[Tracker]) -> None:
        self._joints = [SEALCAP26.index(tracker.joint) for tracker in trackers] + [_HEAD_JOINT]
        self._bones = [BONES.index(tracker.bone) for tracker in trackers]
        self._heads = [
            message_head(f"/tracking/trackers/{tracker.number}/{what}", "fff")
            for tracker in trackers
            for what in ("position", "rotation")
        ]

    def packets(self, pose: BodyPose, world: Float64, scale: float) -> list[bytes]:
        """One bundle: position and rotation of every tracker, and the head's position.

        `world` (21,4): the bones' rotations in world axes. `scale`: from our metres to the user's own.
        """
        positions = UNITY.points(pose.joints_world[self._joints].astype(np.float64)) * scale
        angles = euler_deg(UNITY.rotations(world[self._bones]))
        return bundles(self._messages(positions, angles))

    def _messages(self, positions: Float64, angles: Float64) -> Iterator[bytes]:
        rows = np.concatenate([positions[:-1], angles], axis=1).astype(">f4").tobytes()
        for i, head in enumerate(self._heads):
            yield head + rows[12 * i : 12 * i + 12]
        yield _HEAD + struct.pack(">3f", *positions[-1])


class VrchatSink:
    """Sends one person's trackers to one VRChat."""

    queue = 1
    never_waits = True

    def __init__(
        self,
        host: str = DEFAULT_HOST,
        port: int = DEFAULT_PORT,
        *,
        trackers: str = DEFAULT_TRACKERS,
        height_m: float | None = None,
        commands: Commands | None = None,
        command_port: CommandPort | None = None,
    ) -> None:
        """`height_m`: the user's height as VRChat has it; None leaves our metres as they are.

        `commands`: a calibration ordered there aligns the heading. Raises ConfigError for trackers or a port
        that cannot be.
        """
        self._udp = UdpSender("--vrchat", host, port, f"{DEFAULT_HOST}:{DEFAULT_PORT}")
        self._encoder = Encoder(parse_trackers(trackers))
        self._height_m = height_m
        self._commands, self._command_port = commands or Commands(), command_port
        self._calibrations = 0
        self._places, self._limit = Places(), RateLimit(MAX_RATE_HZ)
        self._packets: list[bytes] = []
        self._facing: Float64 | None = None
        self._tracking_since_s: float | None = None
        self._align_wanted = threading.Event()
        self._aligned_once = False

    @property
    def name(self) -> str:
        """For counters and messages."""
        return self._udp.name

    def align(self) -> None:
        """Turn our room so that the head looks where the headset does: with the next frame in which the
        person is seen. From any thread; to be called while the user looks straight ahead."""
        self._align_wanted.set()

    def open(self) -> None:
        """Find the receiver. Raises SinkError when its name is unknown."""
        self._udp.open()

    def write(self, motion: Motion) -> None:
        """Send one frame. While nobody is seen, the last pose is repeated: trackers that vanish would have to
        be calibrated again."""
        now_s = time.monotonic()
        self._obey(now_s)
        if not self._limit.allows(now_s):
            return
        (pose,) = self._places.fill(motion)
        if pose is not None and sendable(pose):
            world = world_rotations(pose.bone_rotations.astype(np.float64))
            if pose.state is State.TRACKING:
                self._look(world[_HEAD_BONE], now_s)
            scale = 1.0 if self._height_m is None else self._height_m / pose.height_m
            self._packets = self._encoder.packets(pose, world, scale)
        self._udp.send(self._packets)

    def close(self) -> None:
        """Release the sockets; idempotent."""
        if self._command_port is not None:
            self._command_port.close()
        self._udp.close()

    def _obey(self, now_s: float) -> None:
        if self._command_port is not None:
            self._command_port.poll(now_s)
        if self._commands.calibrations != self._calibrations:
            self._calibrations = self._commands.calibrations
            self._align_wanted.set()

    def _look(self, head: Float64, now_s: float) -> None:
        """Learn where the head faces, and align when it is time or was asked for."""
        forward = UNITY.points(to_matrix(head)[:, 2])
        if self._facing is None or self._tracking_since_s is None:
            self._facing, self._tracking_since_s = forward, now_s
        self._facing = self._facing + FACING_SHARE * (forward - self._facing)
        first = not self._aligned_once and now_s - self._tracking_since_s >= ALIGN_AFTER_S
        if first or self._align_wanted.is_set():
            self._align_wanted.clear()
            self._aligned_once = True
            yaw_deg = math.degrees(math.atan2(self._facing[0], self._facing[2]))
            # Alone and once: VRChat snaps to a single rotation, and eases into a stream of them.
            self._udp.send(bundles([message("/tracking/trackers/head/rotation", "fff", 0.0, yaw_deg, 0.0)]))
