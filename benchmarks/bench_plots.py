"""Pictures of docs/performance.md and docs/accuracy.md."""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.accuracy import VARIANTS, Accuracy
from benchmarks.bench_people import People
from benchmarks.bench_startup import Startup
from benchmarks.live import Latency
from benchmarks.outputs import Outputs
from benchmarks.vs_mediapipe import Speed, cpu_ms, fps

OURS, LIGHT, THEIRS = "#1e6496", "#8fbcd9", "#e8833a"
"""Sealcap dark and light blue, MediaPipe orange."""
DPI = 100


def performance(
    path: Path, speed: Speed, latency: Latency, people: People, outputs: Outputs, start: Startup
) -> None:
    """Six panels: speed, processor time, latency, start, people, outputs."""
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    axes = figure.subplots(2, 3)
    rows = list(speed.rounds[0])
    _bars(axes[0, 0], "Frames per second", {r: speed.median(r, fps) for r in rows}, "%.0f")
    _bars(axes[0, 1], "Processor time per frame, ms", {r: speed.median(r, cpu_ms) for r in rows}, "%.0f")
    starts = {name: statistics.median(seconds) for name, seconds in start.seconds.items()}
    _bars(axes[0, 2], "First pose after, s", starts, "%.1f")
    _latency(axes[1, 0], latency)
    _growth(axes[1, 1], "Processor time per frame, ms", "people", _by_people(people))
    share = {n: 100 * core for n, core in outputs.growth().items()}
    _growth(axes[1, 2], f"% of a core at {outputs.fps:.0f} fps", "outputs", share)
    figure.savefig(path, dpi=DPI)


def accuracy(path: Path, found: Accuracy) -> None:
    """Two panels: errors by group before and after alignment."""
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    _groups(axes[0], "MPJPE, mm", "mpjpe", found)
    _groups(axes[1], "P-MPJPE, mm", "p_mpjpe", found)
    labels = axes[0].get_legend_handles_labels()
    figure.legend(*labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    figure.savefig(path, dpi=DPI)


def _bars(axes: Axes, title: str, values: dict[str, float], form: str) -> None:
    names = list(values)
    colours = [OURS if name.startswith("Sealcap") else THEIRS for name in names]
    bars = axes.barh(names, list(values.values()), color=colours)
    axes.bar_label(bars, fmt=form, padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    _plain(axes, title)


def _latency(axes: Axes, latency: Latency) -> None:
    """A group of bars per rate of the camera."""
    rates = list(latency.runs)
    values = np.array([latency.runs[rate].stage_ms["latency"] for rate in rates])  # (rates, p50 p95 p99)
    for i, (name, colour) in enumerate((("p50", OURS), ("p95", "#5593bd"), ("p99", LIGHT))):
        bars = axes.bar(np.arange(len(rates)) + 0.27 * (i - 1), values[:, i], 0.25, label=name, color=colour)
        axes.bar_label(bars, fmt="%.0f", padding=2, fontsize=9)
    axes.set_xticks(range(len(rates)), [f"{rate:.0f} fps camera" for rate in rates])
    axes.margins(y=0.25)
    axes.legend(frameon=False, fontsize=9, ncols=3, loc="upper left")
    _plain(axes, "Latency, picture to packet, ms")


def _by_people(people: People) -> dict[int, float]:
    return {count: people.median(count, "cpu_ms") for count in people.counts}


def _growth(axes: Axes, title: str, of: str, values: dict[int, float]) -> None:
    axes.plot(list(values), list(values.values()), "o-", color=OURS)
    for x, y in values.items():
        axes.annotate(f"{y:.3g}", (x, y), (-4, 5), textcoords="offset points", ha="right", fontsize=9)
    axes.set_xticks(list(values))
    axes.set_xlabel(of)
    axes.margins(0.15, 0.2)
    axes.set_ylim(bottom=0)
    _plain(axes, title)


def _groups(axes: Axes, title: str, key: str, found: Accuracy) -> None:
    shown = {n: c for n, c in (("solved", OURS), ("fast", LIGHT), ("full", "#f3bd95"), ("heavy", THEIRS))}
    columns = [name for name in shown if name in found.scores]
    groups = sorted(found.scores[columns[0]]["groups"])
    for i, name in enumerate(columns):
        errors = [found.scores[name]["groups"][group][key] for group in groups]
        x = np.arange(len(groups)) + (i - (len(columns) - 1) / 2) * 0.8 / len(columns)
        label = VARIANTS[name].title.replace("`", "")
        bars = axes.bar(x, errors, 0.75 / len(columns), label=label, color=shown[name])
        axes.bar_label(bars, fmt="%.0f", padding=2, fontsize=8)
    axes.set_xticks(range(len(groups)), groups)
    _plain(axes, title)


def _plain(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9, length=0)
