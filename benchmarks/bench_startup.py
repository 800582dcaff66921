"""Time from the start of a process to its first pose; a part of `make bench`.

Ours is `sealcap run VIDEO --headless` as typed: the first pose is the first OSC packet that arrives here.
MediaPipe's is a Python that imports it, opens the video and has its first landmarks. Both have been started
once before, so that files come from memory. Programs take turns, round after round.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.solver_report import table
from benchmarks.vs_mediapipe import COMPLEXITY, PAIRS, ROOT, Pair

ROUNDS = 5
PATIENCE_S = 60.0
SEALCAP = ("-c", "import sys; from realtime.cli import main; sys.exit(main())", "run")
"""What the `sealcap` command does, whatever the folder it was installed to."""


@dataclass(frozen=True)
class Startup:
    """Seconds to the first pose by program, one per round."""

    seconds: dict[str, list[float]]

    def text(self) -> str:
        """Median, least and most."""
        rows = [
            [name, f"{statistics.median(s):.2f}", f"{min(s):.2f}–{max(s):.2f}"]
            for name, s in self.seconds.items()
        ]
        rounds = len(next(iter(self.seconds.values())))
        return table(["", f"first pose after s, median of {rounds}", "least–most"], rows)


def measure(peer: Path, video: Path, pairs: Sequence[Pair] = PAIRS, rounds: int = ROUNDS) -> Startup:
    """Rounds of everybody's start; the networks must be in the store."""
    programs: dict[str, Callable[[], float]] = {}
    for pair in pairs:
        ours, theirs = pair.rows
        programs[ours] = partial(ours_s, video, pair.ours)
        programs[theirs] = partial(theirs_s, peer, video, pair.theirs)
    for start in programs.values():
        start()
    found = [{name: start() for name, start in programs.items()} for _ in range(rounds)]
    return Startup({name: [each[name] for each in found] for name in programs})


def ours_s(video: Path, config: str) -> float:
    """Seconds until `sealcap run` sent its first pose. Raises SystemExit when none comes."""
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(PATIENCE_S)
        outputs = ["--headless", "--config", config, "--osc", f"127.0.0.1:{udp.getsockname()[1]}"]

        def first(_: subprocess.Popen[str]) -> bool:
            try:
                return bool(udp.recv(65536))
            except TimeoutError:
                return False

        return _until([sys.executable, *SEALCAP, str(video), *outputs], first)


def theirs_s(peer: Path, video: Path, variant: str) -> float:
    """Seconds until MediaPipe has its first landmarks. Raises SystemExit when it has none."""
    worker = [str(peer), "-m", "benchmarks.mediapipe_worker", "first", str(video), str(COMPLEXITY[variant])]
    return _until(
        worker, lambda process: process.stdout is not None and process.stdout.readline() == "pose\n"
    )


def _until(command: list[str], pose: Callable[[subprocess.Popen[str]], bool]) -> float:
    """Seconds from the start of `command` until `pose` says so; the process is ended then."""
    begin = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    ) as process:
        try:
            if not pose(process):
                raise SystemExit(f"{' '.join(command)}: no pose within {PATIENCE_S:.0f} s.")
            return time.perf_counter() - begin
        finally:
            process.kill()
