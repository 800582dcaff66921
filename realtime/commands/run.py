"""`sealcap run` and `sealcap demo`."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import tyro
from rich.console import Console

from lifting.errors import ConfigError
from realtime.build import build_pipeline
from realtime.config import RunConfig, load_run_config
from realtime.detectors.factory import detector_models
from realtime.models import store
from realtime.pipeline import Pipeline
from realtime.report import print_summary
from realtime.session import read_header
from realtime.sources.factory import SESSION_SUFFIXES
from realtime.sources.session import SessionSource
from realtime.web.session import PageSession

PAGE_WAIT_S = 20.0
"""How long the demo waits for somebody to open its page before it starts all the same."""
STATUS_S = 0.25
"""Period of the line on the terminal."""


def run(args: list[str]) -> int:
    """Parse and run; the return value is the exit code."""
    return _run(parse(args, "live", "sealcap run"), demo=False)


def demo(args: list[str]) -> int:
    """As `run`, on the demo clip, recording a session named after the time of day."""
    config = parse(args, "demo", "sealcap demo")
    if config.out.record is None:
        folder = Path("sessions")
        folder.mkdir(exist_ok=True)
        record = folder / time.strftime("demo-%Y%m%d-%H%M%S.mcap")
        config = config.model_copy(update={"out": config.out.model_copy(update={"record": record})})
    return _run(config, demo=True)


def parse(args: list[str], default_config: str, prog: str) -> RunConfig:
    """Command line over configuration file over defaults. Exits with 2 on bad usage."""
    name = option_value(args, "--config") or default_config
    return tyro.cli(RunConfig, prog=prog, args=args, default=load_run_config(name))


def option_value(args: list[str], flag: str) -> str | None:
    """What follows `flag` on the command line; None without it. Raises ConfigError when nothing does."""
    for i, arg in enumerate(args):
        if arg == flag:
            if i + 1 == len(args):
                raise ConfigError(f"{flag} needs a value, such as {flag} fast.")
            return args[i + 1]
        if arg.startswith(flag + "="):
            return arg.partition("=")[2]
    return None


def _run(config: RunConfig, *, demo: bool) -> int:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    store.ensure(needed_models(config), console)
    stopped = threading.Event()
    with stop_on_signal(stopped), PageSession(config.out, config.source, console) as page:
        pipeline = build_pipeline(config, extra_sinks=page.sinks)
        if isinstance(source := pipeline.capture.source, SessionSource) and not source.has_video:
            console.print(f"{source.name} holds no video: its 2D joints are lifted and solved again.")
        page.attach(pipeline, config)
        if demo:
            page.wait_for_viewer(PAGE_WAIT_S, stopped)
        with live_status(lambda: status_line(pipeline), console):
            summary = pipeline.run(stopped)
        print_summary(summary, console)
        _say_what_next(config, console)
        if demo:
            page.linger(stopped)
    return 0


def needed_models(config: RunConfig) -> list[str]:
    """Catalogue names of what this run loads and may have to fetch."""
    if config.source.endswith(SESSION_SUFFIXES) and not read_header(config.source).has_video:
        return []
    detector = config.detector
    names = detector_models(detector.kind, detector.variant, detector.model, detector.search)
    return [*names, "demo-clip"] if config.source == "demo" else names


@contextmanager
def stop_on_signal(stopped: threading.Event, wake: Callable[[], None] | None = None) -> Iterator[None]:
    """Ctrl-C, SIGTERM and a terminal that closes set `stopped` once, and call `wake`; the second signal
    interrupts at once. What the user told the system to ignore (nohup) stays ignored."""

    asked = False

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        # Not `stopped.is_set()`: a second signal may come while the first one is inside `set`, whose lock it
        # would then wait for, for ever.
        if asked:
            raise KeyboardInterrupt
        asked = True
        stopped.set()
        if wake is not None:
            wake()

    numbers = [signal.SIGINT, signal.SIGTERM]
    hang_up = getattr(signal, "SIGHUP", None)  # Windows has none
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:
        numbers.append(hang_up)
    before = [signal.signal(number, ask) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def live_status(text: Callable[[], str], console: Console) -> Iterator[None]:
    """One refreshing line while somebody watches the terminal; nothing in a log file."""
    if not console.is_terminal:
        yield
        return
    done = threading.Event()

    def show() -> None:
        with console.status("Starting") as line:
            while not done.wait(STATUS_S):
                line.update(text())

    thread = threading.Thread(target=show, name="status", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(1.0)


def status_line(pipeline: Pipeline) -> str:
    """Rate, latency, people and losses so far."""
    latency = pipeline.timings.frame_ms.get("latency", 0.0)
    return (
        f"{pipeline.published} frames, {pipeline.timings.fps:.1f} per second, {latency:.0f} ms, "
        f"person in {pipeline.with_person}, skipped {pipeline.capture.overwritten}  (Ctrl-C ends)"
    )


def _say_what_next(config: RunConfig, console: Console) -> None:
    record = config.out.record
    for path in (record, config.out.poses_out):
        if path is not None and path.exists():
            console.print(f"  wrote [bold]{path}[/]")
    if record is not None and record.exists():
        console.print(f"  next: sealcap info {record}, or replay, or convert it to FILE.bvh")
