"""Poses and outputs for tests of the steady output: four joints alike, a base that stands."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from realtime.data import State
from realtime.retarget.robot_pose import JointLimits, RobotCommand, RobotPose, RobotState
from realtime.retarget.steady.output import SteadyOutput

N = 4
LIMITS = JointLimits(
    tuple(f"j{i}" for i in range(N)), np.full(N, -2.0), np.full(N, 2.0), np.full(N, 6.0), np.full(N, 30.0)
)
BEGIN_NS = 10**12
MOVING = (RobotState.RAMPING, RobotState.FOLLOWING)


def make_pose(
    t: float, joints: np.ndarray | float = 0.0, state: State = State.TRACKING, seq: int = 0
) -> RobotPose:
    """A pose of the picture at `t` seconds, whose joints never stand quite still."""
    position = np.full(N, joints) + 1e-4 * np.sin(40 * t)
    identity = np.array([0.0, 0.0, 0.0, 1.0])
    return RobotPose(BEGIN_NS + round(t * 1e9), state, position, np.zeros(3), identity, seq)


class Play:
    """An output, 100 ticks and 30 pictures a second, and a deadman that is held."""

    def __init__(self, output: SteadyOutput | None = None) -> None:
        self.output = output or SteadyOutput(LIMITS, np.zeros(N))
        self.t = 0.0
        self.token = ""
        self.commands: list[RobotCommand] = []
        self._next_picture = 0.0

    @property
    def now_ns(self) -> int:
        """The clock."""
        return BEGIN_NS + round(self.t * 1e9)

    def arm(self) -> str:
        """The refusal, empty when armed."""
        self.token, refusal = self.output.arm(self.now_ns)
        return refusal

    def run(
        self,
        seconds: float,
        pose: Callable[[float], RobotPose | None] | None = make_pose,
        *,
        beat: bool = True,
    ) -> RobotCommand:
        """Goes on for so long; the last command."""
        for _ in range(round(seconds * 100)):
            self.t = round(self.t + 0.01, 6)
            while self._next_picture <= self.t:
                shown = pose(self._next_picture) if pose is not None else None
                if shown is not None:
                    self.output.offer(shown)
                self._next_picture += 1 / 30
            if beat:
                self.output.heartbeat(self.token, self.now_ns)
            self.commands.append(self.output.tick(self.now_ns))
        return self.commands[-1]

    @property
    def states(self) -> list[RobotState]:
        """Without repetitions."""
        all_states = [command.state for command in self.commands]
        return [s for i, s in enumerate(all_states) if i == 0 or s is not all_states[i - 1]]


def following(pose: Callable[[float], RobotPose | None] = make_pose) -> Play:
    """An armed output that has ramped to its person."""
    play = Play()
    play.run(0.5, pose)
    assert play.arm() == ""
    assert play.run(3.0, pose).state is RobotState.FOLLOWING
    return play
