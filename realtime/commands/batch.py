"""`sealcap batch`: a folder of videos into sessions and other files."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from lifting.errors import ConfigError
from realtime.batch.collection import Video, find_videos
from realtime.batch.crew import Crew, LocalCrew
from realtime.batch.folder import OutFolder
from realtime.batch.master import Master
from realtime.batch.plan import Plan, Wish, make_plan
from realtime.batch.records import Record
from realtime.batch.report import PAGE, Report, make_report, write_report
from realtime.batch.settings import BatchConfig, formats, run_settings, settings_hash
from realtime.build import open_calibration
from realtime.commands.run import needed_models, option_value, stop_on_signal
from realtime.config import RunConfig, load_run_config
from realtime.models import store


def batch(args: list[str]) -> int:
    """Parse and run; 0 when every video is done, 1 when one failed or the work was interrupted."""
    config = parse(args)
    if config.results is None or not config.source:
        raise ConfigError("Say which videos, and where the results go: sealcap batch VIDEOS --out RESULTS")
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    collection, folder = Path(config.source), OutFolder(config.results)
    wanted = formats(config)
    open_calibration(config.camera)  # a mistake there would fail every video
    videos = find_videos(collection, folder.path)
    folder.create()
    with folder.alone():
        folder.bind(collection)
        folder.clean()
        return _batch(config, wanted, collection, videos, folder, console)


def parse(args: list[str]) -> BatchConfig:
    """Command line over configuration file over defaults. Exits with 2 on bad usage."""
    base = load_run_config(option_value(args, "--config") or "live")
    values = base.model_dump(include={"detector", "lifter", "camera", "person", "solve", "backend", "device"})
    default = BatchConfig.model_validate(values | {"record_video": base.out.record_video})
    return tyro.cli(BatchConfig, prog="sealcap batch", args=args, default=default)


def _batch(
    config: BatchConfig,
    wanted: tuple[str, ...],
    collection: Path,
    videos: list[Video],
    folder: OutFolder,
    console: Console,
) -> int:
    workers, threads = _shares(config, len(videos))
    run = run_settings(config, threads)
    store.ensure(needed_models(run), console)
    wish = Wish(run.model_dump_json(), settings_hash(run), wanted, config.again)
    plan = make_plan(videos, wish, folder)
    if plan.finished:
        console.print(f"{len(plan.finished)} of {len(videos)} videos are finished already.")
    stopped = threading.Event()
    try:
        if plan.jobs:
            _work(plan, folder, _crew(config, run, workers, threads, folder), stopped, console)
    finally:
        report = make_report(collection, _records(videos, folder))
        write_report(report, folder)
    _say(report, folder, stopped.is_set(), console)
    return 1 if stopped.is_set() or report.done < len(videos) else 0


def _shares(config: BatchConfig, videos: int) -> tuple[int, int]:
    """Workers at a time and threads of each: so many small workers do more than few large ones."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = config.workers or max(1, min(cores, videos))
    return workers, 1 if config.ray else max(1, cores // workers)


def _crew(config: BatchConfig, run: RunConfig, workers: int, threads: int, folder: OutFolder) -> Crew:
    if config.ray is None:
        return LocalCrew(workers, threads, folder.books / "logs")
    from realtime.batch.ray_crew import RayCrew

    return RayCrew(config.ray, threads=threads, gpu=str(run.device) != "cpu")


def _work(plan: Plan, folder: OutFolder, crew: Crew, stopped: threading.Event, console: Console) -> None:
    master = Master(plan, folder, crew)
    with stop_on_signal(stopped), _progress(plan, master, console) as tick:
        master.run(stopped, tick)


@contextmanager
def _progress(plan: Plan, master: Master, console: Console) -> Iterator[Callable[[], None]]:
    """A bar by the videos' sizes, as their lengths are not known before; a line each where nobody watches."""
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %")
    times = TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()
    bar = Progress(*columns, *times, console=console, refresh_per_second=2)
    bar.disable = not console.is_terminal
    total = sum(plan.bytes[job.key] for job in plan.jobs)
    said = 0

    def tick() -> None:
        nonlocal said
        for record in master.settled[said:]:
            bar.console.print(_line(record), markup=False)
        said = len(master.settled)
        done = sum(plan.bytes[record.key] for record in master.settled)
        begun = sum(plan.bytes[job.key] * master.part(job) for job in master.running)
        what = f"{said} of {len(plan.jobs)} videos, {len(master.running)} at once"
        bar.update(task, completed=done + begun, description=what)

    with bar:
        task = bar.add_task("starting", total=total)
        yield tick
        tick()


def _line(record: Record) -> str:
    if record.status == "failed":
        return f"{record.video!r}: {record.error}"
    seen = f"somebody in {record.tracked_percent:.0f} %" if record.people else "nobody was seen"
    return f"{record.video!r}: {record.frames} frames, {record.fps:.1f} per second, {seen}"


def _records(videos: list[Video], folder: OutFolder) -> list[Record]:
    return [folder.record(v.key) or Record(v.key, v.name, "") for v in videos]


def _say(report: Report, folder: OutFolder, stopped: bool, console: Console) -> None:
    total = len(report.videos)
    console.print(f"{report.done} of {total} videos done, {report.failed} failed.", markup=False)
    if stopped:
        console.print("Stopped. The same command goes on where it ended.")
    console.print(f"Results in {folder.path}, report in {folder.path / PAGE}", markup=False)
