"""The page in a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.data import Image, Motion
from realtime.sinks.page import WebPage
from realtime.sources.synthetic import SyntheticSource
from realtime.web.status import Facts
from tests.realtime.web.chromium import FPS, SETTLE_S, browser_tab, close_notice, fed


@pytest.mark.real
def test_the_page_shows_the_run(motion_at: Callable[..., Motion], tmp_path: Path) -> None:
    """Canvas drawn and moving in both colours, text there, no error in the console."""
    source = SyntheticSource(fps=FPS, size=(640, 360), duration_s=8.0)
    motions = [motion_at(frame.index, image=frame.image) for frame in source.frames()]
    facts = Facts({"capture": 3, "zmq": 0}, {"pitch": "assumed", "person_height": "given", "fov": "assumed"})
    page = WebPage(0, source="synthetic", facts=lambda: facts)
    page.open()
    errors: list[str] = []
    try:
        with fed(page, motions), browser_tab(1280, 720) as tab:
            tab.on("pageerror", lambda error: errors.append(str(error)))
            tab.on("console", lambda message: _keep_error(message, errors))
            tab.goto(page.url)
            tab.wait_for_selector("canvas", timeout=20_000)
            tab.wait_for_selector("text=tracking", timeout=20_000)
            tab.wait_for_timeout(SETTLE_S * 1000)
            close_notice(tab)
            first = _screenshot(tab, tmp_path / "first.png")
            tab.wait_for_timeout(1500)
            second = _screenshot(tab, tmp_path / "second.png")
            text = tab.inner_text("body")
    finally:
        page.close()
    _judge(first[:, :860], second[:, :860])
    for words in (
        "tracking",
        "fps",
        "latency p50",
        "latency p95",
        "detect",
        "synthetic",
        "camera tilt",
        "assumed",
    ):
        assert words in text
    assert not errors
    if target := os.environ.get("SEALCAP_PAGE_PNG"):
        shutil.copy(tmp_path / "second.png", target)


def _keep_error(message: object, errors: list[str]) -> None:
    text, where = message.text, message.location.get("url", "")  # type: ignore[attr-defined]
    # A slow browser may be asked for a video picture that a newer one has already replaced.
    if message.type == "error" and not where.startswith("blob:"):  # type: ignore[attr-defined]
        errors.append(f"{text} {where}")


def _screenshot(tab: object, path: Path) -> Image:
    tab.screenshot(path=path)  # type: ignore[attr-defined]
    image = cv2.imread(str(path))
    assert image is not None
    return image.astype(np.uint8, copy=False)


def _judge(first: Image, second: Image) -> None:
    """Both sides' colours and a floor in view, and something has moved."""
    hsv = cv2.cvtColor(second, cv2.COLOR_BGR2HSV)
    strong = (hsv[..., 1] > 150) & (hsv[..., 2] > 110)
    blue, orange = strong & (np.abs(hsv[..., 0].astype(int) - 100) < 12), strong & (hsv[..., 0] < 22)
    assert blue.sum() > 400
    assert orange.sum() > 400
    assert second.std() > 8
    assert (np.abs(first.astype(int) - second).sum(-1) > 60).mean() > 0.002
