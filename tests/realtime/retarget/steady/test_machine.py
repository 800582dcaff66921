"""State machine: whatever happens in whatever order, nothing moves that was not armed."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from realtime.retarget.robot_pose import RobotState
from realtime.retarget.steady.machine import Machine, Seen

S = RobotState
ACTIVE = (S.RAMPING, S.FOLLOWING, S.HOLDING)


class AnyOrder(RuleBasedStateMachine):
    """Random commands and ticks against a plain account of what is allowed."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = Machine()
        self.allowed = False
        """Armed, and neither stopped nor without a heartbeat since."""
        self.emergency = False
        self.before = S.DISARMED

    @precondition(lambda self: not self.machine.refusal)
    @rule()
    def arm(self) -> None:
        self.machine.arm()
        self.allowed = True

    @precondition(lambda self: self.machine.refusal)
    @rule()
    def arm_refused(self) -> None:
        with pytest.raises(ValueError, match=self.machine.refusal):
            self.machine.arm()

    @rule()
    def stop(self) -> None:
        self.machine.stop("asked")
        self.allowed = False

    @rule()
    def estop(self) -> None:
        self.machine.estop("asked")
        self.allowed, self.emergency = False, True

    @rule()
    def reset(self) -> None:
        self.machine.reset()
        self.emergency = False

    @rule(
        elapsed=st.floats(0.005, 5), loss=st.sampled_from(["", "person lost"]), heartbeat=st.booleans(),
        at_rest=st.booleans(), ramped=st.booleans(),
    )  # fmt: skip
    def tick(self, elapsed: float, loss: str, heartbeat: bool, at_rest: bool, ramped: bool) -> None:
        self.before = self.machine.state
        self.machine.step(Seen(elapsed, loss, heartbeat, at_rest, ramped))
        self.allowed = self.allowed and heartbeat
        now = self.machine.state
        if loss or not self.allowed:
            assert not self.machine.moves
        if now is S.FOLLOWING:
            assert self.before in (S.RAMPING, S.FOLLOWING)
        if now is S.STOPPED and self.before in ACTIVE:
            assert at_rest

    @invariant()
    def moves_only_when_allowed(self) -> None:
        assert self.allowed or not self.machine.moves

    @invariant()
    def emergency_stays(self) -> None:
        assert (self.machine.state is S.ESTOP) == self.emergency

    @invariant()
    def says_why(self) -> None:
        assert bool(self.machine.reason) == (self.machine.state is not S.FOLLOWING)


AnyOrder.TestCase.settings = settings(deadline=None, max_examples=60, stateful_step_count=40)
TestAnyOrder = AnyOrder.TestCase
