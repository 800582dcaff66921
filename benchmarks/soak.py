"""Runs for hours with every output on, and tells whether anything grows or any frame is missing.

    python -m benchmarks.soak                       # 8 hours of video (864 000 frames), as fast as it goes
    python -m benchmarks.soak --frames 100000       # fewer
    python -m benchmarks.soak --hours 1             # one real hour of the demo clip, detector and all
    ... --write                                     # puts table and plot into docs/reliability.md

Outputs: VMC, VRChat, OSC, ZeroMQ, session recorder, --poses-out and the page, each with somebody at the
other end, in a process of their own. The accelerated run repeats a recorded session, whose 2D joints stand
in for the detector's; from the lifter on everything is as in a live run, and no frame may be dropped.
"""

from __future__ import annotations

import argparse
import datetime
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.soak_meter import Meter, Sample, after_warm_up, grown, objects, slope
from benchmarks.solver_plots import Curve, plot, save_picture
from benchmarks.solver_report import Check, device, table, write_between
from realtime.build import build_people, build_pipeline, open_camera
from realtime.config import CameraConfig, OutputConfig, RunConfig, load_run_config
from realtime.pipeline import Pipeline
from realtime.session import read_poses
from realtime.sinks.recorder import SessionRecorder
from realtime.sources.synthetic import SyntheticSource
from realtime.timing import Summary
from realtime.web.session import PageSession
from tests.realtime.pipeline_rig import TruthTracker

FPS = 30
EIGHT_HOURS = 8 * 3600 * FPS
DOCS = Path(__file__).resolve().parent.parent / "docs"
MAX_GROWTH_MB_PER_HOUR = 10.0
SAMPLES = 120
MIN_PERIOD_S = 1.0
ABSENT_S = (20.0, 22.5)
"""Of the recorded routine: nobody is there, so that losing and finding somebody is part of every round."""


def record_session(path: Path) -> None:
    """One routine of the synthetic figure, 26 s, as a session without video."""
    camera = partial(open_camera, CameraConfig(), None)
    source, recorder = SyntheticSource(FPS, (640, 480)), SessionRecorder(path)
    people, tracker = (
        build_people(RunConfig()),
        TruthTracker(there=lambda t: not ABSENT_S[0] <= t < ABSENT_S[1]),
    )
    Pipeline(source, tracker, people, camera, [recorder], lossless=True).run(threading.Event())


@dataclass(frozen=True)
class Soak:
    """What a soak found."""

    summary: Summary
    samples: list[Sample]
    hours: list[float]
    """Of each sample: of video in an accelerated run, of the clock otherwise."""
    received: dict[str, int] = field(default_factory=dict)
    recorded: int = 0
    """Frames in the session afterwards."""
    rows: int = 0
    """Of --poses-out."""

    def checks(self) -> list[Check]:
        """The requirements."""
        late = after_warm_up(self.samples)
        hours = self.hours[-len(late) :]
        memory = slope(hours, [s.resident_mb for s in late])
        s = self.summary
        named = s.published + s.overwritten + s.unprocessed
        unaccounted = sum(abs(s.published - x.sent - x.dropped - x.failed) for x in s.sinks)
        session = next(x.sent for x in s.sinks if x.name.startswith("record"))
        return [
            Check("resident memory", memory, MAX_GROWTH_MB_PER_HOUR, "MB/h"),
            Check("Python objects", slope(hours, objects(late)), 1000, "per hour"),
            Check("threads, most − least", float(np.ptp([s.threads for s in late])), 2, ""),
            Check("descriptors, most − least", float(np.ptp([s.files for s in late])), 4, ""),
            Check("captured frames without a named end", abs(s.captured - named), 0, ""),
            Check("frames of outputs without a named end", unaccounted, 0, ""),
            Check("recorded frames that are not in the file", abs(session - self.recorded), 0, ""),
            Check("outputs that failed", sum(x.failure is not None for x in s.sinks), 0, ""),
        ]


def outputs(folder: Path, ports: Sequence[int]) -> OutputConfig:
    """Everything that can be on at once."""
    vmc, vrchat, osc, zmq, page = ports
    return OutputConfig(
        vmc=[f"127.0.0.1:{vmc}"],
        vmc_commands=0,
        vrchat=[f"127.0.0.1:{vrchat}"],
        osc=[f"127.0.0.1:{osc}"],
        zmq=[f"tcp://127.0.0.1:{zmq}"],
        record=folder / "soak.mcap",
        poses_out=folder / "soak.npz",
        web_port=page,
    )


def accelerated(frames: int, folder: Path) -> RunConfig:
    """A session over and over, nothing dropped."""
    session = folder / "routine.mcap"
    record_session(session)
    return RunConfig(source=str(session), max_speed=True, loop=True, frames=frames)


def real_time(hours: float, config: str) -> RunConfig:
    """The demo clip over and over at its own pace, through the real detector."""
    loaded = load_run_config(config)
    return loaded.model_copy(update={"source": "demo", "loop": True, "duration": hours * 3600})


