"""The verb `sealcap compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from training.compare.config import load_compare
from training.compare.plan import count_cells
from training.compare.report import PAGE, write_report
from training.compare.run import Comparison, LocalWorkers, Workers


def compare(
    config: tyro.conf.Positional[Path],
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("docs"),
    folder: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None,
    workers: int | None = None,
    ray: str | None = None,
) -> int:
    """Compare training methods as CONFIG (a YAML file, see configs/compare.yaml) says.

    Called again after an interruption, finished trainings are kept and started ones continue. After each,
    the tables, a CSV and a picture are written. Exit code 1 when a training failed.

    Args:
        config: The YAML file.
        out: Folder for tables, CSV and picture.
        folder: Where the trainings lie, runs/compare-NAME if empty.
        workers: How many trainings run at once; what the file says if empty.
        ray: Address of a ray cluster whose machines all see --folder; auto: this machine's.
    """
    settings = load_compare(config)
    comparison = Comparison(settings, folder or Path("runs") / f"compare-{settings.name}")
    comparison.forget_failures()
    crew = _crew(ray, workers or settings.workers)
    with _bar() as bar:
        _make_bank(comparison, bar)
        task = bar.add_task("trainings", total=count_cells(settings))

        def report() -> None:
            write_report(settings, comparison.results(), comparison.failures(), comparison.finished(), out)

        def tick() -> None:
            bar.update(task, completed=comparison.progress())

        report()
        comparison.run(crew, report, tick)
    failures = comparison.failures()
    console = Console()
    for cell, why in failures.items():
        console.print(f"{cell} failed: {why}", style="red", markup=False)
    console.print(
        f"{comparison.finished()} of {count_cells(settings)} trainings done; tables in {out / PAGE}"
    )
    return 1 if failures else 0


def _crew(ray: str | None, at_once: int) -> Workers:
    if ray is None:
        return LocalWorkers(at_once)
    from training.compare.ray_runner import RayWorkers

    return RayWorkers(ray)


def _make_bank(comparison: Comparison, bar: Progress) -> None:
    tasks = {
        split: bar.add_task(f"{split} windows", total=request.count)
        for split, request in comparison.bank_requests().items()
    }
    comparison.prepare(lambda split, rows: bar.advance(tasks[split], rows))
    for task in tasks.values():
        bar.remove_task(task)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        refresh_per_second=2,
    )
