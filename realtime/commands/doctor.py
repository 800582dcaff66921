"""`sealcap doctor`: is this machine ready, and if not, what comes first."""

from __future__ import annotations

from typing import Annotated

import tyro
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from realtime.doctor import first_to_fix, run_checks
from realtime.doctor_check import Check, Grade

MARKS = {Grade.OK: "[green]ok[/]", Grade.WARN: "[yellow]warn[/]", Grade.FAIL: "[bold red]FAIL[/]"}


def doctor(
    camera: Annotated[
        int | None,
        tyro.conf.arg(metavar="N", help="Look at this camera alone, for some seconds; all cameras if empty."),
    ] = None,
) -> int:
    """Check this machine, and say what to fix first. Exit code 1 when `sealcap run` cannot work.

    Cameras are opened for three seconds each, so close other programs that use them.
    """
    console = Console(highlight=False)
    with console.status("looking around ...") as line:
        checks = run_checks(camera, lambda name: line.update(f"looking at: {name} ..."))
    console.print(_table(checks))
    first = first_to_fix(checks)
    console.print(_verdict(checks, first), soft_wrap=True)
    return 0 if first is None else 1


def _table(checks: list[Check]) -> Table:
    table = Table(box=None, padding=(0, 2), show_header=False)
    for check in checks:
        fix = f"\n[dim]→[/] {escape(check.fix)}" if check.fix else ""
        table.add_row(MARKS[check.grade], escape(check.name), f"{escape(check.detail)}{fix}")
    return table


def _verdict(checks: list[Check], first: Check | None) -> str:
    if first is not None:
        return f"\n[bold]What to fix first:[/] {escape(first.name)}. {escape(first.fix)}"
    warned = [check.name for check in checks if check.grade is Grade.WARN]
    rest = f" Worth a look: {escape(', '.join(warned))}." if warned else ""
    return f"\n[bold green]Ready.[/]{rest} Start with: sealcap demo"
