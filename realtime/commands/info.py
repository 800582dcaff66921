"""`sealcap info`: the report on a recorded take."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import tyro
from rich.console import Console
from rich.table import Table

from realtime.take_report import STATES, TakeReport, take_report
from realtime.timing import STAGES

_arg = tyro.conf.arg
MEGABYTE = 1e6


def info(
    file: Annotated[Path, tyro.conf.Positional, _arg(help="A session: FILE.mcap, also one cut off.")],
    /,
    *,
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff, _arg(help="All of it as JSON.")] = False,
    settings: Annotated[
        bool, tyro.conf.FlagCreatePairsOff, _arg(help="The settings of the run as well.")
    ] = False,
) -> int:
    """Say how a recording went: rate, evenness, losses, gaps, how well people were seen, latency."""
    with Console(stderr=True).status("reading the session ..."):
        report = take_report(file)
    if json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n")
        return 0
    console = Console(soft_wrap=True, highlight=False)
    console.print("\n".join(_text(report)), markup=False)
    if report.people:
        console.print(_people(report))
    if report.stages_ms:
        console.print(_stages(report))
    console.print("\n".join(_origin(report)), markup=False)
    if settings:
        console.print(report.settings, markup=False)
    return 0


def _text(report: TakeReport) -> list[str]:
    lines = [f"{report.file}: {report.frames} frames, {report.seconds:.1f} s, {_size(report)}"]
    lines.append(f"  {_health(report)}")
    if report.started_wall_ns is not None and report.started_wall_ns < 253_402_300_800 * 10**9:
        began = datetime.fromtimestamp(report.started_wall_ns / 1e9).astimezone()
        lines.append(f"  of {report.source or 'an unknown source'}, {began:%Y-%m-%d %H:%M:%S %Z}")
    if (steps := report.intervals_ms) is not None and report.fps is not None:
        lines.append(
            f"  {report.fps:.2f} frames per second, {report.mean_fps:.2f} on average; interval "
            f"{steps.median:.1f} ms, p95 {steps.p95:.1f}, worst {steps.worst:.1f}, jitter {steps.jitter:.1f}"
        )
    lines.append(f"  {_gaps(report)}")
    lines.append(f"  {_drops(report)}")
    lines.append(f"  nobody in {report.empty_percent:.1f} % of the frames")
    if report.video_frames:
        lines.append(f"  video of {report.video_frames} frames inside")
    return lines


def _size(report: TakeReport) -> str:
    size = f"{report.bytes / MEGABYTE:.1f} MB"
    return (
        f"{size} ({report.bytes / MEGABYTE / report.seconds * 60:.1f} a minute)" if report.seconds else size
    )


def _health(report: TakeReport) -> str:
    if report.whole:
        return "whole" if not report.damaged else f"whole, but {report.damaged} parts are damaged"
    damage = f", {report.damaged} parts are damaged" if report.damaged else ""
    return f"cut off before its end{damage}; make it whole: sealcap recover {report.file}"


def _gaps(report: TakeReport) -> str:
    gap = report.longest_gap
    if gap is None:
        return "no gaps"
    count = "one gap" if report.gaps == 1 else f"{report.gaps} gaps"
    return f"{count}, longest {gap.seconds:.2f} s at {gap.at_s:.1f} s"


def _drops(report: TakeReport) -> str:
    drops = report.drops
    missing = f"missing in the recording {drops.recorder}"
    if report.captured is None:
        return f"losses before the recording are not known; {missing}"
    outputs = "".join(f", too slow for {name} {n}" for name, n in (drops.outputs or {}).items() if n)
    return (
        f"captured {report.captured}, lost by the source {drops.source}, "
        f"skipped for a newer one {drops.skipped}{outputs}, {missing}"
    )


def _people(report: TakeReport) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    for name in ("  person", "frames", "from s", "to s", *(f"{state} %" for state in STATES)):
        table.add_column(name, justify="right", no_wrap=True)
    for person in report.people:
        shares = [f"{person.percent[state]:.1f}" for state in STATES]
        times = f"{person.first_s:.1f}", f"{person.last_s:.1f}"
        table.add_row(str(person.id), str(person.frames), *times, *shares)
    return table


def _stages(report: TakeReport) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for name in ("ms", "p50", "p95", "p99", "worst"):
        table.add_column(name, justify="left" if name == "ms" else "right")
    known = [stage for stage in STAGES if stage in report.stages_ms]
    for stage in known:
        ms = report.stages_ms[stage]
        table.add_row(stage, *(f"{value:.1f}" for value in (ms.p50, ms.p95, ms.p99, ms.worst)))
    return table


def _origin(report: TakeReport) -> list[str]:
    lines = []
    if report.known_from:
        lines.append("  " + ", ".join(f"{what} {how}" for what, how in report.known_from.items()))
    lines += [f"  {name}: sha256 {digest[:16]}" for name, digest in report.models.items()]
    if report.versions:
        lines.append("  " + ", ".join(f"{name} {number}" for name, number in report.versions.items()))
    return lines
