"""Every number of docs/performance.md and docs/accuracy.md, from one run: `make bench`.

    python -m benchmarks.bench [--data DIR] [--video FILE] [--only speed,latency] [--write]

Parts: speed beside MediaPipe, latency of a live camera, growth with people, growth with outputs, start-up,
and accuracy where --data names videos with 3D truth. --write puts tables and plots into the two pages, and
the ratios of speed into the baseline of benchmarks/regression.py. What of these is not measured stays as it
is; a part that is measured by itself says so. About twenty minutes on two cores, which must have
nothing else to do.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from benchmarks import accuracy, bench_people, bench_plots, bench_startup, live, outputs, vs_mediapipe
from benchmarks.regression import BASELINE, write_baseline
from benchmarks.solver_report import device, write_between
from benchmarks.vs_mediapipe import FP32, PAIRS
from benchmarks.vs_mediapipe_home import PeerMissingError, peer_python, peer_version
from realtime.doctor_packages import installed
from realtime.models import store

DOCS = Path(__file__).resolve().parent.parent / "docs"
TOGETHER = ("speed", "latency", "people", "outputs", "start")
"""The parts of docs/performance.md."""


class Found(Protocol):
    """What a part found."""

    def text(self) -> str:
        """As Markdown."""


@dataclass(frozen=True)
class Setting:
    """What is measured on."""

    peer: Path
    video: Path
    data: Path | None
    quick: bool


def parts(setting: Setting) -> dict[str, Callable[[], Found]]:
    """What can be measured, in this order."""
    video, peer, quick = setting.video, setting.peer, setting.quick
    few = (1, 20)
    rounds, frames = few if quick else (vs_mediapipe.ROUNDS, vs_mediapipe.FRAMES)
    crowds = few if quick else (bench_people.ROUNDS, bench_people.FRAMES)
    found: dict[str, Callable[[], Found]] = {
        "speed": lambda: vs_mediapipe.measure(peer, video, (*PAIRS, *FP32), rounds=rounds, frames=frames),
        "latency": lambda: live.measure(video, seconds=3.0 if quick else live.SECONDS),
        "people": lambda: bench_people.measure(video, "live", *crowds),
        "outputs": lambda: outputs.measure(2.0 if quick else outputs.SECONDS),
        "start": lambda: bench_startup.measure(peer, video, rounds=1 if quick else bench_startup.ROUNDS),
    }
    if (data := setting.data) is not None:
        clips = sorted(p.stem for p in (data / "gt").glob("*.npz"))[: 1 if quick else None]
        found["accuracy"] = lambda: accuracy.measure(data, clips)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    given = parse(arguments)
    if given.data is not None and not (given.data / "score.py").is_file():
        sys.stderr.write(
            f"{given.data} has no score.py; --data is a folder with videos/, gt/ and score.py.\n"
        )
        return 2
    try:
        peer = peer_python()
    except PeerMissingError as error:
        sys.stderr.write(f"{error}\nWithout MediaPipe there is nothing to stand beside.\n")
        return 1
    store.ensure(["demo-clip", *vs_mediapipe.networks(["live", "quality", "fast"])])
    video = (given.video or store.clip_path()).resolve()
    possible = parts(Setting(peer, video, given.data, given.quick))
    wanted = given.only or list(possible)
    if unknown := [name for name in wanted if name not in possible]:
        sys.stderr.write(f"No part {', '.join(unknown)} here; accuracy needs --data. {', '.join(possible)}\n")
        return 2
    found: dict[str, Found] = {}
    for name in wanted:
        sys.stderr.write(f"{name} ...\n")
        found[name] = possible[name]()
        print(f"## {name}\n\n{found[name].text()}\n", flush=True)
    if given.write:
        write(given.docs, found, stamp(peer, quick=given.quick))
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with videos/, gt/ and score.py, for the accuracy")
    parser.add_argument("--video", type=Path, help="clip for the rest; the demo clip if left out")
    parser.add_argument("--only", type=lambda text: text.split(","), help="some parts, comma separated")
    parser.add_argument("--write", action="store_true", help="into the pages")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder of the pages")
    parser.add_argument("--quick", action="store_true", help="too short for true numbers: does it work?")
    given = parser.parse_args(arguments)
    if given.quick and given.write and given.docs.resolve() == DOCS:
        parser.error("--quick is for trials: give --docs with a copy of the pages.")
    return given


def stamp(peer: Path, *, quick: bool = False) -> str:
    """When, on what, with which versions."""
    libraries = (f", {name} {number}" for name in ("onnxruntime", "openvino") if (number := installed(name)))
    ours = f"Sealcap {version('sealcap')}{''.join(libraries)}"
    warning = " **A trial with --quick: too short, these numbers mean nothing.**" if quick else ""
    return (
        f"Measured {datetime.date.today().isoformat()}: {device()}, {platform.system()}; {ours}, "
        f"MediaPipe {peer_version(peer)}.{warning}"
    )


def write(docs: Path, found: dict[str, Found], when: str) -> None:
    """What was found, between the markers of the pages."""
    whole = all(name in found for name in TOGETHER)
    for name in TOGETHER:
        if name in found:
            text = found[name].text() if whole else f"{when}\n\n{found[name].text()}"
            write_between(docs / "performance.md", text, f"bench {name}")
    if whole:
        bench_plots.performance(docs / "performance.png", *(found[name] for name in TOGETHER))  # type: ignore[arg-type]
        write_between(docs / "performance.md", f"{when}\n\n![Speed](performance.png)", "bench")
    if isinstance(scores := found.get("accuracy"), accuracy.Accuracy):
        bench_plots.accuracy(docs / "accuracy.png", scores)
        text = f"{when}\n\n{scores.text()}\n\n![Error by group](accuracy.png)"
        write_between(docs / "accuracy.md", text, "bench accuracy")
    if isinstance(speed := found.get("speed"), vs_mediapipe.Speed):
        baseline = BASELINE if docs.resolve() == DOCS else docs / BASELINE.name
        write_baseline(replace(speed, pairs=FP32), baseline)


if __name__ == "__main__":
    sys.exit(main())
