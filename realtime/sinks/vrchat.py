"""VRChat output: hip, feet and more as OSC trackers, for full-body tracking without trackers.

VRChat keeps its own headset and controllers; we send where the other joints are, in Unity's axes, rotations
as Euler angles in degrees (applied about Z, then X, then Y). Which tracker is which joint VRChat finds out
when the user calibrates, so the numbers stay. Positions of our head let VRChat shift our room onto its own; a
single rotation of our head, sent on demand, turns it. Source: docs.vrchat.com/docs/osc-trackers.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from lifting.errors import ConfigError
from lifting.skeleton import BONES, SEALCAP26
from realtime.data import BodyPose, Motion, State
from realtime.osc_packets import Layout, bundles, message, message_head
from realtime.sinks.one_person import Places
from realtime.sinks.packed import turned
from realtime.sinks.rate import RateLimit
from realtime.sinks.udp import UdpSender
from realtime.sinks.wire import sendable
from realtime.solve.plain_turns import Quaternion
from realtime.vmc.commands import CommandPort, Commands

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 9000
DEFAULT_TRACKERS = "hip,feet"
MAX_RATE_HZ = 100.0
ALIGN_AFTER_S = 1.0
"""Of tracking, before the first alignment: the first poses are the least certain."""
SILENT_S = 0.5
"""Without a picture for so long, the last trackers are repeated."""
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
_HEAD = (message_head("/tracking/trackers/head/position", "fff"), 3)


def parse_trackers(text: str) -> tuple[Tracker, ...]:
    """`hip,feet` → trackers by number. Raises ConfigError naming those there are."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in TRACKERS]
    if unknown or not names:
        raise ConfigError(
            f"--vrchat-trackers {text}: choose some of {','.join(TRACKERS)}, such as {DEFAULT_TRACKERS}."
        )
    return tuple(sorted({tracker for name in names for tracker in TRACKERS[name]}))


def unity_point(point: Sequence[float], scale: float) -> tuple[float, float, float]:
    """The same as UNITY.points, without numpy: for so few numbers that is faster."""
    x, y, z = point
    return -scale * x, scale * y, scale * z


def unity_rotation(q: Quaternion) -> Quaternion:
    """The same as UNITY.rotations."""
    x, y, z, w = q
    return x, -y, -z, w


def euler_deg(q: Quaternion) -> tuple[float, float, float]:
    """A rotation xyzw in Unity's axes → degrees about x, y, z with q = qy·qx·qz."""
    x, y, z, w = q
    sine = 2 * (w * x - y * z)
    about_x = math.degrees(math.asin(min(max(sine, -1.0), 1.0)))
    if abs(sine) > 1 - 1e-9:  # looking straight up or down: only y ± z is known
        return about_x, math.degrees(math.atan2(2 * (w * y - x * z), 1 - 2 * (y * y + z * z))), 0.0
    about_y = math.atan2(2 * (x * z + w * y), 1 - 2 * (x * x + y * y))
    about_z = math.atan2(2 * (x * y + w * z), 1 - 2 * (x * x + z * z))
    return about_x, math.degrees(about_y), math.degrees(about_z)


class Encoder:
    """Packs the chosen trackers; what is constant is packed once."""

    def __init__(self, trackers: Sequence[Tracker]) -> None:
        self._joints = [SEALCAP26.index(tracker.joint) for tracker in trackers]
        self._bones = [BONES.index(tracker.bone) for tracker in trackers]
        heads = [
            (message_head(f"/tracking/trackers/{tracker.number}/{what}", "fff"), 3)
            for tracker in trackers
            for what in ("position", "rotation")
        ]
        self._layout = Layout([*heads, _HEAD])

    def packets(self, pose: BodyPose, scale: float) -> list[bytes]:
        """One bundle: position and rotation of every tracker, and the head's position.

        `scale`: from our metres to the user's own.
        """
        joints, world = pose.joints_world.tolist(), turned(pose)
        numbers: list[float] = []
        for joint, bone in zip(self._joints, self._bones, strict=True):
            numbers += unity_point(joints[joint], scale)
            numbers += euler_deg(unity_rotation(world[bone]))
        return self._layout.packets([*numbers, *unity_point(joints[_HEAD_JOINT], scale)])


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
        self._sent_s = 0.0
        self._facing: tuple[float, float] | None = None
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
            if pose.state is State.TRACKING:
                self._look(turned(pose)[_HEAD_BONE], now_s)
            scale = 1.0 if self._height_m is None else self._height_m / pose.height_m
            self._packets = self._encoder.packets(pose, scale)
        self._udp.send(self._packets)
        self._sent_s = now_s

    def idle(self) -> None:
        """When pictures stay away, as when nobody is seen."""
        now_s = time.monotonic()
        if now_s - self._sent_s >= SILENT_S:
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

    def _look(self, head: Quaternion, now_s: float) -> None:
        """Learn where the head faces, and align when it is time or was asked for."""
        x, y, z, w = unity_rotation(head)
        right, ahead = 2 * (x * z + w * y), 1 - 2 * (x * x + y * y)  # its forward axis
        if self._facing is None or self._tracking_since_s is None:
            self._facing, self._tracking_since_s = (right, ahead), now_s
        old_right, old_ahead = self._facing
        self._facing = (
            old_right + FACING_SHARE * (right - old_right),
            old_ahead + FACING_SHARE * (ahead - old_ahead),
        )
        first = not self._aligned_once and now_s - self._tracking_since_s >= ALIGN_AFTER_S
        if first or self._align_wanted.is_set():
            self._align_wanted.clear()
            self._aligned_once = True
            yaw_deg = math.degrees(math.atan2(*self._facing))
            # Alone and once: VRChat snaps to a single rotation, and eases into a stream of them.
            self._udp.send(bundles([message("/tracking/trackers/head/rotation", "fff", 0.0, yaw_deg, 0.0)]))
