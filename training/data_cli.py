"""The data verbs of the command line: make a motion corpus from motion capture files."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from training.conversion.convert import Conversion, Report
from training.conversion.convert import convert as run_conversion

SHOWN_REASONS = 20


def convert(
    folder: Path,
    out: Path,
    name: str = "cmu",
    fps: float = 30.0,
    splits: Path | None = None,
    map: Path | None = None,
    index: Path | None = None,
    workers: int = os.cpu_count() or 1,
    overwrite: bool = False,
) -> None:
    """Make a motion corpus for training from a folder of motion capture files (BVH, or ASF with AMC).

    FOLDER is searched with all folders in it; OUT gets NAME_train.npz, NAME_val.npz and NAME_test.npz. Files
    of the CMU database are recognised, and so are the usual rigs of other collections; --map FILE.yaml
    describes another rig. --splits FILE.yaml lists the people under train, val and test; without it, whole
    people are held out. --index FILE.csv says what is done in CMU's trials. See docs/data.md.
    """
    conversion = Conversion(folder, out, name, fps, splits, map, index, workers, overwrite)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("converting", total=None)
        report = run_conversion(conversion, lambda done, total: bar.update(task, completed=done, total=total))
    _show(report, out)


def _show(report: Report, out: Path) -> None:
    console = Console()
    table = Table("split", "people", "clips", "minutes", title=str(out))
    for split, people, clips, minutes in report.rows:
        table.add_row(split, str(people), str(clips), f"{minutes:.1f}")
    console.print(table)
    console.print(f"{report.cut_minutes:.1f} minutes were cut away: capture errors and rests below a second.")
    missing = {"train", "val", "test"} - {row[0] for row in report.rows}
    if missing:
        console.print(f"Nobody is in {', '.join(sorted(missing))}: too few people, or --splits says so.")
    if report.unused:
        console.print(f"Not in the splits file and left out: {', '.join(report.unused)}.")
    if report.skipped:
        console.print(f"{len(report.skipped)} files were left out:")
    for path, reason in report.skipped[:SHOWN_REASONS]:
        console.print(f"  {path.name}: {reason}", markup=False, highlight=False)
    if len(report.skipped) > SHOWN_REASONS:
        console.print(f"  … and {len(report.skipped) - SHOWN_REASONS} more.")
