"""The button that must be held: it arms, keeps armed, and never arms by itself again."""

from __future__ import annotations

import numpy as np
import pytest

from realtime.cockpit.robot import RobotSwitch
from realtime.retarget.robot_pose import JointLimits, RobotState
from realtime.retarget.steady.deadman import LIMIT_S
from realtime.retarget.steady.loop import SteadyLoop
from realtime.retarget.steady.output import SteadyOutput

ME, YOU = 1, 2


class Clock:
    """Time that a test moves."""

    def __init__(self, output: SteadyOutput) -> None:
        self.now_ns = 10**9
        self._output = output

    def __call__(self) -> int:
        return self.now_ns

    def pass_s(self, seconds: float) -> None:
        """Let the output tick at its rate for so long."""
        for _ in range(round(seconds * self._output.rate_hz)):
            self.now_ns += round(1e9 / self._output.rate_hz)
            self._output.tick(self.now_ns)


@pytest.fixture
def parts() -> tuple[RobotSwitch, SteadyOutput, Clock]:
    """A switch, its output and the clock of both; nothing runs by itself."""
    ones = np.ones(2)
    output = SteadyOutput(JointLimits(("a", "b"), -ones, ones, ones, 4 * ones), np.zeros(2))
    clock = Clock(output)
    return RobotSwitch("two", SteadyLoop(output, []), clock), output, clock


Parts = tuple[RobotSwitch, SteadyOutput, Clock]


def test_holding_keeps_it_armed_and_letting_go_stops(parts: Parts) -> None:
    """Armed with the first message, for as long as messages come; stopped at the release."""
    switch, output, clock = parts
    clock.pass_s(0.1)
    for _ in range(40):
        assert switch.hold(ME) == ""
        clock.pass_s(0.05)
    assert output.state is RobotState.HOLDING  # nobody to follow
    assert switch.view.held
    switch.release(ME)
    clock.pass_s(0.1)
    assert (output.state, switch.view.held) == (RobotState.STOPPED, False)
    assert switch.hold(ME) == ""  # a new press arms again


def test_a_press_whose_heartbeat_failed_arms_nothing_any_more(parts: Parts) -> None:
    """Messages that arrive late, all at once, leave the robot standing until the button was released."""
    switch, output, clock = parts
    switch.hold(ME)
    clock.pass_s(LIMIT_S + 0.1)
    assert output.state is RobotState.STOPPED
    for _ in range(50):
        assert "release" in switch.hold(ME)
        clock.pass_s(0.05)
    assert output.state is RobotState.STOPPED
    switch.release(ME)
    assert switch.hold(ME) == ""


def test_nobody_takes_it_from_whoever_holds_it(parts: Parts) -> None:
    """A second visitor is refused, and their release stops nothing."""
    switch, output, clock = parts
    switch.hold(ME)
    assert switch.hold(YOU) == "somebody else holds it"
    switch.release(YOU)
    clock.pass_s(0.05)
    assert switch.hold(ME) == ""
    assert output.state is RobotState.HOLDING


def test_anybody_may_stop(parts: Parts) -> None:
    """Stop and emergency stop need no token, and holding on does not undo them."""
    switch, output, clock = parts
    switch.hold(ME)
    switch.stop()
    clock.pass_s(0.1)
    assert switch.hold(ME) != ""
    assert output.state is RobotState.STOPPED
    switch.release(ME)
    switch.hold(ME)
    switch.estop()
    assert output.state is RobotState.ESTOP
    assert switch.hold(ME) != ""
    switch.release(ME)
    assert "emergency" in switch.hold(ME)
    switch.reset()
    switch.release(ME)
    assert switch.hold(ME) == ""
