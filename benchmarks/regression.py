"""Has Sealcap become slower beside MediaPipe? The five-minute check of CI: `make bench-check`.

    python -m benchmarks.regression [--write] [--video FILE]

Five rounds, in each one pass of `quality`, MediaPipe heavy, `fast`, MediaPipe full (vs_mediapipe.py), ours
on ONNX Runtime in fp32: bfloat16 would compare processors. Judged are the medians of two ratios, frames per
second and frames per second of processor time, each against the committed baseline: more than 15 % lower
fails. Ratios of passes a few seconds apart forgive a slow machine, but not a busy one, on which two threads
suffer more than one: a round in which other programs took more than a tenth of the machine is repeated, and
with fewer than three quiet rounds nothing is decided. Frames per second depend on the number of cores, and
are judged only where it is that of the baseline. --write makes this machine's ratios the baseline, as `make
bench` does.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.solver_report import device, table
from benchmarks.vs_mediapipe import FP32, FRAMES, ROUNDS, Speed, measure, networks
from benchmarks.vs_mediapipe_home import PeerMissingError, peer_python
from realtime.models import store

BASELINE = Path(__file__).resolve().parent / "baseline.json"
MOST_LOST = 0.15
"""A ratio may be lower than the baseline's by this share."""
BUSY = 0.10
"""Share of the machine that others may take in a round that counts."""
FEWEST = 3
"""Quiet rounds that decide."""
LIMIT_S = 285.0
"""No round begins that would end after this."""

Baseline = dict[str, Any]


def write_baseline(speed: Speed, path: Path = BASELINE) -> None:
    """These ratios are the ones to hold from now on."""
    data = {
        "measured": datetime.date.today().isoformat(),
        "device": device(),
        "cores": os.cpu_count(),
        "ratios": ratios(speed),
    }
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def ratios(speed: Speed) -> dict[str, dict[str, float]]:
    """Ours to theirs, medians of the rounds; higher is faster."""
    return {
        r.name: {
            "frames per second": round(statistics.median(r.fps), 3),
            "frames per second of processor time": round(statistics.median(1 / c for c in r.cpu), 3),
        }
        for r in speed.ratios
    }


def quiet(speed: Speed) -> Speed:
    """Only the rounds in which other programs left the machine alone."""
    rounds = [r for r in speed.rounds if max(one["others"] for one in r.values()) <= BUSY]
    return Speed(rounds, speed.pairs, speed.frames, speed.clip)


def judge(now: dict[str, dict[str, float]], baseline: Baseline, cores: int | None) -> list[list[str]]:
    """Rows of ratio, baseline, now, change, verdict; the verdict is "slower" where too much is lost."""
    rows = []
    for pair, kept in baseline["ratios"].items():
        for kind, before in kept.items():
            change = now[pair][kind] / before - 1
            verdict = "slower" if change < -MOST_LOST else "holds"
            if kind == "frames per second" and cores != baseline["cores"]:
                verdict = f"not judged: {cores} cores, not {baseline['cores']}"
            row = [f"{pair}, {kind}", f"{before:.2f}", f"{now[pair][kind]:.2f}", f"{100 * change:+.0f} %"]
            rows.append([*row, verdict])
    return rows


def collect(peer: Path, video: Path, seconds: float = LIMIT_S) -> Speed:
    """Rounds until five were quiet, or there is no time for another."""
    found, longest_s, begin = Speed([], FP32, FRAMES, video.name), 0.0, time.monotonic()
    while len(quiet(found).rounds) < ROUNDS:
        before = time.monotonic()
        if before - begin + longest_s > seconds:
            break
        one = measure(peer, video, FP32, rounds=1)
        longest_s = max(longest_s, time.monotonic() - before)
        found = Speed([*found.rounds, *one.rounds], FP32, FRAMES, video.name)
        sys.stderr.write(f"round {len(found.rounds)}: others took {100 * one.others:.0f} % of the machine\n")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """1 when it has become slower; 0 when not, or when it cannot be told, which is said."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--video", type=Path, help="clip to use; the demo clip if left out")
    parser.add_argument("--write", action="store_true", help="make this the baseline")
    given = parser.parse_args(arguments)
    try:
        peer = peer_python()
    except PeerMissingError as error:
        print(f"Speed beside MediaPipe was not compared. {error}")
        return 0
    store.ensure(["demo-clip", *networks([pair.ours for pair in FP32])])
    found = collect(peer, (given.video or store.clip_path()).resolve())
    return decide(found, write=given.write)


def decide(found: Speed, *, write: bool = False, path: Path = BASELINE) -> int:
    """Say what was found; the exit code."""
    calm = quiet(found)
    if len(calm.rounds) < FEWEST:
        print(
            f"Not decided: other programs took more than {100 * BUSY:.0f} % of the machine in "
            f"{len(found.rounds) - len(calm.rounds)} of {len(found.rounds)} rounds. Try again on a quiet one."
        )
        return 0
    if write:
        write_baseline(calm, path)
        print(f"{path.name} written.")
        return 0
    baseline = json.loads(path.read_text(encoding="utf-8"))
    rows = judge(ratios(calm), baseline, os.cpu_count())
    print(table(["ours to MediaPipe's", "baseline", "now", "change", ""], rows))
    slower = [row[0] for row in rows if row[-1] == "slower"]
    if slower:
        print(
            f"Slower by more than {100 * MOST_LOST:.0f} %: {'; '.join(slower)}. Baseline of "
            f"{baseline['measured']} on {baseline['device']}; this is {device()}. If that is another kind "
            "of processor, or the loss is meant: python -m benchmarks.regression --write."
        )
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
