"""Extrapolation: straight on, damped, bounded; and the lag of the whole way from pictures to commands."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.retarget.steady.extrapolator import FADED_S, HORIZON_S, Extrapolator
from realtime.retarget.steady.limiter import JointLimiter
from realtime.retarget.steady.rotation import between, turned
from tests.realtime.retarget.steady.poses import BEGIN_NS, LIMITS, N, make_pose


def seen(t: float, joints: float) -> tuple[int, object]:
    """A pose and when it was seen."""
    pose = replace(make_pose(t), position=np.full(N, joints))
    return BEGIN_NS + round(t * 1e9), pose


@given(speed=st.floats(-20, 20), fps=st.floats(10, 120), ahead_s=st.floats(-1, 10))
def test_never_further_than_half_the_horizon(speed: float, fps: float, ahead_s: float) -> None:
    """Whenever asked, the target lies between the last pose and 50 ms of its motion, on the right side."""
    extrapolator = Extrapolator()
    times = [k / fps for k in range(5)]
    for t in times:
        extrapolator.add(seen(t, speed * t))  # type: ignore[arg-type]
    target = extrapolator.at(BEGIN_NS + round((times[-1] + ahead_s) * 1e9))
    assert target is not None
    way = (target.position[0] - speed * times[-1]) * math.copysign(1, speed)
    assert -1e-6 <= way <= abs(speed) * HORIZON_S / 2 * 1.001 + 1e-6
    if ahead_s > FADED_S:
        assert not target.velocity.any()
    if ahead_s <= 0:
        assert way == pytest.approx(0, abs=1e-6)  # the pose itself, not one between two


def test_rotation_goes_on_turning() -> None:
    """A base that turns evenly is a little further by the time it is asked for."""
    extrapolator = Extrapolator()
    identity = np.array([0.0, 0.0, 0.0, 1.0])
    for k in range(4):
        t = k / 30
        pose = replace(make_pose(t), root_rotation=turned(identity, np.array([0.0, 2.0 * t, 0.0])))
        extrapolator.add((BEGIN_NS + round(t * 1e9), pose))
    target = extrapolator.at(BEGIN_NS + round(0.15 * 1e9))
    assert target is not None
    angle = between(identity, target.root_rotation)
    assert angle[1] == pytest.approx(2.0 * (0.1 + 0.05 - 0.05**2 / 0.2), rel=1e-3)
    assert abs(angle[0]) + abs(angle[2]) < 1e-9


def test_a_gap_forgets_the_speed() -> None:
    """After half a second without pictures, nothing is assumed of the motion."""
    extrapolator = Extrapolator()
    assert extrapolator.at(BEGIN_NS) is None
    for t in (0.0, 0.03, 0.06, 0.6):
        extrapolator.add(seen(t, 10 * t))  # type: ignore[arg-type]
    target = extrapolator.at(BEGIN_NS + round(0.65 * 1e9))
    assert target is not None
    assert (target.position == 6.0).all()


def swing_lag_s(hz: float, latency_s: float = 0.06) -> float:
    """How late a swing of joints comes out after it was seen by a camera of 30 Hz."""
    extrapolator, limiter = Extrapolator(), JointLimiter(LIMITS, np.zeros(N), 0.01)
    w, frame, path, times = 2 * math.pi * hz, 0, [], np.arange(round(8 / hz) * 100 // 2) / 100
    for t in times:
        while frame / 30 + latency_s <= t:
            extrapolator.add(seen(frame / 30, 0.3 * math.sin(w * frame / 30)))  # type: ignore[arg-type]
            frame += 1
        target = extrapolator.at(BEGIN_NS + round(t * 1e9))
        if target is not None:
            limiter.follow(target.position, target.velocity)
        path.append(limiter.position[0])
    late = slice(len(times) // 2, None)
    wave = np.exp(-1j * w * times[late]) @ np.array(path)[late]
    return float(-(np.angle(wave) + math.pi / 2) / w)


@pytest.mark.parametrize("hz", [0.5, 1.0])
def test_lag_is_little_more_than_the_pictures_own(hz: float) -> None:
    """Poses 60 ms old, 30 a second: commands are at most 75 ms behind the person."""
    assert 0.03 < swing_lag_s(hz) < 0.075
