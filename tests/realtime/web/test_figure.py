"""Figures drawn without a browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lifting.errors import DataError
from realtime.data import Motion, State
from realtime.web.figure import View, render_figure, render_strip

MakeMotion = Callable[..., Motion]


def blueness(image: np.ndarray) -> np.ndarray:
    """Columns of pixels that clearly belong to the left side (blue) of the figure."""
    b, r = image[..., 0].astype(int), image[..., 2].astype(int)
    return np.nonzero((b > 150) & (r < 100))[1]


def orangeness(image: np.ndarray) -> np.ndarray:
    """Columns of pixels that clearly belong to the right side."""
    b, r = image[..., 0].astype(int), image[..., 2].astype(int)
    return np.nonzero((r > 150) & (b < 100))[1]


@pytest.mark.parametrize(("azimuth", "left_is_right"), [(0.0, True), (180.0, False)])
def test_a_person_facing_the_viewer_has_the_left_at_the_right(
    motion_at: MakeMotion, azimuth: float, left_is_right: bool
) -> None:
    """From the front the person's left is on the viewer's right, from behind it is on the left."""
    image = render_figure(motion_at(0).people, view=View(azimuth))
    assert bool(blueness(image).mean() > orangeness(image).mean()) is left_is_right


def test_the_whole_figure_fits(motion_at: MakeMotion) -> None:
    """No part of a standing figure touches the picture's border."""
    people = motion_at(0).people
    image = render_figure(people, size=(480, 640))
    empty = render_figure((), size=(480, 640), middle=people[0].root_world)
    ink = np.abs(image.astype(int) - empty).sum(-1) > 60
    rows, columns = np.nonzero(ink)
    assert 5 < rows.min() < rows.max() < 635
    assert 5 < columns.min() < columns.max() < 475


def test_lost_people_are_not_drawn(motion_at: MakeMotion) -> None:
    """State LOST means nobody is there, so nothing but the floor appears."""
    motion = motion_at(0, state=State.LOST)
    root = motion.people[0].root_world
    assert np.array_equal(render_figure(motion.people, middle=root), render_figure((), middle=root))


@pytest.mark.parametrize("shape", [(720, 1280), (1280, 720), (1, 64)])
def test_a_strip_has_the_size_asked_for(motion_at: MakeMotion, shape: tuple[int, int]) -> None:
    """Whatever the video's shape, the strip measures width × height and shows both sides."""
    picture = np.full((*shape, 3), 60, np.uint8)
    strip = render_strip([motion_at(seq, image=picture) for seq in range(0, 40, 8)], width=800, height=350)
    assert strip.shape == (350, 800, 3)
    assert len(blueness(strip)) > 100
    assert len(orangeness(strip)) > 100


def test_a_strip_works_with_nobody_and_needs_a_moment(motion_at: MakeMotion) -> None:
    """Frames without people make an empty stage; no frames at all are an error that says so."""
    nobody = replace(motion_at(0), keypoints=(), people=())
    assert render_strip([nobody], width=400, height=200).shape == (200, 400, 3)
    with pytest.raises(DataError, match="at least one"):
        render_strip([])
