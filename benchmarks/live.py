"""Latency of a live stream: an MJPEG-over-HTTP camera on this machine into the whole pipeline.

    python -m benchmarks.live VIDEO [--fps 30 60] [--seconds 60] [--config live]

A part of `make bench`. The camera plays the pictures round and round at an exact rate, in a process of its
own; recorder, ZeroMQ and OSC are on. Latency is counted from the arrival of the encoded picture.
"""

from __future__ import annotations

import argparse
import multiprocessing
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import cv2

from benchmarks.solver_report import table
from realtime.build import build_pipeline
from realtime.config import OutputConfig, load_run_config
from realtime.timing import Summary
from tests.realtime.servers import MjpegServer, Picture

LARGEST_PX = 1280
STAGES = ("capture", "wait", "detect", "lift", "correct", "solve", "publish")
RATES, SECONDS = (30.0, 60.0), 60.0


@dataclass(frozen=True)
class Latency:
    """A run per rate of the camera."""

    runs: dict[float, Summary]
    config: str
    size: tuple[int, int]
    """Of the pictures, width and height."""

    def text(self) -> str:
        """Latency, and where it comes from."""
        width, height = self.size
        rows = [self._row(rate, s) for rate, s in self.runs.items()]
        columns = ["camera", "poses/s", "latency p50 / p95 / p99, ms", "skipped for a newer frame"]
        stages = [[f"{rate:.0f} fps", *_stages(s)] for rate, s in self.runs.items()]
        parts = [
            f"Pictures of {width}×{height}, configuration `{self.config}`.",
            table(columns, rows),
            table(["p50 / p95, ms", *STAGES], stages),
        ]
        return "\n\n".join(parts)

    def _row(self, rate: float, s: Summary) -> list[str]:
        latency = " / ".join(f"{ms:.1f}" for ms in s.stage_ms["latency"])
        skipped = f"{s.overwritten} of {s.captured}" + ("" if s.accounted else " (**not all accounted for**)")
        return [f"{rate:.0f} fps, {s.seconds:.0f} s", f"{s.fps:.1f}", latency, skipped]


def _stages(s: Summary) -> list[str]:
    return [f"{p50:.2f} / {p95:.2f}" for p50, p95, _ in (s.stage_ms[name] for name in STAGES)]


def measure(
    video: Path, rates: Sequence[float] = RATES, seconds: float = SECONDS, config: str = "live"
) -> Latency:
    """One run per rate; the networks must be in the store."""
    height, width = load(video, 1)[0].shape[:2]
    runs = {rate: _run(video, rate, seconds, config) for rate in rates}
    return Latency(runs, config, (width, height))


def _run(video: Path, rate: float, seconds: float, config: str) -> Summary:
    loaded = load_run_config(config)
    with camera(video, rate) as url, tempfile.TemporaryDirectory() as folder, socket.socket(type=2) as udp:
        udp.bind(("127.0.0.1", 0))
        out = OutputConfig(
            zmq=["tcp://127.0.0.1:*"],
            osc=[f"127.0.0.1:{udp.getsockname()[1]}"],
            record=Path(folder) / "live.mcap",
            headless=True,
        )
        update = {"source": url, "duration": seconds, "out": out}
        return build_pipeline(loaded.model_copy(update=update)).run(threading.Event())


@contextmanager
def camera(video: Path, fps: float) -> Iterator[str]:
    """The address of a camera that plays this video, in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=serve, args=(video, fps, theirs))
    process.start()
    try:
        url: str = ours.recv()
        time.sleep(0.5)
        yield url
        ours.send("stop")
        process.join(10)
    finally:
        process.kill()


def serve(video: Path, fps: float, pipe: Connection) -> None:
    """Run the camera until the parent says stop."""
    pictures = load(video)
    server = MjpegServer(fps, picture=lambda number, _size: pictures[number % len(pictures)])
    pipe.send(server.url)
    pipe.recv()
    server.stop()


def load(video: Path, count: int = 150) -> list[Picture]:
    """The first pictures of a video, at most 1280 large, there and back so that the loop has no jump."""
    capture = cv2.VideoCapture(str(video))
    pictures: list[Picture] = []
    while len(pictures) < count:
        ok, image = capture.read()
        if not ok:
            break
        scale = min(1.0, LARGEST_PX / max(image.shape[:2]))
        pictures.append(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    return pictures + pictures[-2:0:-1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--fps", type=float, nargs="+", default=list(RATES))
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--config", default="live")
    given = parser.parse_args()
    print(measure(given.video, given.fps, given.seconds, given.config).text())


if __name__ == "__main__":
    main()
