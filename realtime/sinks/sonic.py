"""A person's pose straight to NVIDIA's SONIC controller, versions 2 and 3 of its pose message.

SONIC plays 50 frames a second, cameras give other rates: poses are put on that grid between the last two
captured ones, so nothing waits for a future frame. While nobody is seen nothing is sent and the robot keeps
its last pose; whoever comes back, and whoever comes in their place, is joined over a second. Limits of the
robot are SONIC's business here; for ours use `--robot g1 --robot-out sonic://...`. Experimental: never run
against the real receiver by us.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from realtime.data import BodyPose, Motion
from realtime.exposure import Listener
from realtime.retarget import smpl
from realtime.retarget.transports.sonic_wire import FRAMES_PER_S, SonicPublisher, bind_address
from realtime.sinks.one_person import Places
from realtime.sinks.wire import sendable
from realtime.solve.quaternions import same_sign, unit

Float64 = NDArray[np.float64]

STEP_NS = 1_000_000_000 // FRAMES_PER_S
GAP_NS = 300_000_000
"""After a longer gap between two poses the person is joined anew."""
JOIN_NS = 1_000_000_000
"""Time over which the robot is brought from its last pose to the person's."""
JOINTS = 29


class Grid:
    """Rotations at capture times → rotations at multiples of 20 ms, continuous also after a gap."""

    def __init__(self) -> None:
        self._last: tuple[int, Float64] | None = None
        self._slot = 0
        self._sent: Float64 | None = None
        self._leave: tuple[int, Float64] | None = None

    def offer(self, time_ns: int, q: Float64, *, anew: bool = False) -> Float64:
        """One pose (K,4) → (N,K,4) the frames that are due with it, N from 0 up. `anew`: it is somebody
        else's."""
        gap = self._last is None or not 0 < time_ns - self._last[0] <= GAP_NS
        if gap:
            self._slot = time_ns // STEP_NS - 1
        if self._last is None or gap or anew:
            self._leave = None if self._sent is None else (time_ns, self._sent)
            self._last = (time_ns, q)
        before_ns, before = self._last
        q = same_sign(q, before)
        first, self._slot = self._slot + 1, time_ns // STEP_NS
        times = np.arange(first, self._slot + 1) * STEP_NS
        share = np.ones(len(times)) if time_ns == before_ns else (times - before_ns) / (time_ns - before_ns)
        frames = unit(before + share.clip(0.0, 1.0)[:, None, None] * (q - before))
        self._last = (time_ns, q)
        frames = self._joined(times, frames)
        if len(frames):
            self._sent = frames[-1]
        return frames

    def _joined(self, times: NDArray[np.int64], frames: Float64) -> Float64:
        """Frames after a gap, eased away from what was sent before it."""
        if self._leave is None:
            return frames
        since_ns, old = self._leave
        share = ((times - since_ns) / JOIN_NS).clip(0.0, 1.0)
        if len(share) and share[-1] >= 1.0:
            self._leave = None
        ease = (share * share * (3.0 - 2.0 * share))[:, None, None]
        return unit(old + ease * (same_sign(frames, np.broadcast_to(old, frames.shape)) - old))


class SonicSink:
    """Sends the first person."""

    queue = 1

    def __init__(
        self, address: str, *, version: Literal[2, 3] = 3, lan: bool = False, insecure: bool = False
    ) -> None:
        """`address` to bind, HOST:PORT or tcp://HOST:PORT. Raises ConfigError, see `bind_address`."""
        address = bind_address(address, "--sonic", lan=lan, insecure=insecure)
        self._publisher = SonicPublisher(address, version)
        self._grid, self._places = Grid(), Places(1)
        self._person_id: int | None = None

    @property
    def name(self) -> str:
        """For counters and messages."""
        return f"sonic {self._publisher.address}"

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """What of it other machines can reach."""
        return self._publisher.listeners

    def open(self) -> None:
        """Bind. Raises SinkError when the port is taken."""
        self._publisher.open()

    def write(self, motion: Motion) -> None:
        """Publish the frames that are due; nothing while nobody is seen. Raises SinkError."""
        (pose,) = self._places.fill(motion)
        if pose is None or not sendable(pose):
            return
        anew, self._person_id = pose.person_id != self._person_id, pose.person_id
        frames = self._grid.offer(motion.frame.capture_time_ns, _rotations(pose), anew=anew)
        if len(frames):
            self._publisher.send(smpl.body_quaternion(frames[:, 0]), _arrays(frames))

    def close(self) -> None:
        """Release the port; idempotent."""
        self._publisher.close()


def _rotations(pose: BodyPose) -> Float64:
    """(21,4): `BONES`, the first of which is the pelvis in the world."""
    return pose.bone_rotations.astype(np.float64)


def _arrays(frames: Float64) -> dict[str, Float64]:
    """Of both versions; of the joints only SONIC's wrists count in version 3, and hands are not seen."""
    still = np.zeros((len(frames), JOINTS))
    return {
        "joint_pos": still,
        "joint_vel": still,
        "smpl_joints": np.stack([smpl.joints(frame) for frame in frames]),
        "smpl_pose": smpl.body_pose(frames),
    }
