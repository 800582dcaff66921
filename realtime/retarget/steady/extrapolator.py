"""Where the last poses lead to: straight on, ever more slowly, for 100 ms at most.

Nothing is interpolated, which would cost a frame of delay. The speed assumed falls linearly to zero at
HORIZON_S after the picture was taken; beyond, the target stands still, half that way ahead of the pose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from realtime.retarget.robot_pose import Float64
from realtime.retarget.steady.gate import SeenPose
from realtime.retarget.steady.rotation import between, turned

HORIZON_S = 0.1
FADED_S = 0.15
"""The lead, with which a follower keeps up with the flow of poses, fades from HORIZON_S until then."""
LEAD_SHARE = 0.5
"""Of that speed: all of it follows closest, and shoots over the turning points of a fast motion."""
NEWEST_SHARE = 0.75
"""Weight of the newest of two speeds between three pictures: more follows faster, and shakes more."""
MIN_GAP_S, MAX_GAP_S = 0.004, 0.15
"""Pictures closer or further apart say nothing of speed."""


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Where robot and base should be now, and the speed at which poses have been moving."""

    position: Float64
    """(N,)"""
    velocity: Float64
    """(N,) per second"""
    root_world: Float64
    """(3,) metres"""
    root_rotation: Float64
    """(4,) xyzw"""
    root_velocity: Float64
    """(3,) metres per second"""
    root_spin: Float64
    """(3,) radians per second, world axes"""


class Extrapolator:
    """Holds the last pose and the speed there."""

    def __init__(self) -> None:
        self._last: SeenPose | None = None
        self._speed: Float64 | None = None
        """(N + 6,) joints, root, spin; per second. Of the last two pictures, mixed with the two before."""

    @property
    def last(self) -> SeenPose | None:
        """The newest pose."""
        return self._last

    def forget(self) -> None:
        """Drop everything."""
        self._last = self._speed = None

    def add(self, seen: SeenPose) -> None:
        """Take in a newer pose; one that is not newer than the last begins a new history."""
        before, self._last = self._last, seen
        gap_s = 0.0 if before is None else (seen[0] - before[0]) / 1e9
        if before is None or not MIN_GAP_S <= gap_s <= MAX_GAP_S:
            self._speed = None
            return
        newest = _difference(before, seen) / gap_s
        old = newest if self._speed is None else self._speed
        self._speed = NEWEST_SHARE * newest + (1 - NEWEST_SHARE) * old

    def at(self, now_ns: int) -> Target | None:
        """The target at `now_ns`; None before the first pose."""
        if self._last is None:
            return None
        seen_ns, pose = self._last
        n = len(pose.position)
        speed = np.zeros(n + 6) if self._speed is None else self._speed
        ahead_s = min(max((now_ns - seen_ns) / 1e9, 0.0), HORIZON_S)
        way = speed * (ahead_s - ahead_s * ahead_s / (2 * HORIZON_S))
        fresh = (FADED_S - (now_ns - seen_ns) / 1e9) / (FADED_S - HORIZON_S)
        lead = speed * (LEAD_SHARE * min(max(fresh, 0.0), 1.0))
        return Target(
            pose.position + way[:n],
            lead[:n],
            pose.root_world + way[n : n + 3],
            turned(pose.root_rotation, way[n + 3 :]),
            lead[n : n + 3],
            lead[n + 3 :],
        )


def _difference(before: SeenPose, after: SeenPose) -> Float64:
    """(N + 6,) how far joints, root and rotation went."""
    old, new = before[1], after[1]
    spin = between(old.root_rotation, new.root_rotation)
    return np.concatenate([new.position - old.position, new.root_world - old.root_world, spin])
