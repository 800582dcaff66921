"""The page's text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from realtime.cockpit.banners import Banner
from realtime.cockpit.recording import Recording, Take
from realtime.control import Control
from realtime.data import Motion, State
from realtime.web.panel_record import takes_html
from realtime.web.status import STATE_WORDS, Facts, Rolling, banners_html, details_html, headline_html

MakeMotion = Callable[..., Motion]


def status_html(source: str, motion: Motion | None, rolling: Rolling, facts: Facts) -> str:
    """All the text of the page."""
    if motion is not None:
        rolling.add(motion)
    return headline_html(source, motion, rolling) + details_html(rolling, facts)


def test_latency_is_received_to_published(motion_at: MakeMotion) -> None:
    """Percentiles are those of publish_ns − received_ns."""
    rolling, motions = Rolling(), [motion_at(seq) for seq in range(50)]
    for motion in motions:
        rolling.add(motion)
    expected = np.percentile([(m.publish_ns - m.frame.received_ns) / 1e6 for m in motions], (50, 95))
    assert rolling.latency_ms() == pytest.approx(tuple(expected))


@pytest.mark.parametrize("state", list(State))
def test_the_state_is_named(motion_at: MakeMotion, state: State) -> None:
    """Every state of a person appears in words."""
    assert STATE_WORDS[state] in status_html("x", motion_at(3, state=state), Rolling(), Facts())


def test_what_matters_is_there(motion_at: MakeMotion) -> None:
    """Rate, latency, stages, losses and assumptions can be read."""
    rolling, motion = Rolling(), motion_at(0)
    rolling.add(motion)
    facts = Facts({"capture": 7, "zmq": 0}, {"pitch": "assumed", "fov": "given"})
    text = status_html("camera 0", motion, rolling, facts)
    for part in (
        "30.0",
        "24",
        "detect",
        "17.6",
        "capture <b>7</b>",
        "camera tilt",
        "class=warn>assumed",
        "given",
    ):
        assert part in text
    assert "zmq" not in text


def test_before_the_first_frame_nothing_is_invented() -> None:
    """Without frames there are no numbers, and nobody can be missing."""
    text = status_html("x", None, Rolling(), Facts())
    assert "starting" in text
    assert "person" not in text
    assert "nan" not in text


def test_foreign_text_is_escaped(motion_at: MakeMotion) -> None:
    """A file name with markup is shown, not run."""
    evil = "<img src=x onerror=alert(1)>"
    text = status_html(evil, motion_at(0), Rolling(), Facts({evil: 1}, {evil: evil}))
    assert "<img" not in text


def test_a_run_that_fell_silent_is_not_tracking(
    motion_at: MakeMotion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once no frame comes, the last one's state and rate are not shown as if they were now."""
    rolling = Rolling()
    rolling.add(motion_at(0))
    assert "tracking" in headline_html("x", motion_at(0), rolling)
    monkeypatch.setattr(rolling, "silent_s", lambda _: 9.0)
    text = headline_html("x", motion_at(0), rolling)
    assert "no new frames" in text
    assert "tracking" not in text
    assert "30.0" not in text


def test_takes_have_a_length_a_size_and_a_folder(tmp_path: Path) -> None:
    """Also a take of a second, which is no megabyte."""
    takes = [Take("walk-1", 44_000, 1000.0, 75.0, True), Take("<b>", 6_100_000, 0.0, None, False)]
    text = takes_html(takes, Recording(Control(), tmp_path, lambda *_: pytest.fail("no recorder")), 1030.0)
    for part in ("walk-1", "1:15", "44 kB", "6.1 MB", "&lt;b&gt;", "cut off", f"in {tmp_path}"):
        assert part in text


def test_a_take_is_told(motion_at: MakeMotion) -> None:
    """While a take is recorded the page says so, on whatever tab; its name is escaped."""
    assert "REC" not in headline_html("x", motion_at(0), Rolling())
    text = headline_html("x", motion_at(0), Rolling(), "<b>take  0:07")
    assert "REC &lt;b&gt;take  0:07" in text


def test_banners_are_escaped_and_alert() -> None:
    """What is wrong is read out by screen readers, and is text whatever it holds; nothing wrong: nothing."""
    html = banners_html([Banner("error", "Output failed: <zmq>", "a & b")])
    assert 'role="alert"' in html
    assert "&lt;zmq&gt;" in html
    assert "a &amp; b" in html
    assert banners_html([]) == ""
