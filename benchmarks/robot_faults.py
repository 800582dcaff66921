"""Injects 1,000 faults at random into the robot output, and tables what it did.

    python -m benchmarks.robot_faults [--runs 970] [--processes 30] [--write]

Most in simulated time on the pure core (robot_fault_world.py); those of processes with real ones
(robot_fault_processes.py). `--write` puts the table into docs/robots.md.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.robot_fault_world import SWAPPED, Fault, N, Record, complaints, outcome, play
from realtime.data import State
from realtime.retarget.robot_pose import RobotPose, RobotState

DOCS = Path(__file__).resolve().parent.parent / "docs" / "robots.md"
MARKS = ("<!-- faults -->", "<!-- /faults -->")
OUTCOMES = ("followed", "ramped", "held", "stopped")
KINDS = (
    "person lost", "person predicted or held", "left and right swapped", "gap", "joint teleported",
    "not a number", "camera frozen", "camera's stamps wrong", "publisher paused", "clock jump",
    "heartbeat lost", "garbage on the control port",
)  # fmt: skip


def random_fault(kind: str, rng: np.random.Generator) -> Fault:
    """One fault of a kind, at a random time after the start, of a random length."""
    begin = float(rng.uniform(4.0, 6.0))
    frames = float(rng.integers(1, 40)) / 30
    long = float(np.exp(rng.uniform(np.log(0.2), np.log(5.0))))
    joint, way = int(rng.integers(N)), float(rng.uniform(1.0, 3.0))

    def lost(pose: RobotPose, _: np.random.Generator) -> RobotPose:
        return replace(pose, state=State.LOST, position=np.full(N, np.nan))

    def guessed(pose: RobotPose, r: np.random.Generator) -> RobotPose:
        return replace(pose, state=State.PREDICTED if r.random() < 0.5 else State.HELD)

    def swapped(pose: RobotPose, _: np.random.Generator) -> RobotPose:
        return replace(pose, position=pose.position[SWAPPED])

    def teleported(pose: RobotPose, _: np.random.Generator) -> RobotPose:
        return replace(pose, position=pose.position + way * (np.arange(N) == joint))

    def no_number(pose: RobotPose, r: np.random.Generator) -> RobotPose:
        bad = r.choice([np.nan, np.inf, -np.inf])
        return replace(pose, position=np.where(np.arange(N) == joint, bad, pose.position))

    match kind:
        case "person lost":
            return Fault(kind, begin, begin + long, pose=lost)
        case "person predicted or held":
            return Fault(kind, begin, begin + long, pose=guessed)
        case "left and right swapped":
            return Fault(kind, begin, begin + frames, pose=swapped, plausible=True)
        case "gap":
            return Fault(kind, begin, begin + long, pose=lambda *_: None)
        case "joint teleported":
            return Fault(kind, begin, begin + frames, pose=teleported, plausible=True)
        case "not a number":
            return Fault(kind, begin, begin + long, pose=no_number)
        case "camera frozen":
            return Fault(kind, begin, begin + long, frozen=True)
        case "camera's stamps wrong":
            shift = round(float(rng.choice([-1, 1])) * 1e9 * float(rng.uniform(0.1, 100)))
            return Fault(kind, begin, begin + long, seen_shift_ns=shift)
        case "publisher paused":
            return Fault(kind, begin, begin + float(rng.uniform(0.03, 3.0)), suspended=True)
        case "clock jump":
            jump = round(float(rng.choice([-1, 1])) * 1e9 * float(np.exp(rng.uniform(-3, 8))))
            return Fault(kind, begin, begin + 0.01, clock_jump_ns=jump)
        case "heartbeat lost":
            return Fault(kind, begin, begin + long, no_beats=True)
        case "garbage on the control port":
            return Fault(kind, begin, begin + long, garbage=True)
    raise ValueError(f"no such fault: {kind}")


def judge(record: Record) -> list[str]:
    """Everything that was wrong with a run, the return to following included."""
    found = complaints(record)
    if record.commands[-1].state is not RobotState.FOLLOWING:
        found.append("never followed again")
    return found


def simulate(runs: int) -> tuple[dict[str, Counter[str]], list[str]]:
    """Outcomes by kind, and every complaint with the number of its run."""
    tally: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    wrong: list[str] = []
    for run in range(runs):
        kind = KINDS[run % len(KINDS)]
        fault = random_fault(kind, np.random.default_rng([3, run]))
        record = play(fault, run)
        tally[kind][outcome(record, fault)] += 1
        found = judge(record)
        tally[kind]["wrong"] += bool(found)
        wrong += [f"run {run}, {kind}: {text}" for text in found]
    return tally, wrong


def table(tally: dict[str, Counter[str]]) -> str:
    """Markdown."""
    head = ("fault", "times", "went on", "ramp only", "held, then ramp", "stopped, armed anew", "wrong")
    rows = [head, tuple("---" for _ in head)]
    for kind, counts in tally.items():
        numbers = [counts[name] for name in OUTCOMES]
        rows.append((kind, str(sum(numbers)), *map(str, numbers), str(counts["wrong"])))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def write(text: str) -> None:
    """Put the table between the marks in the docs."""
    page = DOCS.read_text(encoding="utf-8")
    begin, end = MARKS
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    DOCS.write_text(pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page), encoding="utf-8")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="inject faults into the robot output")
    parser.add_argument("--runs", type=int, default=970)
    parser.add_argument("--processes", type=int, default=30)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    tally, wrong = simulate(options.runs)
    if options.processes:
        from benchmarks.robot_fault_processes import inject

        counts, more = inject(options.processes)
        tally |= counts
        wrong += more
    print(table(tally))
    print("\n".join(wrong))
    if options.write:
        write(table(tally))
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
