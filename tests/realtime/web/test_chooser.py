"""A click on the picture, back to a place in the frame."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable

import numpy as np
import pytest

from realtime.data import Motion
from realtime.sinks.page import WebPage
from realtime.web.chooser import AHEAD_M, ASK, SHARE, fitting, hit_m, rotation
from realtime.web.panel_camera import CameraPanel
from tests.realtime.web.chromium import browser_tab, close_notice, fed


@pytest.mark.parametrize("picture", [0.5, 1.0, 16 / 9, 3.0])
def test_the_picture_fills_its_share_of_the_view(picture: float) -> None:
    """One side is the share of the view, the other is smaller, the shape is the picture's."""
    width, height = fitting(math.radians(50), 1.5, picture)
    view = 2 * AHEAD_M * math.tan(math.radians(25))
    assert max(height / view, width / (1.5 * view)) == pytest.approx(SHARE)
    assert width / height == pytest.approx(picture)


def test_a_ray_meets_the_picture_where_it_was_aimed() -> None:
    """Any viewer, any point: right and down of the middle come back."""
    rng = np.random.default_rng(1)
    for _ in range(50):
        turn = rotation(rng.normal(size=4))
        place, eye, aim = rng.normal(size=3), rng.normal(size=3), rng.normal(size=2)
        target = place + turn @ (*aim, 0)
        assert hit_m(eye, target - eye, turn, place) == pytest.approx(tuple(aim), abs=1e-6)
    assert hit_m(np.zeros(3), turn[:, 0], turn, place) is None


@pytest.mark.real
def test_a_click_in_a_browser_names_the_place(motion_at: Callable[..., Motion]) -> None:
    """Button, picture, click: the view's middle is the frame's, and each choice takes the button again."""
    asked: list[tuple[float, float]] = []
    page = WebPage(0, source="synthetic", panels=[CameraPanel(None, lambda x, y: asked.append((x, y)))])
    page.open()
    try:
        with fed(page, [motion_at(0)]), browser_tab(1100, 600) as tab:
            tab.goto(page.url)
            tab.wait_for_selector("canvas", timeout=20_000)
            tab.wait_for_selector("text=tracking", timeout=20_000)
            tab.wait_for_timeout(6000)
            close_notice(tab)
            canvas = tab.locator("canvas").first.bounding_box()
            for share in (0.5, 0.6):
                tab.click(f"text={ASK}")
                tab.wait_for_timeout(3000)
                if target := os.environ.get("SEALCAP_PAGE_PNG"):
                    tab.screenshot(path=target)
                place = canvas["x"] + share * canvas["width"], canvas["y"] + 0.5 * canvas["height"]
                tab.mouse.click(*place)
                deadline = time.monotonic() + 5
                while len(asked) < (1 if share == 0.5 else 2) and time.monotonic() < deadline:
                    tab.wait_for_timeout(100)
    finally:
        page.close()
    (middle, right) = asked
    assert middle == pytest.approx((640, 360), abs=15)
    assert 700 < right[0] < 1000
    assert right[1] == pytest.approx(360, abs=15)
