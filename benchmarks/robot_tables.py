"""Results of benchmarks/robots.py as Markdown, and into docs/robots.md between their marks."""

from __future__ import annotations

import datetime
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent.parent / "docs" / "robots.md"
BEGIN, END = "<!-- judged -->", "<!-- /judged -->"


def write_tables(results: Sequence[dict[str, Any]], *, to_docs: bool = False) -> str:
    """The tables; with `to_docs` also into the docs."""
    loads = ", ".join(f"{row['load']:.0f}" for row in results)
    minutes = min(row["minutes"] for row in results)
    parts = (
        f"{datetime.date.today()}, {_processor()}, beside other work (load {loads}). {minutes:.1f} minutes "
        "each, at 100 Hz.",
        _limits(results),
        _tracking(results),
        _time(results),
        _collisions(results),
        _compute(results),
        _physics(results),
    )
    text = "\n\n".join(parts)
    if to_docs:
        page = DOCS.read_text(encoding="utf-8")
        pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
        if not pattern.search(page):
            raise SystemExit(f"{DOCS} has no {BEGIN}")
        DOCS.write_text(pattern.sub(lambda _: f"{BEGIN}\n{text}\n{END}", page), encoding="utf-8")
    return text


def _limits(results: Sequence[dict[str, Any]]) -> str:
    head = (
        "robot", "commands", "over a limit", "most of the position range", "of a velocity",
        "of an acceleration", "of the base's speed", "of its acceleration",
    )  # fmt: skip
    keys = ("position", "velocity", "acceleration", "base_velocity", "base_acceleration")
    rows = []
    for row in results:
        used = row["limits"]
        rows.append((row["robot"], used["ticks"], used["broken"], *(f"{100 * used[k]:.4f} %" for k in keys)))
    return _table(head, rows)


def _tracking(results: Sequence[dict[str, Any]]) -> str:
    head = (
        "robot",
        "",
        "retargeted: median",
        "p95",
        "commands: median",
        "p95",
        "within limits: median",
        "p95",
    )
    keys = ("median_m", "p95_m", "played_median_m", "played_p95_m", "allowed_median_m", "allowed_p95_m")
    rows = []
    for row in results:
        for group, e in row["tracking"].items():
            rows.append((row["robot"], group, *(f"{100 * e[k]:.1f} cm" for k in keys)))
    return _table(head, rows)


def _time(results: Sequence[dict[str, Any]]) -> str:
    head = ("robot", "lag", "following", "ramping", "holding", "of the following, within limits")
    rows = []
    for row in results:
        shares = (*(row["states"].get(s, 0.0) for s in ("following", "ramping", "holding")), row["allowed"])
        rows.append((row["robot"], f"{row['lag_ms']:.0f} ms", *(f"{100 * x:.0f} %" for x in shares)))
    return _table(head, rows)


def _collisions(results: Sequence[dict[str, Any]]) -> str:
    head = ("robot", "", "deepest", "deeper than 1 cm", "where")
    names = {"retargeted": "retargeted", "commands": "commands", "motors": "on motors"}
    rows = []
    for row in results:
        for what, found in row["collisions"].items():
            where = f"{found['pair']}; {found['clip']}" if found["pair"] else ""
            deepest = f"{100 * found['deepest_m']:.2f} cm"
            rows.append((row["robot"], names[what], deepest, f"{100 * found['too_deep']:.2f} %", where))
    return _table(head, rows)


def _compute(results: Sequence[dict[str, Any]]) -> str:
    head = (
        "robot",
        "retargeting a pose, processor: p50",
        "p99",
        "on the wall: p99",
        "a tick, processor: p50",
        "p99",
    )
    rows = []
    for row in results:
        ms = row["compute"]
        cells = (*ms["frame_cpu"], ms["frame_wall"][1], *ms["tick_cpu"])
        rows.append((row["robot"], *(f"{x:.2f} ms" for x in cells)))
    return _table(head, rows)


def _physics(results: Sequence[dict[str, Any]]) -> str:
    head = (
        "robot on motors", "hands, feet off their commands: median", "p95", "joints off: median", "p95",
        "fastest, of a limit", "commands at a torque limit",
    )  # fmt: skip
    rows = []
    for row in results:
        p = row["physics"]
        metres, degrees = (
            [f"{100 * x:.1f} cm" for x in p["off_m"]],
            [f"{57.2958 * x:.1f}°" for x in p["off_rad"]],
        )
        rows.append(
            (row["robot"], *metres, *degrees, f"{100 * p['speed']:.0f} %", f"{100 * p['saturated']:.1f} %")
        )
    return _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
