"""Jumps and exchanged sides of a figure that the tests draw themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifting.skeleton import BODY21
from realtime.continuity import LEGS, MAX_SWAP_NS, UPPER, Continuity, Figure, distance, jumped

MS = 1_000_000


def standing(x: float = 300.0, y: float = 100.0, size: float = 200.0) -> np.ndarray:
    """(21,2) a person facing the camera, arms hanging apart; left is on the picture's right."""
    half = {"nose": 0, "eye": 0.02, "ear": 0.04, "shoulder": 0.11, "elbow": 0.15, "wrist": 0.18, "hip": 0.06}
    half |= {"knee": 0.07, "ankle": 0.08, "heel": 0.08, "toe": 0.1}
    down = {
        "nose": 0.07,
        "eye": 0.05,
        "ear": 0.06,
        "shoulder": 0.18,
        "elbow": 0.36,
        "wrist": 0.52,
        "hip": 0.5,
    }
    down |= {"knee": 0.74, "ankle": 0.96, "heel": 0.98, "toe": 1.0}
    rows = []
    for joint in BODY21.joints:
        side, _, name = joint.rpartition("_")
        sign = {"left": 1, "right": -1, "": 0}[side]
        rows.append((x + sign * half[name] * size, y + down[name] * size))
    return np.array(rows, np.float32)


def figure(points: np.ndarray, time_ms: float = 0.0) -> Figure:
    return Figure(points.astype(np.float32), np.full(21, 0.9, np.float32), int(time_ms * MS))


def follow(points: list[np.ndarray], step_ms: float = 1000 / 30) -> tuple[list[np.ndarray], list[bool]]:
    """What comes out for a sequence of figures."""
    continuity = Continuity()
    out = [continuity.follow(figure(p, i * step_ms)) for i, p in enumerate(points)]
    return [f.points_px for f, _ in out], [restarted for _, restarted in out]


def exchanged(points: np.ndarray, joints: np.ndarray | None = None) -> np.ndarray:
    f = figure(points)
    return (f.swapped(UPPER).swapped(LEGS) if joints is None else f.swapped(joints)).points_px


def test_first_figure_is_a_start() -> None:
    """There is no history before the first figure."""
    assert follow([standing()])[1] == [True]


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(0.97, 1.03))
def test_smooth_motion_passes_through(vx: float, vy: float, growth: float) -> None:
    """Steady motion and growth are never a restart and never changed."""
    points = [standing(300 + 10 * vx * i, 100 + 10 * vy * i, 200 * growth**i) for i in range(12)]
    out, restarted = follow(points)
    assert restarted == [True] + [False] * 11
    assert all(np.array_equal(a, b) for a, b in zip(out, points, strict=True))


@pytest.mark.parametrize(
    ("x", "size", "step_ms", "expected"),
    [
        (340, 200, 33, False),  # 20 % of its height aside
        (380, 200, 33, True),  # 40 %
        (380, 200, 160, False),  # 40 %, at 6 frames per second
        (300, 240, 33, False),  # 20 % larger
        (300, 280, 33, True),
        (300, 140, 33, True),
    ],
)
def test_a_jump_of_thirty_percent_is_a_start(x: float, size: float, step_ms: float, expected: bool) -> None:
    """Centre and scale are judged against the figure's size and the time that passed."""
    last = figure(standing())
    middle = standing()[:, 1].mean() - standing(size=size)[:, 1].mean()
    assert jumped(last, figure(standing(x, 100 + middle, size), step_ms)) is expected


def test_hidden_joints_do_not_make_a_jump() -> None:
    """When half of the body disappears, the joints seen in both frames decide."""
    now = Figure(standing(), np.where(np.arange(21) < 11, 0.9, 0).astype(np.float32), 33 * MS)
    assert not jumped(figure(standing()), now)
    nothing = Figure(standing(900), np.zeros(21, np.float32), 33 * MS)
    assert not jumped(figure(standing()), nothing)


