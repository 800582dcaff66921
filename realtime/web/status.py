"""The text of the page: state, rate, latency, stage times, losses and assumptions, as HTML."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from realtime.cockpit.banners import Banner
from realtime.data import Motion, State
from realtime.web.palette import INFERRED, LEFT, MIDDLE, RIGHT, Rgb
from realtime.web.theme import STYLE

KEEP = 300
"""Frames behind the percentiles shown."""
STALE_S = 1.5
"""Without a frame for so long the last one says nothing about now."""
STAGES = ("capture", "wait", "detect", "lift", "correct", "solve")
LABELS = {
    "pitch": "camera tilt",
    "camera_height": "camera height",
    "person_height": "body height",
    "fov": "field of view",
}
STATE_COLORS: dict[State | None, str] = {
    State.TRACKING: "#34d399",
    State.PREDICTED: "#fbbf24",
    State.HELD: "#fbbf24",
    State.LOST: "#f87171",
    None: "#64748b",
}
STATE_WORDS: dict[State | None, str] = {
    State.TRACKING: "tracking",
    State.PREDICTED: "predicted",
    State.HELD: "held",
    State.LOST: "lost",
    None: "waiting for a person",
}

STAGE_COLORS = {
    "capture": "#64748b",
    "wait": "#475569",
    "detect": "#38bdf8",
    "lift": "#a78bfa",
    "correct": "#f472b6",
    "solve": "#34d399",
}


@dataclass(frozen=True)
class Facts:
    """What the page cannot see in the frames."""

    dropped: Mapping[str, int] = field(default_factory=dict)
    """Frames lost so far, by place: 'capture', 'zmq', ..."""
    assumptions: Mapping[str, str] = field(default_factory=dict)
    """Where `LABELS` come from: 'given', 'estimated' or 'assumed'; `CameraEstimate.sources` fits as it is."""


class Rolling:
    """Latencies and stage times of the last frames."""

    def __init__(self) -> None:
        self._latency_ms: deque[float] = deque(maxlen=KEEP)
        self._added_s = -math.inf
        self._stage_ms: dict[str, deque[float]] = {name: deque(maxlen=KEEP) for name in STAGES}

    def add(self, motion: Motion) -> None:
        """Remember one frame."""
        self._added_s = time.monotonic()
        self._latency_ms.append((motion.publish_ns - motion.frame.received_ns) / 1e6)
        for name, past in self._stage_ms.items():
            if name in motion.stage_ms:
                past.append(motion.stage_ms[name])

    def silent_s(self, now_s: float) -> float:
        """Since the last frame, by time.monotonic()."""
        return now_s - self._added_s

    def latency_ms(self) -> tuple[float, float]:
        """p50 and p95 of received → published; NaN before the first frame."""
        if not self._latency_ms:
            return float("nan"), float("nan")
        p50, p95 = np.percentile(self._latency_ms, (50, 95))
        return float(p50), float(p95)

    def stages_ms(self) -> dict[str, float]:
        """Medians by stage, in the order of work."""
        return {name: float(np.median(past)) for name, past in self._stage_ms.items() if past}


def headline_html(source: str, motion: Motion | None, rolling: Rolling, recording: str = "") -> str:
    """State, source, rate and latency; `recording`: the take that is being made, with its length."""
    take = f'<div class="rec">● REC {escape(recording)}</div>' if recording else ""
    seq = motion.seq if motion else -1
    parts = _state_row(source, motion, rolling), take, _cards(motion, rolling)
    return f'{STYLE}<div class="sc" data-seq="{seq}">{"".join(parts)}</div>'


def details_html(rolling: Rolling, facts: Facts) -> str:
    """Stage times, losses, assumptions and the colours. Everything that comes from outside is escaped."""
    parts = (
        _stages(rolling.stages_ms()),
        "<hr>",
        _losses(facts.dropped),
        _assumptions(facts.assumptions),
        "<hr>",
        _legend(),
    )
    return f'{STYLE}<div class="sc">{"".join(parts)}</div>'


def banners_html(banners: Sequence[Banner]) -> str:
    """What is wrong, the worst first; screen readers say it at once."""
    rows = "".join(
        f'<div class="banner {b.kind}"><strong>{escape(b.title)}</strong><span>{escape(b.text)}</span></div>'
        for b in banners
    )
    return f'{STYLE}<div class="sc" role="alert">{rows}</div>' if rows else ""


def _state_row(source: str, motion: Motion | None, rolling: Rolling) -> str:
    """Stale poses are nobody's state: then it says that no frames come."""
    stale = motion is not None and rolling.silent_s(time.monotonic()) > STALE_S
    states: list[State | None] = [pose.state for pose in motion.people] if motion and not stale else []
    rows = [f'<span class="state">{_dot(STATE_COLORS[s])}{STATE_WORDS[s]}</span>' for s in states or [None]]
    if motion is None:
        rows = [f'<span class="state">{_dot(STATE_COLORS[None])}starting</span>']
    elif stale:
        rows = [f'<span class="state bad">{_dot(STATE_COLORS[State.LOST])}no new frames</span>']
    return f'<div class="row">{"".join(rows)}<span class="dim">{escape(source)}</span></div>'


