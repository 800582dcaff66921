"""Views: sharp and different ones are kept."""

from __future__ import annotations

import numpy as np
import pytest

from realtime.calibrate.board import Board, Seen
from realtime.calibrate.views import View, ViewPool, look
from tests.realtime.calibrate.photos import Camera, photograph, poses

BOARD = Board("charuco", 7, 10, 25.0)
CAMERA = Camera((1280, 720), (900.0, 900.0), (640.0, 360.0), (0.0,) * 5)


def view(shift: float, edge_px: float = 2.0) -> View:
    outline = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * 0.3 + shift
    return View(Seen(np.zeros((9, 2), np.float32), np.zeros((9, 2), np.float32)), edge_px, outline)


def test_blur_widens_edges() -> None:
    """The measured width grows with the blur, and stays small in a sharp picture."""
    pose = next(poses(BOARD, CAMERA, 1, tilt_deg=10))
    widths = []
    for blur_px in (0.5, 1.0, 2.0):
        seen = look(BOARD, photograph(BOARD, CAMERA, pose, blur_px=blur_px))
        assert seen is not None
        widths.append(seen.edge_px)
    assert widths == sorted(widths)
    assert widths[0] < 3 < widths[2]


def test_of_two_alike_the_sharper_stays() -> None:
    """Whichever comes first."""
    for first, second in ((4.0, 2.0), (2.0, 4.0)):
        pool = ViewPool()
        assert pool.offer(view(0.0, first))
        assert not pool.offer(view(0.001, second))
        assert [v.edge_px for v in pool.views] == [2.0]
        assert pool.alike == 1


def test_blurred_views_are_refused_and_counted() -> None:
    """They would only spoil the rest."""
    pool = ViewPool()
    assert not pool.offer(view(0.0, 20.0))
    assert pool.blurred == 1
    assert not pool.views


def test_the_best_are_the_most_different() -> None:
    """Of a row of views, both ends are among the chosen ones; never more than asked for."""
    pool = ViewPool()
    for i in range(20):
        pool.offer(view(0.04 * i))
    shifts = [v.outline[0, 0] for v in pool.best(5)]
    assert len(shifts) == 5
    assert shifts[0] == pytest.approx(0.0)
    assert shifts[-1] == pytest.approx(0.76)
    assert np.diff(shifts).min() > 0.1
    assert len(pool.best(100)) == 20
