"""`sealcap replay`: a recorded session as if it happened now."""

from __future__ import annotations

import math
import threading
from functools import partial

import tyro
from rich.console import Console

from lifting.errors import ConfigError, MissingExtra
from realtime.build import build_outputs
from realtime.commands.run import live_status, stop_on_signal
from realtime.config import ReplayConfig
from realtime.playback import Playback
from realtime.replay import Replay, ReplaySummary
from realtime.sinks.wire import StreamInfo
from realtime.web.session import PageSession


def replay(args: list[str]) -> int:
    """Parse and run; the return value is the exit code."""
    config = tyro.cli(ReplayConfig, prog="sealcap replay", args=args)
    _check(config)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    playback = _open(config, console)
    out, stopped = config.out, threading.Event()
    if out.record_video and not playback.has_video:
        raise ConfigError(f"{config.file} holds no video. Leave out --record-video.")
    sinks = build_outputs(out, _info(playback), config.people)
    page_of_replay = PageSession(out, config.file.name, console)
    with stop_on_signal(stopped, playback.close), page_of_replay as page:
        run = Replay(playback, sinks, page.sinks, config.speed)
        page.attach(run)
        with live_status(lambda: f"{run.frames} frames, {run.media_s:.1f} s  (Ctrl-C ends)", console):
            summary = run.run(stopped)
        _print(config, summary, console)
        page.linger(stopped)
    return 0


def _check(config: ReplayConfig) -> None:
    out = config.out
    if out.poses_out is not None:
        raise ConfigError("A session holds no joints in camera space. Leave out --poses-out.")
    if config.end is not None and config.end <= config.start:
        raise ConfigError(f"--end {config.end:g} does not lie after --start {config.start:g}.")
    network = out.zmq or out.osc or out.vmc or out.vrchat or out.ros or out.sonic or out.foxglove
    if out.headless and not (network or out.robot or out.record):
        raise ConfigError("There is nowhere to send it: leave out --headless, or add --osc 127.0.0.1:39570.")


def _open(config: ReplayConfig, console: Console) -> Playback:
    """With its pictures where somebody sees them and they can be decoded."""
    wanted = not config.out.headless or config.out.record_video
    end_s = math.inf if config.end is None else config.end
    play = partial(
        Playback, config.file, speed=config.speed, loop=config.loop, start_s=config.start, end_s=end_s
    )
    try:
        return play(pictures=wanted)
    except MissingExtra as error:
        if config.out.record_video:
            raise
        console.print(f"The page shows no video: {error}", markup=False)
        return play(pictures=False)


def _info(playback: Playback) -> StreamInfo:
    """Who made the poses: the run that was recorded, not this one."""
    header = playback.header
    return StreamInfo(
        source=header.source,
        config=header.settings,
        models=header.metadata.get("models", {}),
        versions=header.metadata.get("versions", {}),
    )


def _print(config: ReplayConfig, summary: ReplaySummary, console: Console) -> None:
    rate = summary.frames / summary.seconds if summary.seconds > 0 else 0.0
    console.print(
        f"{config.file.name}: {summary.frames} frames in {summary.seconds:.1f} s = {rate:.1f} per second, "
        f"at most {summary.late_ms:.1f} ms late",
        markup=False,
    )
    for sink in summary.sinks:
        lost = f", {sink.dropped} left out" if sink.dropped else ""
        failed = f"  failed: {sink.failure}" if sink.failure else ""
        console.print(f"  → {sink.name}: {sink.sent} frames{lost}{failed}", markup=False)
