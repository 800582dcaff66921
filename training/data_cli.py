"""The data verbs of the command line: make a motion corpus, prepare and check benchmark data sets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from tyro.conf import FlagCreatePairsOff, Positional

from training.conversion.convert import Conversion, Report
from training.conversion.convert import convert as run_conversion
from training.datasets.check import SOURCES, check_data, complete
from training.datasets.unpack import unpack as unpack_file

SHOWN_REASONS = 20


def convert(
    folder: Positional[Path],
    out: Positional[Path],
    name: str = "cmu",
    fps: float = 30.0,
    splits: Path | None = None,
    map: Path | None = None,
    index: Path | None = None,
    workers: int = os.cpu_count() or 1,
    overwrite: Annotated[bool, FlagCreatePairsOff] = False,
) -> None:
    """Make a motion corpus for training from a folder of motion capture files (BVH, or ASF with AMC).

    FOLDER is searched with all folders in it; OUT gets NAME_train.npz, NAME_val.npz and NAME_test.npz. Files
    of the CMU database are recognised, and so are the usual rigs of other collections. See docs/data.md.

    Args:
        folder: Where the files are.
        out: Folder for the corpus.
        name: First part of the names of its files.
        fps: Frames per second of the corpus.
        splits: YAML file with the people under train, val and test; if empty, whole people are held out.
        map: YAML file that describes a rig which is not recognised.
        index: CSV file that says what is done in CMU's trials.
        workers: Files that are read at once.
        overwrite: Replace a corpus that exists.
    """
    conversion = Conversion(folder, out, name, fps, splits, map, index, workers, overwrite)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
    )
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
        named = reason if str(path) in reason else f"{path}: {reason}"
        console.print(f"  {named}", markup=False, highlight=False, soft_wrap=True)
    if len(report.skipped) > SHOWN_REASONS:
        console.print(f"  … and {len(report.skipped) - SHOWN_REASONS} more.")


def unpack(file: Positional[Path], out: Positional[Path]) -> None:
    """Make a plain copy OUT of an .npz FILE that holds pickled dictionaries.

    Human3.6M and MPI-INF-3DHP circulate in such files. A pickle can run programs, so FILE is read in a
    process of its own that knows nothing but arrays, dictionaries, lists, numbers and text, and refuses all
    else.

    Args:
        file: The .npz as it was downloaded.
        out: The plain .npz to write.
    """
    console = Console(stderr=True)
    with console.status(f"reading {escape(str(file))}, {file_mb(file):.0f} MB ..."):
        done = unpack_file(file, out)
    Console().print(f"{out}: {done.arrays} arrays, {done.bytes / 1e6:.1f} MB, from sha256 {done.sha256}")


def check(kind: Positional[Literal["h36m", "3dhp", "h3wb"]], folder: Positional[Path]) -> int:
    """List which files of a benchmark data set are in FOLDER, which are missing or wrong, and what to do.

    Exit code 1 when something is missing or wrong. Every file is read whole, which takes minutes for the
    real ones. See docs/datasets.md.

    Args:
        kind: h36m (Human3.6M), 3dhp (MPI-INF-3DHP) or h3wb (H3WB).
        folder: Where its files are.
    """
    console = Console()
    with Console(stderr=True).status(f"reading every file of {escape(str(folder))}, which takes minutes ..."):
        findings = check_data(kind, folder)
    table = Table("file", "state", "what", title=str(folder))
    for finding in findings:
        table.add_row(finding.file, finding.state, escape(finding.note))
    console.print(table)
    source = SOURCES[kind]
    if complete(findings):
        console.print(f"Ready for training. Terms: {source.terms}.")
        return 0
    console.print(f"Get it from: {source.place}.\nTerms: {source.terms}.\nThen see docs/datasets.md.")
    return 1


def file_mb(file: Path) -> float:
    """Size of a file in megabytes; 0 where there is none, which is said later."""
    return file.stat().st_size / 1e6 if file.is_file() else 0.0
