"""Feeds a parser damaged input: `python -m tests.fuzz.run [NAME ...] --runs N --seed S`.

Every input is written down before it is read, so that one that ends the process is known. Findings are kept
in a folder, and told with the input's file.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lifting.errors import SealcapError
from tests.fuzz.limits import MEMORY_BYTES, TooSlowError, capped
from tests.fuzz.mutate import mutated
from tests.fuzz.parsers import BY_NAME, PARSERS, Parser

MAX_MESSAGE = 2000


@dataclass(frozen=True)
class Finding:
    """An input that got a parser to do what it must not."""

    parser: str
    what: str
    data: bytes


def check(parser: Parser, data: bytes, folder: Path) -> Finding | None:
    """Feed once, under caps; None when all is well."""
    before = {path.name for path in folder.parent.iterdir()}
    try:
        with capped(memory_bytes=MEMORY_BYTES), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parser.feed(data, folder)
    except parser.allowed as error:
        text = str(error)
        if not text.strip() or len(text) > MAX_MESSAGE:
            return Finding(parser.name, f"a message of {len(text)} characters", data)
    except (Exception, TooSlowError) as error:  # noqa: BLE001 - which ones come is the question
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        return Finding(parser.name, f"{type(error).__name__} at {where}: {str(error)[:200]}", data)
    if {path.name for path in folder.parent.iterdir()} != before:
        return Finding(parser.name, "a file outside of its folder", data)
    return None


def inputs(parser: Parser, runs: int, seed: int, folder: Path) -> Iterator[bytes]:
    """The samples as they are, then damaged ones."""
    samples = parser.samples(folder)
    yield from samples
    rng = random.Random(f"{parser.name} {seed}")
    for _ in range(max(1, round(runs / parser.slow))):
        yield mutated(rng.choice(samples), rng)


def fuzz(parser: Parser, runs: int, seed: int, keep: Path | None = None) -> tuple[int, list[Finding]]:
    """How many inputs were fed, and the findings, one for each kind."""
    found: dict[str, Finding] = {}
    count = 0
    with tempfile.TemporaryDirectory() as place:
        first, made, folder = (Path(place) / name for name in ("first", "made", "in"))
        first.mkdir()
        made.mkdir()
        folder.mkdir()
        with contextlib.suppress(SealcapError):
            parser.feed(parser.samples(first)[0], folder)  # what is imported late is not the input's fault
        for data in inputs(parser, runs, seed, made):
            if keep is not None:
                (keep / f"{parser.name}.last").write_bytes(data)
            finding = check(parser, data, folder)
            count += 1
            if finding is not None:
                found.setdefault(finding.what[:60], finding)
    return count, list(found.values())


def fuzz_apart(parser: Parser, runs: int, seed: int, keep: Path) -> tuple[int, list[Finding]]:
    """The same in a process of its own; one that dies is a finding."""
    command = [sys.executable, "-m", "tests.fuzz.run", parser.name, "--runs", str(runs), "--seed", str(seed)]
    done = subprocess.run(
        [*command, "--keep", str(keep), "--here"], capture_output=True, text=True, check=False
    )
    if done.returncode < 0 or not done.stdout.strip():
        last = keep / f"{parser.name}.last"
        data = last.read_bytes() if last.exists() else b""
        return 0, [
            Finding(parser.name, f"its process ended with {done.returncode}: {done.stderr[-300:]}", data)
        ]
    row = json.loads(done.stdout.splitlines()[-1])
    return row["inputs"], [Finding(parser.name, what, b"") for what in row["findings"]]


def main() -> int:
    """The command; 1 when there are findings."""
    words = argparse.ArgumentParser()
    words.add_argument("names", nargs="*", default=[parser.name for parser in PARSERS])
    words.add_argument("--runs", type=int, default=3000)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--keep", type=Path, default=Path("out/fuzz"))
    words.add_argument("--here", action="store_true", help="in this process, results as JSON")
    options = words.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    bad = 0
    for name in options.names:
        began, parser = time.monotonic(), BY_NAME[name]
        work = fuzz if options.here else fuzz_apart
        count, findings = work(parser, options.runs, options.seed, options.keep)
        for number, finding in enumerate(findings):
            if finding.data:
                (options.keep / f"{name}-{number}.bin").write_bytes(finding.data)
        row = {"parser": name, "inputs": count, "seconds": round(time.monotonic() - began, 1)}
        sys.stdout.write(json.dumps(row | {"findings": [finding.what for finding in findings]}) + "\n")
        sys.stdout.flush()
        bad += len(findings)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
