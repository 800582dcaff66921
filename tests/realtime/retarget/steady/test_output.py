"""The whole output, in simulated time: arming, ramps, losses, doubtful poses, clocks that jump."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from realtime.data import State
from realtime.retarget.robot_pose import RobotState
from realtime.retarget.steady.output import SteadyOutput
from tests.realtime.retarget.steady.poses import LIMITS, MOVING, N, Play, following, make_pose

S = RobotState


def test_disarmed_it_stands_at_home() -> None:
    """Whoever is seen, nothing moves before an arm."""
    play = Play(SteadyOutput(LIMITS, np.full(N, 0.3)))
    last = play.run(2.0, lambda t: make_pose(t, math.sin(t)))
    assert play.states == [S.DISARMED]
    assert (last.position == 0.3).all()
    assert last.reason == "not armed"


def test_arming_leads_to_the_person_by_a_slow_ramp() -> None:
    """From home to a pose a radian away: ramping first and slowly, following in the end, there."""
    play = Play()
    play.run(0.5, lambda t: make_pose(t, 1.0))
    play.arm()
    play.run(0.3, lambda t: make_pose(t, 1.0))
    assert max(np.abs(c.velocity).max() for c in play.commands) < 0.2 * 6.0
    last = play.run(3.0, lambda t: make_pose(t, 1.0))
    assert play.states == [S.DISARMED, S.RAMPING, S.FOLLOWING]
    assert last.position == pytest.approx(np.full(N, 1.0), abs=0.01)
    assert last.reason == ""


def test_somebody_who_moves_all_the_time_is_met() -> None:
    """Joints that swing with nearly all the robot's speed, more than a ramp has, and are never all near at
    once: met within 5 s."""
    phases = np.arange(N) * math.pi / N
    swing = lambda t: make_pose(t, 1.7 * np.sin(3.3 * t + phases))  # noqa: E731 - 5.6 of 6 rad/s
    play = Play()
    play.run(0.5, swing)
    play.arm()
    play.run(1.9, swing)
    assert play.states == [S.DISARMED, S.RAMPING]
    assert play.run(3.1, swing).state is S.FOLLOWING
    assert play.run(3.0, swing).state is S.FOLLOWING


def test_ticks_count_and_pictures_are_named() -> None:
    """Numbers have no gaps; capture time and number are those of the newest picture believed."""
    play = Play()
    play.run(0.02, None)
    assert (play.commands[-1].capture_time_ns, play.commands[-1].body_seq) == (-1, -1)
    last = play.run(1.0, lambda t: make_pose(t, seq=round(t * 30)))
    assert [c.tick for c in play.commands] == list(range(102))
    assert last.body_seq in (29, 30)
    assert 0 <= last.time_ns - last.capture_time_ns < 0.05e9


@pytest.mark.parametrize("state", [State.PREDICTED, State.HELD, State.LOST])
def test_a_person_not_seen_is_held_then_stopped(state: State) -> None:
    """At once holding; standing soon; after two seconds stopped, and then only an arm helps."""
    play = following(lambda t: make_pose(t, math.sin(2 * t)))
    assert play.run(0.05, lambda t: make_pose(t, state=state)).state is S.HOLDING
    assert not play.run(0.5, lambda t: make_pose(t, state=state)).velocity.any()
    assert play.run(2.0, lambda t: make_pose(t, state=state)).state is S.STOPPED
    assert play.run(2.0).state is S.STOPPED
    assert play.arm() == ""
    play.run(3.0)
    assert play.states[-4:] == [S.HOLDING, S.STOPPED, S.RAMPING, S.FOLLOWING]


def test_pictures_that_stop_are_a_loss() -> None:
    """Without pictures, holding within 0.35 s and stopped within 2.7 s."""
    play = following()
    assert play.run(0.35, None).state is S.HOLDING
    assert play.run(2.3, None).state is S.STOPPED


def test_a_frozen_picture_is_a_loss() -> None:
    """The same pose again and again, freshly stamped, is not followed for more than about a second."""
    play = following()
    frozen = make_pose(play.t)
    still = lambda t: replace(make_pose(t), position=frozen.position)  # noqa: E731
    assert play.run(1.2, still).state is S.HOLDING
    assert play.commands[-1].reason == "the picture is frozen"


def test_a_blink_costs_a_short_ramp() -> None:
    """After a tenth of a second without the person, following goes on within half a second."""
    play = following()
    play.run(0.1, lambda t: make_pose(t, state=State.PREDICTED))
    assert play.run(0.5).state is S.FOLLOWING
    assert S.HOLDING in play.states


def test_no_heartbeat_brakes_and_stops() -> None:
    """Within 0.3 s it goes on; then it brakes as holding, and is stopped once it rests."""
    play = following(lambda t: make_pose(t, math.sin(3 * t)))
    assert play.run(0.28, lambda t: make_pose(t, math.sin(3 * t)), beat=False).state in MOVING
    last = play.run(0.4, lambda t: make_pose(t, math.sin(3 * t)), beat=False)
    assert play.states[-2:] == [S.HOLDING, S.STOPPED]
    assert last.reason == "no heartbeat"
    assert not last.velocity.any()


def test_only_the_right_token_keeps_it_armed() -> None:
    """Beats with another token, an old one or none count for nothing."""
    play = following()
    old, play.token = play.token, "nonsense"
    assert not play.output.heartbeat("", play.now_ns)
    play.run(0.5)
    assert play.run(0.3).state is S.STOPPED
    play.arm()
    assert not play.output.heartbeat(old, play.now_ns)
    assert play.output.heartbeat(play.token, play.now_ns)


def test_a_late_heartbeat_cannot_make_up_for_silence() -> None:
    """After more than 0.3 s without a tick, a beat that comes before the next tick is refused."""
    play = following()
    play.t += 0.5
    assert not play.output.heartbeat(play.token, play.now_ns)
    play.run(0.5)
    assert play.states[-1] is S.STOPPED


def test_estop_holds_until_reset_and_arm() -> None:
    """At once in the state, braked within the limits; arming is refused before a reset."""
    play = following(lambda t: make_pose(t, math.sin(3 * t)))
    play.output.estop()
    assert play.run(0.01).state is S.ESTOP
    assert not play.run(0.3).velocity.any()
    assert "reset" in play.arm()
    play.output.stop()
    assert play.run(0.5).state is S.ESTOP
    play.output.reset()
    assert play.run(0.5).state is S.DISARMED
    assert play.arm() == ""
    assert play.run(3.0).state is S.FOLLOWING


def test_armed_twice_is_refused() -> None:
    """Nobody takes over a robot that somebody holds."""
    play = following()
    assert play.output.arm(play.now_ns) == ("", "it is armed already")


@pytest.mark.parametrize("frames", [1, 4])
@pytest.mark.parametrize("wrong", [1.0, -1.5])
def test_a_short_jump_moves_nothing(frames: int, wrong: float) -> None:
    """A joint that is elsewhere for up to four pictures is not followed at all."""
    play = following()
    until = play.t + frames / 30
    play.run(0.5, lambda t: make_pose(t, wrong if t < until else 0.0))
    assert max(np.abs(c.position).max() for c in play.commands) < 0.01
    assert play.states[-1] is S.FOLLOWING


def test_a_jump_that_lasts_is_ramped_to() -> None:
    """After five pictures it is believed, and gone to slowly."""
    play = following()
    count = len(play.commands)
    play.run(0.5, lambda t: make_pose(t, 1.5))
    assert play.states[-1] is S.RAMPING
    assert max(np.abs(c.velocity).max() for c in play.commands[count:]) < 0.3 * 6.0
    assert play.run(4.0, lambda t: make_pose(t, 1.5)).position == pytest.approx(np.full(N, 1.5), abs=0.01)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_refused(bad: float) -> None:
    """Such poses are counted and change nothing; only them for long is a loss."""
    play = following()
    assert play.run(0.1, lambda t: make_pose(t, bad)).state is S.FOLLOWING
    assert play.output.counters.refused > 0
    assert play.run(0.4, lambda t: make_pose(t, bad)).state is S.HOLDING
    assert all(np.isfinite(c.position).all() for c in play.commands)


def test_poses_of_the_wrong_shape_or_world_are_refused() -> None:
    """Too few joints, a base out of the world, a quaternion that is none."""
    play = following()
    good = make_pose(play.t)
    for bad in (
        replace(good, position=np.zeros(N - 1)),
        replace(good, root_world=np.array([0.0, 1e9, 0.0])),
        replace(good, root_rotation=np.zeros(4)),
    ):
        play.output.offer(bad, play.now_ns)
    assert play.output.counters.refused == 3


def test_targets_beyond_the_range_end_at_its_edge() -> None:
    """The limits' own words count, not the pose's."""
    play = following(lambda t: make_pose(t, 1.9 + 0.3 * min(t / 3, 1)))
    assert play.run(1.0, lambda t: make_pose(t, 2.2)).position == pytest.approx(np.full(N, 2.0), abs=1e-3)


@pytest.mark.parametrize("jump_s", [-5.0, 0.5, 3600.0])
def test_a_clock_that_jumps_stops_it(jump_s: float) -> None:
    """Backwards or far ahead: braked and stopped, as without a heartbeat."""
    play = following(lambda t: make_pose(t, math.sin(2 * t)))
    play.t += jump_s
    play.run(0.6, None)
    assert play.states[-2:] == [S.HOLDING, S.STOPPED]
    assert play.output.counters.stalls == 1


def test_a_short_stall_slows_down_and_goes_on() -> None:
    """A fifth of a second without a tick costs a part of the ramp, and no jump."""
    swing = lambda t: make_pose(t, math.sin(2 * t))  # noqa: E731
    play = following(swing)
    play.t += 0.2
    play.run(1.0, swing)
    steps = np.diff([c.position for c in play.commands], axis=0)
    assert np.abs(steps).max() <= 6.0 / 100
    assert np.abs(np.diff(steps, axis=0)).max() <= 30.0 / 100**2
    assert play.states[-2:] == [S.RAMPING, S.FOLLOWING]


def test_somebody_else_is_ramped_to() -> None:
    """After `forget`, the next poses must prove themselves, and the ramp begins anew."""
    play = following()
    count = len(play.commands)
    play.output.forget()
    play.run(0.6, lambda t: make_pose(t, 1.0))
    assert play.states[-2:] == [S.HOLDING, S.RAMPING]
    assert max(np.abs(c.velocity).max() for c in play.commands[count:]) < 0.3 * 6.0


def test_self_arming_follows_and_obeys_a_stop() -> None:
    """In simulation nobody needs to hold anything; a stop, and an emergency stop, still stay."""
    play = Play(SteadyOutput(LIMITS, np.zeros(N), self_arming=True))
    assert play.run(4.0, beat=False).state is S.FOLLOWING
    assert play.run(4.0, None, beat=False).state is S.STOPPED
    assert play.run(4.0, beat=False).state is S.FOLLOWING
    play.output.stop()
    assert play.run(4.0, beat=False).state is S.STOPPED


def test_waiting_for_somebody_has_an_end() -> None:
    """Armed with nobody there, it waits half a minute, and stops."""
    play = Play()
    play.arm()
    assert play.run(29.0, None).state is S.HOLDING
    assert play.run(2.0, None).state is S.STOPPED


@pytest.mark.parametrize("rate", [10.0, 49.0, 500.0, math.nan])
def test_rates_are_bounded(rate: float) -> None:
    """50 to 200 Hz."""
    with pytest.raises(ValueError, match="rate"):
        SteadyOutput(LIMITS, np.zeros(N), rate)
