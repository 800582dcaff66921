"""Tab: rate and latency of the last minute, where the time goes, what was lost, what is assumed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.data import Motion
from realtime.web.status import Facts, Rolling, details_html

POINTS = 240
"""One minute at four a second."""
HEIGHT_PX = 104
_SECONDS: NDArray[np.float64] = np.arange(-POINTS + 1, 1) / 4.0


class HealthPanel:
    """Graphs and details."""

    title = "Health"

    def __init__(self, rolling: Rolling, facts: Callable[[], Facts]) -> None:
        self._rolling, self._facts = rolling, facts
        self._past: deque[tuple[float, float, float]] = deque([(0.0, 0.0, 0.0)] * POINTS, POINTS)
        self._rate: Any = None
        self._latency: Any = None
        self._details: Any = None
        self._at_s = 0.0

    def lay_out(self, server: Any) -> None:
        """Make graphs and text."""
        gui = server.gui
        self._rate = _graph(gui, "Frames per second", ("fps", "#34d399"))
        self._latency = _graph(gui, "Latency, ms", ("p50", "#38bdf8"), ("p95", "#fb923c"))
        self._details = gui.add_html("")

    def note(self, motion: Motion | None, now_s: float) -> None:
        """One point of the graphs; 0 frames per second where none comes."""
        late = self._rolling.silent_s(now_s) > 1.0
        p50, p95 = (0.0, 0.0) if motion is None or late else self._rolling.latency_ms()
        self._past.append((0.0 if motion is None or late else motion.fps, p50, p95))

    def refresh(self) -> None:
        """Draw."""
        fps, p50, p95 = np.array(self._past, np.float64).T
        self._rate.data = (_SECONDS, fps)
        self._latency.data = (_SECONDS, p50, p95)
        self._details.content = details_html(self._rolling, self._facts())


def _graph(gui: Any, title: str, *lines: tuple[str, str]) -> Any:
    empty: NDArray[np.float64] = np.zeros(POINTS)
    series = ({"label": "s"}, *({"label": name, "stroke": color, "width": 2} for name, color in lines))
    return gui.add_uplot(
        (_SECONDS, *(empty for _ in lines)), series, title=title, height=HEIGHT_PX,
        scales={"x": {"time": False}, "y": {"auto": True}},
        legend={"show": len(lines) > 1, "live": False}, cursor={"show": False}, padding=(9, 8, 0, 4),
    )  # fmt: skip
