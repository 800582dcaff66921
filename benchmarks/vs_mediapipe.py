"""Speed beside MediaPipe Pose 0.10.21, in one run on one clip; a part of `make bench`.

Passes alternate, round after round, so that both sides meet the same state of the machine; a ratio is
the median of the rounds' ratios. Each pass is a process of its own. Ours is the whole pipeline, from decoding
to the published packet, and decodes in a thread of its own; theirs reads and tracks in turn, as its examples
do, and ends at the landmarks. Processor time per frame does not depend on that difference.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psutil  # type: ignore[import-untyped]

from benchmarks.solver_report import table
from realtime.config import load_run_config
from realtime.detectors.factory import detector_models

ROOT = Path(__file__).resolve().parent.parent
COMPLEXITY = {"lite": 0, "full": 1, "heavy": 2}
STAGES = ("detect", "lift", "correct", "solve", "publish")
FRAMES, ROUNDS = 120, 5
"""Timed frames of a pass and number of rounds; the regression check takes the same."""

Pass = dict[str, Any]
"""What a worker printed, and `others`: the share of the machine that other programs took meanwhile."""


class Pair(NamedTuple):
    """One of our configurations and MediaPipe's variant that it is held against."""

    ours: str
    theirs: str
    backend: str = "auto"
    """Engine of our detector."""

    @property
    def rows(self) -> tuple[str, str]:
        """Their names in tables."""
        numbers = "-fp32" if self.backend == "onnx" else ""
        return f"Sealcap {Path(self.ours).stem}{numbers}", f"MediaPipe {self.theirs}"


PAIRS = (Pair("quality", "heavy"), Pair("fast", "full"))
FP32 = tuple(pair._replace(backend="onnx") for pair in PAIRS)
"""The same on ONNX Runtime whatever the processor can do: these ratios hold from machine to machine."""


class Ratio(NamedTuple):
    """Ours to theirs, a value per round."""

    pair: Pair
    fps: list[float]
    cpu: list[float]
    """Of processor time per frame: below 1 is better than theirs."""

    @property
    def name(self) -> str:
        """As it stands in tables and in the baseline."""
        return " / ".join(self.pair.rows)


@dataclass(frozen=True)
class Speed:
    """Rounds of passes, by name of the row."""

    rounds: list[dict[str, Pass]]
    pairs: Sequence[Pair]
    frames: int
    clip: str

    @property
    def ratios(self) -> list[Ratio]:
        """One per pair."""
        return [Ratio(pair, self._ratio(pair, fps), self._ratio(pair, cpu_ms)) for pair in self.pairs]

    def _ratio(self, pair: Pair, of: Callable[[Pass], float]) -> list[float]:
        ours, theirs = pair.rows
        return [of(r[ours]) / of(r[theirs]) for r in self.rounds]

    @property
    def others(self) -> float:
        """Share of the machine that other programs took, median of all passes."""
        return float(statistics.median(p["others"] for r in self.rounds for p in r.values()))

    def median(self, row: str, of: Callable[[Pass], float]) -> float:
        """Over the rounds."""
        return statistics.median(of(r[row]) for r in self.rounds)

    def text(self) -> str:
        """Speeds, ratios, stages."""
        head = (
            f"Clip {self.clip}, {len(self.rounds)} rounds of {self.frames} frames, medians; ratios with the "
            f"least and the most of the rounds. Other programs took {100 * self.others:.0f} % of the machine."
        )
        columns = ["", "frames/s", "CPU s/frame", "peak MiB", "frames with a person"]
        speeds = table(columns, [self._row(name) for name in self.rounds[0]])
        against = [[r.name, times(r.fps), times(r.cpu)] for r in self.ratios]
        ratios = table(["", "frames/s", "CPU per frame"], against)
        stages = table(["p50 / p95, ms", *STAGES], [self._stages(pair.rows[0]) for pair in self.pairs])
        return "\n\n".join([head, speeds, ratios, stages])

    def _row(self, name: str) -> list[str]:
        peaks = [r[name]["peak_mib"] for r in self.rounds if r[name]["peak_mib"] is not None]
        peak = f"{statistics.median(peaks):.0f}" if peaks else "not known"
        found = self.median(name, lambda p: p["found"] / p["frames"])
        speed, cpu = self.median(name, fps), self.median(name, cpu_ms) / 1000
        return [name, f"{speed:.1f}", f"{cpu:.4f}", peak, f"{100 * found:.0f} %"]

    def _stages(self, name: str) -> list[str]:
        return [name, *(stage(name, kind, self.rounds) for kind in STAGES)]


def stage(row: str, kind: str, rounds: Sequence[dict[str, Pass]]) -> str:
    """p50 / p95 of a stage, ms, medians of the rounds."""
    p50, p95 = (statistics.median(r[row]["stage_ms"][kind][i] for r in rounds) for i in (0, 1))
    return f"{p50:.2f} / {p95:.2f}"


def measure(
    peer: Path, video: Path, pairs: Sequence[Pair] = PAIRS, rounds: int = ROUNDS, frames: int = FRAMES
) -> Speed:
    """Every pass of every round; the networks must be in the store (`networks`)."""
    return Speed([_round(peer, video, pairs, frames) for _ in range(rounds)], pairs, frames, video.name)


def networks(configs: Sequence[str]) -> list[str]:
    """Names of the networks that these configurations need."""
    detectors = [load_run_config(config).detector for config in configs]
    return sorted({n for d in detectors for n in detector_models(d.kind, d.variant, d.model)})


def _round(peer: Path, video: Path, pairs: Sequence[Pair], frames: int) -> dict[str, Pass]:
    """One pass of everything."""
    passes: dict[str, Pass] = {}
    for pair in pairs:
        ours, theirs = pair.rows
        passes[ours] = run_pass(sys.executable, "sealcap_worker", video, pair.ours, pair.backend, frames)
        if theirs not in passes:
            kind = COMPLEXITY[pair.theirs]
            passes[theirs] = run_pass(peer, "mediapipe_worker", "speed", video, kind, frames)
    return passes


def run_pass(python: str | Path, module: str, *arguments: object) -> Pass:
    """What a worker measured. Raises SystemExit with its last words when it fails."""
    command = [str(python), "-m", f"benchmarks.{module}", *map(str, arguments)]
    before = _clocks()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    after = _clocks()
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    result: Pass = json.loads(done.stdout.splitlines()[-1])
    wall, idle, own = (b - a for a, b in zip(before, after, strict=True))
    cores = os.cpu_count() or 1
    return result | {"others": max(0.0, 1 - (idle + own) / (cores * wall))}


def _clocks() -> tuple[float, float, float]:
    """Seconds: of the clock, of all cores idle, of the processor in our finished children."""
    cores, own = psutil.cpu_times(), os.times()
    idle = cores.idle + getattr(cores, "iowait", 0.0)
    return time.monotonic(), idle, own.children_user + own.children_system


def fps(one: Pass) -> float:
    """Frames per second of one pass."""
    return float(one["frames"] / one["seconds"])


def cpu_ms(one: Pass) -> float:
    """Processor time per frame of one pass, all cores together."""
    return float(1000 * one["cpu_seconds"] / one["frames"])


def times(ratios: Sequence[float]) -> str:
    """Median, least and most."""
    return f"× {statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
