"""States of a robot's output and what leads from one to the next. No clock, no numbers of joints.

DISARMED ──arm──▶ RAMPING ──near──▶ FOLLOWING        ESTOP: from anywhere; ──reset──▶ DISARMED
   (a person            ▲   ╲          │
    is needed           │    ╲ person not seen, input stale
    to ramp)         person   ▼        ▼
                      again  HOLDING ◀─┘
                                │ too long, no heartbeat, stop: brakes, and at rest
                                ▼
                             STOPPED ──arm──▶ RAMPING
"""

from __future__ import annotations

from dataclasses import dataclass

from realtime.retarget.robot_pose import RobotState

HOLD_S = 2.0
"""So long the robot waits for somebody who was lost; then it must be armed anew."""
WAIT_S = 30.0
"""So long it waits after arming for somebody to step into the picture."""
_ACTIVE = (RobotState.RAMPING, RobotState.FOLLOWING, RobotState.HOLDING)
_NOT_ARMED = "not armed"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a tick knows."""

    elapsed_s: float
    """Since the last tick."""
    loss: str
    """Why nobody can be followed; empty when somebody can."""
    heartbeat: bool
    """Whoever armed is still there."""
    at_rest: bool
    """Nothing moves."""
    ramped: bool
    """The ramp is over and the robot is near the person."""


class Machine:
    """The state, and why."""

    def __init__(self) -> None:
        self.state, self.reason = RobotState.DISARMED, _NOT_ARMED
        self._ending = ""
        """Once not empty, the robot brakes until it rests, and stops."""
        self._held_s = 0.0
        self._followed = False
        """Whether anybody was followed since arming."""

    @property
    def active(self) -> bool:
        """True between arming and a stop."""
        return self.state in _ACTIVE

    @property
    def moves(self) -> bool:
        """True when the person is to be followed; otherwise brake."""
        return self.state in (RobotState.RAMPING, RobotState.FOLLOWING)

    @property
    def refusal(self) -> str:
        """Why it cannot be armed now; empty when it can."""
        if self.state is RobotState.ESTOP:
            return "emergency stop: reset it first"
        if self.active:
            return "it is armed already" if not self._ending else "it is still braking"
        return ""

    def arm(self) -> None:
        """From standing still to waiting for a person. Only where `refusal` is empty."""
        if self.refusal:
            raise ValueError(self.refusal)
        self.state, self.reason = RobotState.HOLDING, "armed"
        self._ending, self._held_s, self._followed = "", 0.0, False

    def stop(self, reason: str) -> None:
        """Brake, then stand. In an emergency stop nothing changes."""
        if self.active:
            self._ending = self._ending or reason
            self.state, self.reason = RobotState.HOLDING, self._ending
        elif self.state is RobotState.DISARMED:
            self.state, self.reason = RobotState.STOPPED, reason

    def estop(self, reason: str) -> None:
        """At once, from anywhere."""
        if self.state is not RobotState.ESTOP:
            self.state, self.reason, self._ending = RobotState.ESTOP, reason, ""

    def reset(self) -> None:
        """Out of the emergency stop; anything else stays."""
        if self.state is RobotState.ESTOP:
            self.state, self.reason = RobotState.DISARMED, _NOT_ARMED

    def step(self, seen: Seen) -> None:
        """One tick."""
        if not self.active:
            return
        if not seen.heartbeat:
            self._ending = self._ending or "no heartbeat"
        if self._ending:
            self._hold(self._ending)
            if seen.at_rest:
                self.state = RobotState.STOPPED
        elif seen.loss:
            self._wait(seen)
        else:
            self._go(seen)

    def _wait(self, seen: Seen) -> None:
        self._hold(seen.loss)
        self._held_s += seen.elapsed_s
        if self._held_s >= (HOLD_S if self._followed else WAIT_S):
            self._ending = f"{seen.loss} for too long"
            self._hold(self._ending)
            if seen.at_rest:
                self.state = RobotState.STOPPED

    def _go(self, seen: Seen) -> None:
        self._held_s, self._followed = 0.0, True
        if self.state is RobotState.HOLDING or not seen.ramped:
            self.state, self.reason = RobotState.RAMPING, "ramping to the person"
        else:
            self.state, self.reason = RobotState.FOLLOWING, ""

    def _hold(self, reason: str) -> None:
        self.state, self.reason = RobotState.HOLDING, reason
