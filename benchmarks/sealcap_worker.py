"""One timed pass of the whole pipeline over a video, from decoding to the published ZeroMQ packet.

    python -m benchmarks.sealcap_worker VIDEO CONFIG BACKEND FRAMES [PEOPLE]

CONFIG: a YAML file, or the name of a packaged one. BACKEND: the detector's engine. PEOPLE: so many are in a
mosaic (bench_people.py); every search is carried out, but answers with its tiles. A clip that is too short
starts again. Prints one line of JSON: frames, seconds, cpu_seconds, peak_mib, found (frames with a person),
people (followed, mean over the frames), stage_ms (p50 and p95 by stage). Loading the models and the first
ten frames are not timed, as for MediaPipe.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from functools import partial

import numpy as np

from benchmarks.peak import peak_mib
from realtime.build import (
    build_detector,
    build_people,
    build_pipeline,
    build_sinks,
    build_source,
    open_camera,
)
from realtime.config import RunConfig, load_run_config
from realtime.data import Image, Motion
from realtime.detectors import Detector, Estimate, Region
from realtime.pipeline import Pipeline
from realtime.tracking import Tracker

WARM_UP = 10


class Stopwatch:
    """An output that notes when the first and the last timed frame went out, and what took how long."""

    name = "stopwatch"
    queue = 1

    def __init__(self) -> None:
        self.wall_s: list[float] = []
        self.cpu_s: list[float] = []
        self.stage_ms: list[dict[str, float]] = []
        self.people: list[int] = []

    def open(self) -> None:
        """Nothing to open."""

    def write(self, motion: Motion) -> None:
        """Read the clocks."""
        self.wall_s.append(time.perf_counter())
        self.cpu_s.append(time.process_time())
        self.stage_ms.append(motion.stage_ms)
        self.people.append(len(motion.people))

    def close(self) -> None:
        """Nothing to close."""

    def percentiles(self) -> dict[str, list[float]]:
        """p50 and p95 by stage, without the frames of the warm-up."""
        timed = self.stage_ms[WARM_UP:]
        return {k: np.percentile([ms[k] for ms in timed], (50, 95)).round(3).tolist() for k in timed[0]}


class Tiles:
    """A detector whose search finds the people in the tiles of a mosaic: the network's own misses some of
    four, and then there would be nothing to measure. It runs all the same, for its time."""

    finds_all = True

    def __init__(self, detector: Detector, people: int) -> None:
        self.name, self._detector, self._people = detector.name, detector, people

    def search(self, image: Image) -> list[Region]:
        """The tiles with somebody in them, two by two."""
        self._detector.search(image)
        height, width = image.shape[0] / 2, image.shape[1] / 2
        return [
            Region(width * (n % 2 + 0.5), height * (n // 2 + 0.5), 0.9 * height) for n in range(self._people)
        ]

    def estimate(self, image: Image, region: Region) -> Estimate:
        """The network's."""
        return self._detector.estimate(image, region)


def settings(video: str, config: str, backend: str, frames: int) -> RunConfig:
    """The configuration on this clip, every frame, with one ZeroMQ output on a free port and no page."""
    base = load_run_config(config)
    out = base.out.model_copy(update={"zmq": ["tcp://127.0.0.1:*"], "osc": [], "headless": True})
    detector = base.detector.model_copy(update={"backend": backend})
    run = {"source": video, "max_speed": True, "loop": True, "frames": frames + WARM_UP}
    return base.model_copy(update=run | {"detector": detector, "out": out})


def build(config: RunConfig, watch: Stopwatch, people: int | None) -> Pipeline:
    """The pipeline as `sealcap run` has it, or for a mosaic of people."""
    if people is None:
        return build_pipeline(config, (watch,))
    return Pipeline(
        build_source(config),
        Tracker(Tiles(build_detector(config.detector), people), people),
        build_people(config),
        partial(open_camera, config.camera, config.person.height),
        [*build_sinks(config), watch],
        lossless=True,
        frames=config.frames,
    )


def main(video: str, config: str, backend: str, frames: int, people: int | None) -> None:
    """Run, and print the result."""
    watch = Stopwatch()
    summary = build(settings(video, config, backend, frames), watch, people).run(threading.Event())
    if summary.published != len(watch.wall_s) or summary.published != frames + WARM_UP:
        raise SystemExit(f"{frames + WARM_UP} frames were to be timed, but {len(watch.wall_s)} came out.")
    times = {
        "frames": frames,
        "seconds": watch.wall_s[-1] - watch.wall_s[WARM_UP - 1],
        "cpu_seconds": watch.cpu_s[-1] - watch.cpu_s[WARM_UP - 1],
    }
    timed = watch.people[WARM_UP:]
    seen = {"found": sum(map(bool, timed)), "people": sum(timed) / frames}
    print(json.dumps(times | seen | {"peak_mib": peak_mib(), "stage_ms": watch.percentiles()}))


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5]) if len(sys.argv) > 5 else None)
