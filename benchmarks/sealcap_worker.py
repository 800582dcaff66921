"""One timed pass of the whole pipeline over a video, from decoding to the published ZeroMQ packet.

Usage: python sealcap_worker.py VIDEO CONFIG FRAMES
CONFIG: a YAML file, or the name of a packaged one. A clip that is too short starts again. Prints one line of
JSON: frames, seconds, cpu_seconds, peak_mib, found (frames with a person), stage_ms (p50 and p95 by stage).
Loading the models and the first ten frames are not timed, as in mediapipe_worker.py.
"""

from __future__ import annotations

import json
import sys
import threading
import time

import numpy as np
from peak import peak_mib

from realtime.build import build_pipeline
from realtime.config import RunConfig, load_run_config
from realtime.data import Motion

WARM_UP = 10


class Stopwatch:
    """An output that notes when the first and the last timed frame went out, and what took how long."""

    name = "stopwatch"
    queue = 1

    def __init__(self) -> None:
        self.wall_s: list[float] = []
        self.cpu_s: list[float] = []
        self.stage_ms: list[dict[str, float]] = []
        self.found = 0

    def open(self) -> None:
        """Nothing to open."""

    def write(self, motion: Motion) -> None:
        """Read the clocks."""
        self.wall_s.append(time.perf_counter())
        self.cpu_s.append(time.process_time())
        self.stage_ms.append(motion.stage_ms)
        self.found += motion.seq >= WARM_UP and bool(motion.people)

    def close(self) -> None:
        """Nothing to close."""

    def percentiles(self) -> dict[str, list[float]]:
        """p50 and p95 by stage, without the frames of the warm-up."""
        timed = self.stage_ms[WARM_UP:]
        return {k: np.percentile([ms[k] for ms in timed], (50, 95)).round(3).tolist() for k in timed[0]}


def settings(video: str, config: str, frames: int) -> RunConfig:
    """The configuration on this clip, every frame, with one ZeroMQ output on a free port and no page."""
    base = load_run_config(config)
    out = base.out.model_copy(update={"zmq": ["tcp://127.0.0.1:*"], "osc": [], "headless": True})
    run = {"source": video, "max_speed": True, "loop": True, "frames": frames + WARM_UP, "out": out}
    return base.model_copy(update=run)


def main(video: str, config: str, frames: int) -> None:
    """Run, and print the result."""
    watch = Stopwatch()
    summary = build_pipeline(settings(video, config, frames), (watch,)).run(threading.Event())
    if summary.published != len(watch.wall_s) or summary.published != frames + WARM_UP:
        raise SystemExit(f"{frames + WARM_UP} frames were to be timed, but {len(watch.wall_s)} came out.")
    times = {
        "frames": frames,
        "seconds": watch.wall_s[-1] - watch.wall_s[WARM_UP - 1],
        "cpu_seconds": watch.cpu_s[-1] - watch.cpu_s[WARM_UP - 1],
    }
    outcome = {"peak_mib": peak_mib(), "found": watch.found, "stage_ms": watch.percentiles()}
    print(json.dumps(times | outcome))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