def free_ports(count: int) -> list[int]:
    """Ports that are free now."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@contextmanager
def listening(out: OutputConfig, received: dict[str, int]) -> Iterator[None]:
    """Somebody at the other end of every output; what they got is in `received` afterwards."""
    ports = [address.rpartition(":")[2] for address in (*out.vmc, *out.vrchat, *out.osc)]
    command = [sys.executable, "-m", "benchmarks.soak_listener", out.zmq[0]]
    command += [f"http://127.0.0.1:{out.web_port}", *ports]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=DOCS.parent
    ) as process:
        try:
            yield
            answer, _ = process.communicate(timeout=30)
            received.update(json.loads(answer))
        finally:
            process.kill()


def soak(config: RunConfig, folder: Path, period_s: float) -> Soak:
    """Run to the end of `config`, looking at the process every `period_s` seconds."""
    config = config.model_copy(update={"out": outputs(folder, free_ports(5))})
    received: dict[str, int] = {}
    with listening(config.out, received), PageSession(config.out, "soak", Console(stderr=True)) as page:
        pipeline = build_pipeline(config, extra_sinks=page.sinks)
        page.attach(pipeline)
        with Meter(lambda: pipeline.published, period_s) as meter:
            summary = pipeline.run(threading.Event())
    during = [s for s in meter.samples if s.frames < summary.published]  # not while outputs close
    frames_per_hour = 3600 * FPS
    hours = [s.frames / frames_per_hour if config.max_speed else s.seconds / 3600 for s in during]
    recorded = sum(1 for _ in read_poses(folder / "soak.mcap"))
    with np.load(folder / "soak.npz", allow_pickle=False) as arrays:
        rows = len(arrays["frame_index"])
    return Soak(summary, during, hours, received, recorded, rows)


def report(found: Soak, command: str) -> str:
    """Requirements, what became of every frame, and what grew."""
    s, late = found.summary, after_warm_up(found.samples)
    head = (
        f"`{command}`, {datetime.date.today().isoformat()}, {device()}: {s.captured:,} frames "
        f"= {s.captured / FPS / 3600:.2f} h of video at {FPS} fps, in {s.seconds / 60:.0f} minutes "
        f"({s.fps:.0f} frames per second). Growth is measured after the first quarter."
    )
    rows = [check.row() for check in found.checks()]
    ends = [[x.name.split(" ")[0], f"{x.sent:,}", f"{x.dropped:,}", f"{x.failed:,}"] for x in s.sinks]
    ends.insert(0, ["*published*", f"{s.published:,}", f"{s.overwritten:,}", f"{s.unprocessed:,}"])
    more = grown(late)
    kinds = ", ".join(f"{name} +{count}" for name, count in list(more.items())[:6]) or "none"
    memory = [sample.resident_mb for sample in late]
    tail = (
        f"Resident memory {memory[0]:.0f} MB after warm-up, {memory[-1]:.0f} MB at the end; "
        f"{late[-1].threads} threads, {late[-1].files} descriptors, {objects(late)[-1]:,.0f} objects. "
        f"Types of which there are ever more: {kinds}. "
        f"In the session: {found.recorded:,} frames; in the NPZ: {found.rows:,} rows. "
        f"At the other end: {', '.join(f'{k} {v:,}' for k, v in found.received.items())}."
    )
    return "\n\n".join(
        [
            head,
            table(["what", "measured", "required", "met"], rows),
            table(["frames of", "sent", "dropped", "failed or left at the end"], ends),
            tail,
        ]
    )


def draw(found: Soak, path: Path, *, media: bool) -> None:
    """Resident memory over the whole run."""
    curve = Curve("resident", np.array([s.resident_mb for s in found.samples]), (150, 100, 30), 2)
    what = "hours of video" if media else "hours"
    save_picture(path, plot(f"Memory over {what}", "MB", np.array(found.hours), [curve], tick="h"))


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every requirement is met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=EIGHT_HOURS)
    parser.add_argument("--hours", type=float, help="of real time, in place of --frames")
    parser.add_argument("--config", default="fast", help="of the real-time run")
    parser.add_argument("--period", type=float, help="seconds between two looks at the process")
    parser.add_argument("--write", action="store_true", help="into docs/reliability.md")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as temporary:
        folder = Path(temporary)
        if given.hours is None:
            config, guess_s = accelerated(given.frames, folder), given.frames / 200
        else:
            config, guess_s = real_time(given.hours, given.config), given.hours * 3600
        found = soak(config, folder, given.period or max(MIN_PERIOD_S, guess_s / SAMPLES))
    options = f"--frames {given.frames}" if given.hours is None else f"--hours {given.hours:g}"
    text = report(found, f"python -m benchmarks.soak {options}")
    print(text)
    if given.write:
        name = "accelerated" if given.hours is None else "real"
        picture = f"soak-{name}.png"
        draw(found, DOCS / picture, media=given.hours is None)
        text += f"\n\n![Resident memory]({picture})"
        write_between(DOCS / "reliability.md", text, f"soak {name}")
    return 0 if all(check.met for check in found.checks()) else 1


if __name__ == "__main__":
    begin = time.monotonic()
    code = main()
    print(f"{time.monotonic() - begin:.0f} s", file=sys.stderr)
    sys.exit(code)
