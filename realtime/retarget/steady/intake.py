"""What may be followed now, and if nothing may, why."""

from __future__ import annotations

import numpy as np

from realtime.data import State
from realtime.retarget.robot_pose import JointLimits, RobotPose
from realtime.retarget.steady.extrapolator import Extrapolator, Target
from realtime.retarget.steady.gate import Gate, SeenPose
from realtime.retarget.steady.root_limiter import RootLimits

STALE_S = 0.3
"""A picture older than this is no news."""
EARLY_S = 0.05
"""A pose may be seen so much after `now`: clocks of two threads are read one after the other."""
FROZEN_S, FROZEN = 1.0, 1e-6
"""Nobody stands so still: a picture that repeats itself gives the same numbers for so long."""
ROOM_M = 100.0
"""A base further from the origin is a mistake."""


class Intake:
    """Takes in poses as they come; answers at every tick."""

    def __init__(self, limits: JointLimits, root: RootLimits) -> None:
        self._limits = limits
        self._gate, self._extrapolator = Gate(limits, root), Extrapolator()
        self._state: State | None = None
        self._moved: SeenPose | None = None
        """The pose at which something moved last."""
        self.refused = 0
        """Poses that were no poses: not finite, wrong shape, out of the world."""
        self.restarts = 0
        """How often the history began anew, so that the robot must be led there slowly."""

    @property
    def doubted(self) -> int:
        """Poses that were put aside because they came out of nowhere."""
        return self._gate.refused

    @property
    def last(self) -> SeenPose | None:
        """The newest believed pose."""
        return self._extrapolator.last

    def offer(self, pose: RobotPose, seen_ns: int) -> None:
        """Take in a pose of a picture that was taken at `seen_ns`, on the clock of the ticks."""
        self._state = pose.state
        if pose.state is not State.TRACKING:
            return
        if not sound(pose, len(self._limits.names)):
            self.refused += 1
            return
        seen = (seen_ns, pose)
        self._watch_still(seen)
        believed, anew = self._gate.admit(seen)
        if anew:
            self._extrapolator.forget()
            self.restarts += 1
        for one in believed:
            self._extrapolator.add(one)

    def forget(self) -> None:
        """Time made a jump: nothing that is known belongs to now."""
        self._gate.forget()
        self._extrapolator.forget()
        self._state = self._moved = None

    def loss(self, now_ns: int) -> str:
        """Why nothing can be followed at `now_ns`; empty when something can."""
        last = self._extrapolator.last
        if self._state is None:
            return "nobody seen yet"
        if self._state is not State.TRACKING:
            return f"person {self._state.value}"
        if last is None:
            return "not sure of the person yet"
        if not -EARLY_S <= (now_ns - last[0]) / 1e9 <= STALE_S:
            return "no news of the person"
        if self._moved is not None and (last[0] - self._moved[0]) / 1e9 >= FROZEN_S:
            return "the picture is frozen"
        return ""

    def target(self, now_ns: int) -> Target | None:
        """Where the robot should be at `now_ns`; None before the first believed pose."""
        return self._extrapolator.at(now_ns)

    def _watch_still(self, seen: SeenPose) -> None:
        if self._moved is None or self._moved[0] >= seen[0] or _differ(self._moved[1], seen[1]):
            self._moved = seen


def sound(pose: RobotPose, joints: int) -> bool:
    """True when every number is there, is one, and lies in the world."""
    parts = ((pose.position, joints), (pose.root_world, 3), (pose.root_rotation, 4))
    if not all(part.shape == (size,) and np.isfinite(part).all() for part, size in parts):
        return False
    near = float(np.abs(pose.root_world).max()) <= ROOM_M
    return near and abs(float(np.linalg.norm(pose.root_rotation)) - 1) < 1e-3


def _differ(a: RobotPose, b: RobotPose) -> bool:
    pairs = (
        (a.position, b.position),
        (a.root_world, b.root_world),
        (a.root_rotation, b.root_rotation),
    )
    return any(bool((np.abs(x - y) > FROZEN).any()) for x, y in pairs)
