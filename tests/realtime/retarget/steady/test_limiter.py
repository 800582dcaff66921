"""Joint limiter: whatever is asked for, differences of the positions keep the limits at every tick."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.retarget.robot_pose import JointLimits
from realtime.retarget.steady.limiter import JointLimiter, stopping_speed

RATES = st.sampled_from([50.0, 100.0, 200.0])
NUMBERS = st.one_of(
    st.floats(-4, 4), st.sampled_from([math.nan, math.inf, -math.inf, 1e300, -1e300, 0.0, 3.0, -3.0])
)


def joints(lower: float, upper: float, velocity: float, acceleration: float, count: int = 1) -> JointLimits:
    """`count` joints alike."""
    fill = [np.full(count, value) for value in (lower, upper, velocity, acceleration)]
    return JointLimits(tuple(f"j{i}" for i in range(count)), *fill)


def check(limits: JointLimits, path: np.ndarray, period_s: float) -> None:
    """(T,N) as a receiver sees it; begins at rest."""
    path = np.vstack([path[:1], path])
    velocity = np.diff(path, axis=0) / period_s
    acceleration = np.diff(velocity, axis=0) / period_s
    assert (path >= limits.lower).all()
    assert (path <= limits.upper).all()
    assert (np.abs(velocity) <= limits.velocity).all()
    assert (np.abs(acceleration) <= limits.acceleration).all()


@settings(deadline=None, max_examples=150)
@given(
    asked=st.lists(st.tuples(NUMBERS, NUMBERS, st.integers(1, 30), st.booleans()), min_size=1, max_size=25),
    rate=RATES,
    velocity=st.floats(0.05, 40),
    acceleration=st.floats(0.1, 500),
    width=st.floats(0, 6),
    scale=st.floats(0.01, 1),
)
def test_no_input_breaks_a_limit(
    asked: list[tuple[float, float, int, bool]],
    rate: float,
    velocity: float,
    acceleration: float,
    width: float,
    scale: float,
) -> None:
    """Jumps, NaN, infinities, targets beyond the range, braking in between: all limits hold at all ticks."""
    limits = joints(-width / 2, width / 2, velocity, acceleration)
    limiter = JointLimiter(limits, np.zeros(1), 1 / rate)
    path = [limiter.position]
    for target, lead, ticks, brake in asked:
        for _ in range(ticks):
            if brake:
                limiter.brake()
            else:
                limiter.follow(np.array([target]), np.array([lead]), scale)
            path.append(limiter.position)
    check(limits, np.array(path), 1 / rate)


@settings(deadline=None, max_examples=30)
@given(rate=RATES, amplitude=st.floats(0.1, 6), fastest_hz=st.floats(0.5, 40), acceleration=st.floats(1, 200))
def test_sine_sweeps_stay_inside(
    rate: float, amplitude: float, fastest_hz: float, acceleration: float
) -> None:
    """A sweep up to frequencies that no joint can follow breaks no limit."""
    limits = joints(-1.0, 1.5, 4.0, acceleration)
    limiter = JointLimiter(limits, np.zeros(1), 1 / rate)
    path = [limiter.position]
    for k in range(round(3 * rate)):
        t = k / rate
        phase = math.pi * fastest_hz * t * t / 3
        speed = amplitude * math.cos(phase) * 2 * math.pi * fastest_hz * t / 3
        limiter.follow(np.array([amplitude * math.sin(phase)]), np.array([speed]))
        path.append(limiter.position)
    check(limits, np.array(path), 1 / rate)


@settings(deadline=None, max_examples=60)
@given(
    start=st.floats(-2, 2),
    target=st.floats(-2, 2),
    rate=RATES,
    velocity=st.floats(0.5, 20),
    acceleration=st.floats(2, 200),
    push=st.floats(-2, 2),
)
def test_reaches_a_target_that_stands_still(
    start: float, target: float, rate: float, velocity: float, acceleration: float, push: float
) -> None:
    """From any motion, a constant target is reached within the time the limits allow plus half a second, and
    the joint then rests there."""
    limits = joints(-2, 2, velocity, acceleration)
    limiter = JointLimiter(limits, np.array([start]), 1 / rate)
    for _ in range(20):
        limiter.follow(np.array([push]), np.zeros(1))
    time_s = 4 / velocity + 4 * math.sqrt(4 / acceleration) + 2 * velocity / acceleration + 0.5
    for _ in range(round(time_s * rate)):
        limiter.follow(np.array([target]), np.zeros(1))
    assert limiter.position[0] == pytest.approx(target, abs=1e-4)
    assert abs(limiter.velocity[0]) < 1e-3


@settings(deadline=None, max_examples=60)
@given(targets=st.lists(st.floats(-3, 3), min_size=1, max_size=60), rate=RATES)
def test_braking_ends_at_rest(targets: list[float], rate: float) -> None:
    """Braking takes speed over acceleration at most, and ends with no speed at all, inside the range."""
    limits = joints(-1, 1, 5, 20)
    limiter = JointLimiter(limits, np.zeros(1), 1 / rate)
    for target in targets:
        limiter.follow(np.array([target]), np.zeros(1))
    path = [limiter.position]
    for _ in range(math.ceil(5 / 20 * rate) + 1):
        limiter.brake()
        path.append(limiter.position)
    assert limiter.at_rest
    assert np.abs(path).max() <= 1


@given(distance=st.floats(0, 10), step=st.floats(1e-3, 5), rate=RATES)
def test_stopping_speed_is_the_fastest_that_stops_in_time(distance: float, step: float, rate: float) -> None:
    """Braking from it uses up the distance, neither more nor less; found by adding up the ticks."""
    speed = float(stopping_speed(np.array([distance]), np.array([step]), 1 / rate)[0])
    way, left = 0.0, speed
    while left > 0:
        way += left / rate
        left -= step
    assert way == pytest.approx(distance, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("rate", [50.0, 100.0, 200.0])
def test_constant_speed_is_followed_without_lag(rate: float) -> None:
    """A target that moves evenly is met exactly, once caught up."""
    limits = joints(-10, 10, 5, 40)
    limiter = JointLimiter(limits, np.zeros(1), 1 / rate)
    for k in range(round(rate)):
        target = 2.0 * k / rate
        limiter.follow(np.array([target]), np.array([2.0]))
    assert limiter.position[0] == pytest.approx(target, abs=1e-3)


def test_normal_motion_lags_little() -> None:
    """A 1 Hz swing of half a radian comes out at most 15 ms late and at most 8 % too large or small."""
    limits = joints(-2, 2, 10, 60)
    limiter = JointLimiter(limits, np.zeros(1), 0.01)
    times = np.arange(400) / 100
    w = 2 * math.pi
    path = []
    for t in times:
        limiter.follow(np.array([0.5 * math.sin(w * t)]), np.array([0.5 * w * math.cos(w * t)]))
        path.append(limiter.position[0])
    tail = slice(200, 400)  # two periods
    wave = np.exp(-1j * w * times[tail]) @ np.array(path)[tail] / 100
    lag_s = -(np.angle(wave) + math.pi / 2) / w
    assert abs(lag_s) < 0.015
    assert abs(wave) == pytest.approx(0.5, rel=0.08)


def test_slow_scale_bounds_speed() -> None:
    """A tenth of the speed is never exceeded at scale 0.1, however far the target."""
    limits = joints(-10, 10, 5, 40)
    limiter = JointLimiter(limits, np.zeros(1), 0.01)
    for _ in range(300):
        limiter.follow(np.array([9.0]), np.zeros(1), 0.1)
        assert abs(limiter.velocity[0]) <= 0.5


def test_start_is_checked() -> None:
    """A start outside the range is moved inside; one that is no number is refused."""
    limits = joints(-1, 1, 1, 1)
    assert JointLimiter(limits, np.array([5.0]), 0.01).position[0] == 1.0
    with pytest.raises(ValueError, match="start"):
        JointLimiter(limits, np.array([math.nan]), 0.01)
