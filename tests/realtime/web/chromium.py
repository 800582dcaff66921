"""A real browser for tests of the page, and somebody who feeds the page."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from realtime.data import Motion
from realtime.sinks.page import WebPage

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


@contextmanager
def browser_tab(width: int, height: int) -> Iterator[Any]:
    """An empty tab of headless Chromium; skips the test where there is none."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium (set CHROMIUM)")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page(viewport={"width": width, "height": height})
        browser.close()


def close_notice(tab: Any) -> None:
    """Close viser's word of welcome, which covers part of the view."""
    notice = tab.locator(".mantine-Notification-closeButton")
    if notice.count():
        notice.first.click()
        tab.wait_for_timeout(1000)
