"""Judges robots in MuJoCo: a motion corpus and the synthetic routine through the whole chain, tabled.

    python -m benchmarks.robots --motion DIR [--robots g1 talos panda] [--clips N] [--out FILE.json] [--write]

Poses → retargeting → steady output at 100 Hz (robot_chain.py) → commands, which are judged (robot_limits.py,
robot_tracking.py, robot_collisions.py), and played on motors (robot_physics.py). `--write` puts the tables
into docs/robots.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray

from benchmarks.robot_chain import RATE_HZ, Chain, Recording
from benchmarks.robot_collisions import Collisions
from benchmarks.robot_limits import judge_limits
from benchmarks.robot_motion import Clip, corpus_clips, synthetic
from benchmarks.robot_physics import Driven, drive
from benchmarks.robot_tables import write_tables
from benchmarks.robot_tracking import track
from realtime.retarget.build import root_limits
from realtime.retarget.robot_file import RobotFile, load_robot
from realtime.retarget.robot_model import load_model

Floats = NDArray[np.float64]

EVERY_FRAME, EVERY_TICK = 2, 5
"""Collisions of meshes are looked at in every second frame, and in every fifth command."""
TOO_DEEP_M = 0.01


def judge_robot(name: str, clips: Sequence[Clip]) -> dict[str, Any]:
    """All clips on one robot; the numbers of the tables."""
    file = load_robot(name)
    robot = load_model(file)
    book = Chain(robot, file).play(clips)
    driven = drive(file, book.commands)
    tracked = track(book, robot.limits)
    return {
        "robot": name,
        "minutes": len(book.commands) / RATE_HZ / 60,
        "states": _states(book),
        "limits": vars(judge_limits(book.commands, robot.limits, root_limits(file))),
        "lag_ms": 1e3 * tracked.lag_s,
        "allowed": tracked.allowed,
        "tracking": {group: vars(one) for group, one in tracked.groups.items()},
        "collisions": _collisions(file, book, driven, clips),
        "compute": _compute(book),
        "physics": _physics(driven, book),
        "load": os.getloadavg()[0],
    }


def _states(book: Recording) -> dict[str, float]:
    """Share of the time in each state."""
    counts = Counter(command.state.value for command in book.commands)
    return {state: count / len(book.commands) for state, count in counts.items()}


def _collisions(
    file: RobotFile, book: Recording, driven: Driven, clips: Sequence[Clip]
) -> dict[str, dict[str, Any]]:
    """Deepest of three, and where."""
    judge = Collisions(file)
    ticks = [command.position for command in book.commands]
    out = {}
    for what, rows, every in (
        ("retargeted", book.positions, EVERY_FRAME), ("commands", ticks, EVERY_TICK),
        ("motors", list(driven.positions), EVERY_TICK),
    ):  # fmt: skip
        found = [(*judge.deepest_m(row), i * every) for i, row in enumerate(rows[::every])]
        depth, pair, row = max(found)
        frame = row if what == "retargeted" else _frame_of(book, row)
        clip, begin = book.clips[frame], book.clips.index(book.clips[frame])
        too_deep = float(np.mean([one[0] > TOO_DEEP_M for one in found]))
        out[what] = {
            "deepest_m": depth, "pair": pair, "too_deep": too_deep, "clip": clips[clip].name,
            "frame": frame - begin,
        }  # fmt: skip
    return out


def _frame_of(book: Recording, tick: int) -> int:
    """The frame whose picture was taken last at a tick."""
    return max(0, int(np.searchsorted(book.seen_ns, book.commands[tick].time_ns)) - 1)


def _compute(book: Recording) -> dict[str, list[float]]:
    """Milliseconds at p50 and p99: of the processor, and of the clock on the wall."""
    out = {}
    for what, rows in (("frame", book.frame_ms), ("tick", book.tick_ms)):
        for kind, values in zip(("cpu", "wall"), np.array(rows).T, strict=True):
            out[f"{what}_{kind}"] = [float(x) for x in np.percentile(values, [50, 99])]
    return out


def _physics(driven: Driven, book: Recording) -> dict[str, Any]:
    follows = book.following
    return {
        "off_m": [float(x) for x in np.percentile(driven.off_m[follows], [50, 95])],
        "off_rad": [float(x) for x in np.percentile(driven.off_rad[follows], [50, 95])],
        "speed": driven.speed,
        "saturated": driven.saturated,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--motion", type=Path, help="folder of a motion corpus (docs/data.md)")
    parser.add_argument("--robots", nargs="+", default=["g1", "talos", "panda"])
    parser.add_argument("--clips", type=int, default=0, help="only so many clips; 0 = all")
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--tables", type=Path, nargs="+", help="judge nothing; results of earlier runs (--out)"
    )
    parser.add_argument("--write", action="store_true", help="put the tables into docs/robots.md")
    args = parser.parse_args()
    if args.tables:
        results = [row for path in args.tables for row in json.loads(path.read_text(encoding="utf-8"))]
    else:
        results = [judge_robot(name, _clips(args.motion, args.clips)) for name in args.robots]
    text = json.dumps(results, indent=1)
    if args.out is not None:
        args.out.write_text(text + "\n", encoding="utf-8")
    print(write_tables(results, to_docs=args.write))


def _clips(motion: Path | None, most: int) -> list[Clip]:
    clips = [synthetic()]
    if motion is not None:
        found = corpus_clips(motion)
        clips += found[:: max(1, len(found) // most)] if most else found
    return clips


if __name__ == "__main__":
    main()
