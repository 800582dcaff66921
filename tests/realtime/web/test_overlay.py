"""2D figures over the video."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lifting.skeleton import BODY21
from realtime.data import Image, Keypoints
from realtime.web.overlay import draw_overlay, shrink
from realtime.web.palette import bgr, side_color

GREY: Image = np.full((240, 320, 3), 90, np.uint8)


def scattered(confidence: float = 1.0) -> Keypoints:
    """A figure whose joints lie well apart, so that none covers another."""
    columns, rows = np.meshgrid(np.linspace(40, 280, 7), np.linspace(50, 190, 3))
    points = np.stack([columns.ravel(), rows.ravel()], 1).astype(np.float32)
    box = np.array([20, 30, 300, 210], np.float32)
    return Keypoints(0, points, np.full(21, confidence, np.float32), box)


@pytest.mark.parametrize("joint", BODY21.joints)
def test_a_certain_joint_shows_its_sides_color(joint: str) -> None:
    """With confidence 1 the middle of a joint has exactly the colour of the person's side."""
    person = scattered()
    x, y = np.rint(person.points_px[BODY21.index(joint)]).astype(int)
    assert tuple(draw_overlay(GREY, [person])[y, x]) == bgr(side_color(joint))


@pytest.mark.parametrize("joint", BODY21.joints)
def test_an_unseen_joint_is_not_drawn(joint: str) -> None:
    """A joint alone is inked where it is; with confidence 0 nothing around it is."""
    person, index = scattered(), BODY21.index(joint)
    x, y = np.rint(person.points_px[index]).astype(int)
    around = np.s_[y - 8 : y + 9, x - 8 : x + 9]
    for confidence in (1.0, 0.0):
        alone = np.zeros(21, np.float32)
        alone[index] = confidence
        drawn = draw_overlay(GREY, [replace(person, confidence=alone)])
        assert np.array_equal(drawn[around], GREY[around]) is (confidence == 0.0)


def test_opacity_grows_with_confidence() -> None:
    """The surer the joint, the further its pixel is from the picture's."""
    person = scattered()
    x, y = np.rint(person.points_px[0]).astype(int)
    steps = [draw_overlay(GREY, [scattered(c)])[y, x].astype(int) for c in (0.2, 0.5, 0.8, 1.0)]
    distances = [np.abs(step - 90).sum() for step in steps]
    assert distances == sorted(distances)
    assert distances[0] < distances[-1]


def test_the_picture_given_stays_as_it_is() -> None:
    """Drawing works on a copy; with nobody there the copy is equal."""
    original = GREY.copy()
    draw_overlay(original, [scattered()])
    assert np.array_equal(original, GREY)
    assert np.array_equal(draw_overlay(original, []), GREY)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float32, (21, 2), elements=st.floats(width=32)),
    hnp.arrays(np.float32, 21, elements=st.floats(0, 1, width=32)),
    hnp.arrays(np.float32, 4, elements=st.floats(width=32)),
)
def test_any_numbers_can_be_drawn(points: np.ndarray, confidence: np.ndarray, box: np.ndarray) -> None:
    """Points far outside, infinite or NaN neither raise nor change the picture's size."""
    with np.errstate(all="ignore"):
        assert draw_overlay(GREY, [Keypoints(0, points, confidence, box)]).shape == GREY.shape


@pytest.mark.parametrize("width", [1, 319, 320, 640, 1280, 1920, 3841])
def test_shrunk_pictures_fit_and_points_follow(width: int) -> None:
    """The small picture is at most as wide as asked, and points keep their place in it."""
    image = np.zeros((max(1, width * 9 // 16), width, 3), np.uint8)
    corner = np.array([(width - 1) / 2, 0.0], np.float32)
    person = Keypoints(0, np.tile(corner, (21, 1)), np.ones(21, np.float32), np.zeros(4, np.float32))
    small, (moved,) = shrink(image, [person], 640)
    assert small.shape[1] <= 640
    assert small.shape[0] >= 1
    assert moved.points_px[0, 0] == pytest.approx((small.shape[1] - 1) / 2, abs=1.0)
