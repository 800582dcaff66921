"""Runs every test that injects a fault, and tables what happened and what was lost.

    python -m benchmarks.faults [--write] [--list]

The rows stand in tests/faults/catalogue.py. `--write` puts the table into docs/reliability.md.
"""

from __future__ import annotations

import argparse
import datetime
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from benchmarks.solver_report import device, table, write_between
from tests.faults.catalogue import FAULTS, Fault, file_and_function

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reliability.md"


@dataclass
class Outcome:
    """Of one test with all its parameters."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    again: bool = False
    """It failed before: some judge times, which a busy machine does not keep."""

    def __str__(self) -> str:
        if self.failed:
            return f"**{self.failed} of {self.failed + self.passed} fail**"
        if self.passed:
            return f"passes ({self.passed})" + (", second try" if self.again else "")
        return "skipped here" if self.skipped else "not run"


def run(faults: list[Fault]) -> dict[tuple[str, str], Outcome]:
    """By file and function; long ones included."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        tests = [f"tests/{fault.test}" for fault in faults]
        command = [
            sys.executable,
            "-m",
            "pytest",
            *tests,
            f"--junitxml={report}",
            "-o",
            "junit_family=xunit1",
        ]
        subprocess.run([*command, "-p", "no:cacheprovider"], cwd=ROOT, check=False)
        return read_report(report)


def run_again(faults: list[Fault], outcomes: dict[tuple[str, str], Outcome]) -> None:
    """Those that failed, each by itself."""
    for fault in faults:
        key = file_and_function(fault)
        if outcomes.get(key, Outcome()).failed:
            outcomes[key] = run([fault])[key]
            outcomes[key].again = True


def read_report(path: Path) -> dict[tuple[str, str], Outcome]:
    """What pytest wrote."""
    found: dict[tuple[str, str], Outcome] = defaultdict(Outcome)
    for case in ElementTree.parse(path).iter("testcase"):
        outcome = found[case.get("file", ""), case.get("name", "").partition("[")[0]]
        outcome.seconds += float(case.get("time", 0))
        tags = {child.tag for child in case}
        if tags & {"failure", "error"}:
            outcome.failed += 1
        elif "skipped" in tags:
            outcome.skipped += 1
        else:
            outcome.passed += 1
    return found


def markdown(outcomes: dict[tuple[str, str], Outcome]) -> str:
    """A table per chapter."""
    count = sum(map(len, FAULTS.values()))
    parts = [f"{count} faults, {datetime.date.today().isoformat()}, {device()}."]
    for chapter, faults in FAULTS.items():
        rows = []
        for fault in faults:
            path, function = file_and_function(fault)
            outcome = outcomes.get((path, function), Outcome())
            where = f"[{path.rpartition('/')[2]}](../{path})"
            rows.append(
                [fault.what, fault.happens, fault.lost, where, str(outcome), f"{outcome.seconds:.1f}"]
            )
        head = ["fault", "what happens", "what is lost", "test", "result", "s"]
        parts += [f"### {chapter}", table(head, rows)]
    return "\n\n".join(parts)


def main() -> int:
    """0 when nothing failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="into docs/reliability.md")
    parser.add_argument("--list", action="store_true", help="run nothing, only show the table")
    given = parser.parse_args()
    faults = [fault for chapter in FAULTS.values() for fault in chapter]
    outcomes = {} if given.list else run(faults)
    run_again(faults, outcomes)
    text = markdown(outcomes)
    print(text)
    if not (given.list or all(file_and_function(fault) in outcomes for fault in faults)):
        print("Not every test was run; nothing is written.", file=sys.stderr)
        return 1
    if given.write:
        write_between(PAGE, text, "faults")
    return int(any(outcome.failed for outcome in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
