"""Parts of takes: the right frames, at the right wall-clock time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from realtime.takes.cut import cut
from tests.realtime.takes.made_takes import gappy, walking_take

TAKE = gappy(walking_take(90), slice(30, 40))


@pytest.mark.parametrize(
    ("start", "end", "frames"),
    [
        (0.0, math.inf, range(90)),
        (1.0, math.inf, range(30, 90)),
        (0.0, 1.0, range(31)),
        (0.1, 0.2, range(3, 7)),  # 0.1 s and 0.2 s are frames, though no double says so
        (0.11, 0.19, range(4, 6)),
        (2.9, 99.0, range(87, 90)),
        (-5.0, 0.0, range(1)),
        (1.0, 1.0, range(30, 31)),
    ],
)
def test_the_frames_asked_for(start: float, end: float, frames: range) -> None:
    """Both ends included."""
    part = cut(TAKE, start, end)
    assert part is not None
    assert len(part) == len(part.states) == len(part.present) == len(part.contacts) == len(frames)
    assert np.array_equal(part.joints_world, TAKE.joints_world[list(frames)])
    assert np.array_equal(part.bone_rotations, TAKE.bone_rotations[list(frames)])
    assert np.array_equal(part.present, TAKE.present[list(frames)])
    assert part.start_wall_ns == TAKE.start_wall_ns + round(frames[0] / 30 * 1e9)


@pytest.mark.parametrize(("start", "end"), [(3.0, 4.0), (-2.0, -1.0), (0.011, 0.022)])
def test_nothing_there(start: float, end: float) -> None:
    """After the end, before the beginning, between two frames."""
    assert cut(TAKE, start, end) is None
