"""The page's button that aligns avatars, from the click to the output."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest
from rich.console import Console

from realtime.config import OutputConfig
from realtime.data import Motion
from realtime.pipeline import Pipeline
from realtime.sinks.osc import OscSink
from realtime.sinks.page import WebPage
from realtime.sinks.vmc import VmcSink
from realtime.sinks.vrchat import VrchatSink
from realtime.web import panel_body, session
from realtime.web.panel_body import BodyPanel
from realtime.web.session import PageSession
from tests.realtime.web.chromium import browser_tab, fed


def test_outputs_with_a_front_are_aligned_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """VMC and VRChat are told, others are not asked."""
    monkeypatch.setattr(session, "ALIGN_DELAY_S", 0.05)
    vmc, vrchat = VmcSink(), VrchatSink()
    sinks = [OscSink(), vmc, vrchat]
    page = PageSession(OutputConfig(headless=True), "synthetic", Console())
    page._align_soon()  # before there is a pipeline: nothing to tell
    page.attach(cast(Pipeline, SimpleNamespace(runners=[SimpleNamespace(sink=sink) for sink in sinks])))
    page._align_soon()
    assert not vmc._align_wanted.is_set()
    assert vmc._align_wanted.wait(2)
    assert vrchat._align_wanted.wait(2)


def test_the_page_tells_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked for before it does not stand there for ever."""
    now_s = 100.0
    monkeypatch.setattr(panel_body, "time", SimpleNamespace(monotonic=lambda: now_s))
    panel, asked = BodyPanel(None, None), []
    panel._told = SimpleNamespace(content="")
    panel._aligned(lambda: asked.append(1))
    panel.refresh()
    assert "in 5 seconds" in panel._told.content
    now_s += panel_body.ALIGN_DELAY_S
    panel.refresh()
    assert "Aligned." in panel._told.content
    assert asked == [1]


@pytest.mark.real
def test_a_click_in_a_browser_arrives(motion_at: Callable[..., Motion]) -> None:
    """The button is on the page of a run that has avatars, and tells of the click."""
    clicked = threading.Event()
    page = WebPage(0, source="synthetic", panels=[BodyPanel(None, clicked.set)])
    page.open()
    try:
        with fed(page, [motion_at(0)]), browser_tab(1100, 600) as tab:
            tab.goto(page.url)
            button = tab.get_by_role("button", name="Align avatars in 5 s")
            button.wait_for(timeout=30_000)
            time.sleep(1)
            button.click()
            assert clicked.wait(10)
    finally:
        page.close()
