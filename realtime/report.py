"""What a person reads at the end of a run."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from realtime.timing import STAGES, Summary


def print_summary(summary: Summary, console: Console) -> None:
    """Rate, losses by stage, times by stage, outputs, and what had to be assumed."""
    console.print(
        f"\n[bold]{summary.source}[/]: {summary.published} frames in {summary.seconds:.1f} s "
        f"= [bold]{summary.fps:.1f} per second[/], a person in {_percent(summary)} of them"
    )
    console.print(_losses(summary))
    console.print(_stages(summary))
    for sink in summary.sinks:
        lost = f", {sink.dropped} dropped" if sink.dropped else ""
        lost += f", {sink.failed} lost in its failure" if sink.failed else ""
        failed = f"  [red]failed: {sink.failure}[/]" if sink.failure else ""
        console.print(f"  → {sink.name}: {sink.sent} frames{lost}{failed}")
    if summary.assumptions:
        console.print("  " + ", ".join(f"{what} {how}" for what, how in summary.assumptions.items()))
    if summary.overwritten > summary.published:
        console.print(
            "  [yellow]Most pictures were skipped:[/] this machine is slow or busy. Close other programs, "
            "or try --config fast"
        )
    if not summary.with_person:
        console.print(
            "  [yellow]Nobody was seen.[/] Is a person in the picture, lit, and larger than a thumb?"
        )


def _percent(summary: Summary) -> str:
    return f"{100 * summary.with_person / summary.published:.0f} %" if summary.published else "none"


def _losses(summary: Summary) -> str:
    parts = [f"  captured {summary.captured}", f"published {summary.published}"]
    for name, count in (
        ("lost by the source", summary.missed),
        ("skipped for a newer one", summary.overwritten),
        ("left at the end", summary.unprocessed),
    ):
        if count:
            parts.append(f"{name} {count}")
    return ", ".join(parts)


def _stages(summary: Summary) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim")
    table.add_column("ms")
    for level in ("p50", "p95", "p99"):
        table.add_column(level, justify="right")
    for stage in STAGES:
        values = summary.stage_ms[stage]
        if values[0] == values[0]:  # NaN: never measured
            table.add_row(stage, *(f"{v:.1f}" for v in values))
    return table