def _cards(motion: Motion | None, rolling: Rolling) -> str:
    stale = rolling.silent_s(time.monotonic()) > STALE_S
    p50, p95 = (math.nan, math.nan) if stale else rolling.latency_ms()
    fps = motion.fps if motion and not stale else float("nan")
    cards = (
        _card(_number(fps, ".1f"), "fps", "pose rate"),
        _card(_number(p50, ".0f"), "ms", "latency p50"),
        _card(_number(p95, ".0f"), "ms", "latency p95"),
    )
    return f'<div class="cards">{"".join(cards)}</div>'


def _card(value: str, unit: str, label: str) -> str:
    figure = f'<div class="v">{value}<small>{unit}</small></div>'
    return f'<div class="card">{figure}<div class="k">{label}</div></div>'


def _stages(stages_ms: Mapping[str, float]) -> str:
    total = sum(stages_ms.values())
    if total <= 0:
        return ""
    bars = "".join(
        f'<span style="width:{100 * value / total:.1f}%;background:{STAGE_COLORS[name]}"></span>'
        for name, value in stages_ms.items()
    )
    keys = "".join(
        f"<span>{_dot(STAGE_COLORS[name])}{name} <b>{value:.1f}</b></span>"
        for name, value in stages_ms.items()
    )
    return (
        f'<div class="row dim"><span>stage times, median</span><span>{total:.1f} ms</span></div>'
        f'<div class="bar">{bars}</div><div class="keys">{keys}</div>'
    )


def _losses(dropped: Mapping[str, int]) -> str:
    if not any(dropped.values()):
        text = "none" if dropped else "not counted"
    else:
        text = ", ".join(f"{escape(name)} <b>{count}</b>" for name, count in dropped.items() if count)
    return (
        f'<div class="row"><span class="dim">dropped&nbsp;frames</span><span class="end">{text}</span></div>'
    )


def _assumptions(assumptions: Mapping[str, str]) -> str:
    return "".join(
        f'<div class="row"><span class="dim">{escape(LABELS.get(name, name))}</span>'
        f"<span{' class=warn' if origin.startswith('assumed') else ''}>{escape(origin)}</span></div>"
        for name, origin in assumptions.items()
    )


def _legend() -> str:
    entries = (("left", LEFT), ("right", RIGHT), ("middle", MIDDLE), ("inferred, not seen", INFERRED))
    return (
        '<div class="keys">'
        + "".join(f"<span>{_dot(_hex(color))}{name}</span>" for name, color in entries)
        + "</div>"
    )


def _dot(color: str) -> str:
    return f'<i class="dot" style="background:{color}"></i>'


def _hex(color: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)


def _number(value: float, form: str) -> str:
    return format(value, form) if np.isfinite(value) else "–"