@pytest.mark.parametrize("joints", [None, UPPER, LEGS])
@pytest.mark.parametrize("frames", [1, 4, 12])
def test_a_short_swap_is_repaired(joints: np.ndarray | None, frames: int) -> None:
    """A whole figure, an upper body or legs exchanged for a moment come out as if nothing had happened."""
    true = [standing(300 + i, size=200) for i in range(40)]
    seen = [exchanged(p, joints) if 10 <= i < 10 + frames else p for i, p in enumerate(true)]
    out, restarted = follow(seen)
    assert restarted == [True] + [False] * 39
    assert all(np.allclose(a, b) for a, b in zip(out, true, strict=True))


def test_a_swap_through_a_half_way_frame_is_repaired() -> None:
    """One frame with both sides drawn together does not make the exchanged one believable."""
    true = [standing() for _ in range(20)]
    seen = [exchanged(p) if 10 <= i < 16 else p for i, p in enumerate(true)]
    seen[9] = (true[9] + exchanged(true[9])) / 2
    out, restarted = follow(seen)
    assert restarted == [True] + [False] * 19
    assert all(np.allclose(a, b) for a, b in zip(out[10:], true[10:], strict=True))


def test_a_lasting_swap_is_believed_with_one_restart() -> None:
    """After the longest repair the detector is right, and the figure starts anew, once."""
    true = [standing() for _ in range(60)]
    seen = [exchanged(p) if i >= 20 else p for i, p in enumerate(true)]
    out, restarted = follow(seen)
    assert sum(restarted[1:]) == 1
    at = restarted.index(True, 1)
    assert MAX_SWAP_NS <= (at - 20) / 30 * 1e9 < MAX_SWAP_NS + 1e8
    assert np.allclose(out[at - 1], true[0])
    assert np.allclose(out[-1], exchanged(true[0]))


def test_a_true_turn_is_no_swap() -> None:
    """A person who turns round within a second passes through the profile and is left alone."""
    front = standing()
    turns = []
    for i in range(31):
        turned = front.copy()
        turned[:, 0] = 300 + (front[:, 0] - 300) * np.cos(np.pi * i / 30)
        turns.append(turned)
    out, restarted = follow(turns)
    assert restarted == [True] + [False] * 30
    assert all(np.array_equal(a, b) for a, b in zip(out, turns, strict=True))


@pytest.mark.parametrize("fps", [15, 30, 60])
def test_running_legs_are_no_swap(fps: int) -> None:
    """Legs that cross in side view, three strides in two seconds, keep their sides at any frame rate."""
    steps = []
    for i in range(2 * fps):
        points, swing = standing(), 0.28 * 200 * np.sin(2 * np.pi * 1.5 * i / fps)
        points[:, 0] = 300
        for joint, share in (("knee", 0.5), ("ankle", 1.0), ("heel", 1.0), ("toe", 1.0)):
            for side, sign in (("left", 1), ("right", -1)):
                points[BODY21.index(f"{side}_{joint}"), 0] += sign * share * swing
        steps.append(points)
    out, restarted = follow(steps, 1000 / fps)
    assert restarted == [True] + [False] * (2 * fps - 1)
    assert all(np.array_equal(a, b) for a, b in zip(out, steps, strict=True))


def test_swapping_twice_changes_nothing() -> None:
    """Exchange is its own inverse, and moves confidences along."""
    f = Figure(standing(), np.arange(21, dtype=np.float32), 0)
    once = f.swapped(LEGS)
    assert once.confidence[BODY21.index("left_hip")] == BODY21.index("right_hip")
    assert np.array_equal(once.swapped(LEGS).points_px, f.points_px)
    assert np.array_equal(once.points_px[UPPER], f.points_px[UPPER])


def test_distance_needs_enough_joints() -> None:
    """Three common joints say nothing."""
    few = Figure(standing(), np.where(np.arange(21) < 4, 0.9, 0).astype(np.float32), 0)
    assert distance(figure(standing(400)), few, UPPER) == 0
    assert distance(figure(standing(400)), figure(standing()), UPPER) == pytest.approx(100)
