"""The page in a real browser."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.data import Image, Motion
from realtime.sinks.page import WebPage
from realtime.sources.synthetic import SyntheticSource
from realtime.web.status import Facts

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
FPS = 30
SETTLE_S = 9.0
"""Software WebGL manages a few frames a second."""


@contextmanager
def fed(page: WebPage, motions: list[Motion]) -> Iterator[None]:
    """Write `motions` round and round at 30 fps from a thread of its own, as the pipeline would."""
    stop = threading.Event()

    def feed() -> None:
        begin, count = time.perf_counter(), 0
        while not stop.wait(max(0.0, begin + count / FPS - time.perf_counter())):
            page.write(motions[count % len(motions)])
            count += 1

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.real
def test_the_page_shows_the_run(motion_at: Callable[..., Motion], tmp_path: Path) -> None:
    """Canvas drawn and moving in both colours, text there, no error in the console."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium (set CHROMIUM)")
    sync_api = pytest.importorskip("playwright.sync_api")
    source = SyntheticSource(fps=FPS, size=(640, 360), duration_s=8.0)
    motions = [motion_at(frame.index, image=frame.image) for frame in source.frames()]
    facts = Facts({"capture": 3, "zmq": 0}, {"pitch": "assumed", "person_height": "given", "fov": "assumed"})
    page = WebPage(0, source="synthetic", facts=lambda: facts)
    page.open()
    errors: list[str] = []
    try:
        with fed(page, motions), sync_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            tab = browser.new_page(viewport={"width": 1280, "height": 720})
            tab.on("pageerror", lambda error: errors.append(str(error)))
            tab.on("console", lambda message: _keep_error(message, errors))
            tab.goto(page.url)
            tab.wait_for_selector("canvas", timeout=20_000)
            tab.wait_for_selector("text=tracking", timeout=20_000)
            tab.wait_for_timeout(SETTLE_S * 1000)
            notice = tab.locator(".mantine-Notification-closeButton")
            if notice.count():
                notice.first.click()
                tab.wait_for_timeout(1000)
            first = _screenshot(tab, tmp_path / "first.png")
            tab.wait_for_timeout(1500)
            second = _screenshot(tab, tmp_path / "second.png")
            text = tab.inner_text("body")
            browser.close()
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
