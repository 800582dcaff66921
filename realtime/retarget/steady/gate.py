"""Which poses are believed: a swapped side or a teleported joint is not, until it has lasted.

A pose is believed when every joint could have come here from the last believed one with at most `TIMES` its
velocity limit, in the time between two pictures. Others are put aside. When `CONFIRMING` of those in a row
agree with each other, the world really is like that: they become the new history, and the robot is to go
there by a ramp. The same proof is asked of the first poses, and of the first after a gap.
"""

from __future__ import annotations

import numpy as np

from realtime.retarget.robot_pose import JointLimits, RobotPose
from realtime.retarget.steady.root_limiter import RootLimits
from realtime.retarget.steady.rotation import between

TIMES = 3.0
FASTEST_RAD_S = 25.0
"""No person's joint turns faster, whatever the robot could do."""
SLACK_RAD, SLACK_M, SLACK_TURN_RAD = 0.1, 0.15, 0.3
"""What noise may add, however close two pictures are in time."""
CONFIRMING = 5
GAP_S = 0.5
"""After so long without a believed pose, the last one proves nothing."""

SeenPose = tuple[int, RobotPose]
"""(when it was seen, nanoseconds; pose)"""


class Gate:
    """Keeps the last believed pose, and candidates that contradict it."""

    def __init__(self, limits: JointLimits, root: RootLimits) -> None:
        self._speed = TIMES * np.minimum(limits.velocity, FASTEST_RAD_S / TIMES)
        self._root_speed, self._root_spin = TIMES * root.velocity, TIMES * root.angular_velocity
        self._believed: SeenPose | None = None
        self._candidates: list[SeenPose] = []
        self._heard_ns = 0
        """When the last pose was seen, believed or not: doubt does not make a jump more likely with time."""
        self.refused = 0
        """Poses that were put aside."""

    def forget(self) -> None:
        """Begin anew: what comes next must prove itself."""
        self._believed = None
        self._candidates.clear()

    def admit(self, seen: SeenPose) -> tuple[list[SeenPose], bool]:
        """(poses that are believed now, whether they contradict what was believed before)."""
        heard_ns, self._heard_ns = self._heard_ns, seen[0]
        if self._believed is not None and self._agree(self._believed, seen, heard_ns):
            self._believed = seen
            self._candidates.clear()
            return [seen], False
        if self._candidates and not self._agree(self._candidates[-1], seen, heard_ns):
            self._candidates.clear()
        self._candidates.append(seen)
        if len(self._candidates) < CONFIRMING:
            self.refused += 1
            return [], False
        accepted, self._candidates = self._candidates, []
        self._believed = seen
        return accepted, True

    def _agree(self, before: SeenPose, after: SeenPose, heard_ns: int) -> bool:
        dt_s = (after[0] - heard_ns) / 1e9
        if dt_s <= 0 or (after[0] - before[0]) / 1e9 > GAP_S:
            return False
        old, new = before[1], after[1]
        joints = np.abs(new.position - old.position) <= SLACK_RAD + self._speed * dt_s
        moved = float(np.linalg.norm(new.root_world - old.root_world))
        turned = float(np.linalg.norm(between(old.root_rotation, new.root_rotation)))
        return (
            bool(joints.all())
            and moved <= SLACK_M + self._root_speed * dt_s
            and turned <= SLACK_TURN_RAD + self._root_spin * dt_s
        )
