"""Side by side with MediaPipe Pose 0.10.21, in one run on one clip: `make bench`.

Passes alternate, round after round, so that both sides meet the same state of the machine; a ratio is
the median of the rounds' ratios. Each pass is a process of its own. MediaPipe lives in `.venv-mediapipe`,
which is made when missing. Ours is the whole pipeline, from decoding to the published packet, and decodes in
a thread of its own; theirs reads and tracks in turn, as its examples do, and ends at the landmarks. Processor
time per frame does not depend on that difference.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from realtime.config import load_run_config
from realtime.detectors.factory import detector_models
from realtime.models import store
from realtime.models.catalogue import catalogue
from realtime.models.fetch import check_hash, extract, fetch, work_folder
from realtime.paths import cache_dir

HERE = Path(__file__).resolve().parent
PEER_HOME = HERE.parent / ".venv-mediapipe"
PEER = "mediapipe==0.10.21"
PEER_NEEDS = (
    "absl-py",
    "attrs",
    "protobuf<5,>=4.25.3",
    "flatbuffers",
    "matplotlib",
    "opencv-contrib-python-headless",
    "numpy",
)
"""What Pose needs of MediaPipe's requirements, without the large rest (jax, sounddevice)."""
COMPLEXITY = {"lite": 0, "full": 1, "heavy": 2}

Pass = dict[str, Any]


class Pair(NamedTuple):
    """One of our configurations and MediaPipe's variant that it is held against."""

    ours: str
    theirs: str

    @classmethod
    def parse(cls, text: str) -> Pair:
        """CONFIG=VARIANT. Raises ValueError for another form."""
        ours, _, theirs = text.rpartition("=")
        if not ours or theirs not in COMPLEXITY:
            raise ValueError(text)
        return cls(ours, theirs)


def main() -> None:
    """Prepare, measure, print."""
    options = _options()
    peer = peer_python(options.python)
    video = str(options.video or _demo_clip())
    store.ensure(_networks(options.pair))
    rounds = [_round(peer, video, options.pair, options.frames) for _ in range(options.rounds)]
    text = report(rounds, options.pair, options.frames, Path(video).name, _versions(peer))
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = [Pair("quality", "heavy"), Pair("fast", "full")]
    parser.add_argument("--video", type=Path, help="clip to use; the demo clip if left out")
    parser.add_argument("--frames", type=int, default=150, help="timed frames per pass")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pair", type=Pair.parse, nargs="+", default=default, metavar="CONFIG=VARIANT")
    parser.add_argument("--python", default=sys.executable, help="Python 3.11 or 3.12 for MediaPipe")
    parser.add_argument("--out", type=Path, help="Markdown file to write the result to")
    return parser.parse_args()


def _demo_clip() -> Path:
    store.ensure(["demo-clip"])
    return store.clip_path()


def _networks(pairs: list[Pair]) -> list[str]:
    """Names of the networks that our configurations need."""
    detectors = [load_run_config(pair.ours).detector for pair in pairs]
    return sorted({n for d in detectors for n in detector_models(d.kind, d.variant, d.model)})


def peer_python(base: str) -> Path:
    """The Python with MediaPipe in it; made with the Python `base` when missing."""
    python = PEER_HOME / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.is_file():
        subprocess.run([base, "-m", "venv", str(PEER_HOME)], check=True)
    heavy = _peer_heavy(python)
    if not heavy.is_file():  # copied last: where it lies, everything lies
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", PEER], check=True)
        subprocess.run([*pip, *PEER_NEEDS], check=True)
        heavy.write_bytes(_heavy_network())
    return python


def _peer_heavy(python: Path) -> Path:
    """Where MediaPipe looks for the heavy network, which its wheel leaves out."""
    ask = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    answer = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True)
    folder = Path(answer.stdout.strip()) / "mediapipe" / "modules" / "pose_landmark"
    return folder / "pose_landmark_heavy.tflite"


def _heavy_network() -> bytes:
    """The network as its authors ship it, which the store keeps only converted."""
    entry = catalogue().models["blazepose-heavy"]
    ((member, sha256),) = entry.members.items()
    with work_folder(cache_dir()) as folder:
        data = extract(fetch(catalogue().packages[entry.package], folder), [member])[member]
    check_hash(member, data, sha256)
    return data


def _round(peer: Path, video: str, pairs: list[Pair], frames: int) -> dict[str, Pass]:
    """One pass of everything."""
    passes: dict[str, Pass] = {}
    for ours, theirs in pairs:
        passes[_our_row(ours)] = _worker(sys.executable, "sealcap_worker.py", video, ours, frames)
        if _peer_row(theirs) not in passes:
            complexity = str(COMPLEXITY[theirs])
            passes[_peer_row(theirs)] = _worker(peer, "mediapipe_worker.py", video, complexity, frames)
    return passes


def _worker(python: str | Path, script: str, video: str, what: str, frames: int) -> Pass:
    print(f"{script} {what} ...", file=sys.stderr)
    command = [str(python), str(HERE / script), video, what, str(frames)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    result: Pass = json.loads(done.stdout.splitlines()[-1])
    return result


def _our_row(config: str) -> str:
    return f"Sealcap {Path(config).stem}"


def _peer_row(variant: str) -> str:
    return f"MediaPipe {variant}"


def fps(one: Pass) -> float:
    """Frames per second of one pass."""
    return float(one["frames"] / one["seconds"])


def cpu_ms(one: Pass) -> float:
    """Processor time per frame of one pass, all cores together."""
    return float(1000 * one["cpu_seconds"] / one["frames"])


def report(rounds: list[dict[str, Pass]], pairs: list[Pair], frames: int, clip: str, versions: str) -> str:
    """The result as Markdown."""
    head = [
        f"{datetime.date.today().isoformat()}, {_processor()}, {os.cpu_count()} cores, {platform.system()}. "
        f"{versions}. Clip {clip}, {len(rounds)} rounds of {frames} frames each, medians.",
        "",
        "| | frames/s | CPU s/frame | peak MiB | frames with a person |",
        "|---|---|---|---|---|",
    ]
    body = [_row(name, [r[name] for r in rounds]) for name in rounds[0]]
    stages = [_stages(_our_row(pair.ours), rounds) for pair in pairs]
    stage_head = ["", f"| p50 / p95, ms | {' | '.join(STAGES)} |", "|---" * (len(STAGES) + 1) + "|"]
    return "\n".join(
        [*head, *body, "", *(_ratio(pair, rounds) for pair in pairs), *stage_head, *dict.fromkeys(stages)]
    )


def _row(name: str, passes: list[Pass]) -> str:
    rate, cpu = statistics.median(map(fps, passes)), statistics.median(map(cpu_ms, passes)) / 1000
    peaks = [one["peak_mib"] for one in passes if one["peak_mib"] is not None]
    peak = f"{statistics.median(peaks):.0f}" if peaks else "not known"
    found = statistics.median(one["found"] / one["frames"] for one in passes)
    return f"| {name} | {rate:.1f} | {cpu:.4f} | {peak} | {100 * found:.0f} % |"


def _ratio(pair: Pair, rounds: list[dict[str, Pass]]) -> str:
    ours, theirs = _our_row(pair.ours), _peer_row(pair.theirs)
    rates = [fps(r[ours]) / fps(r[theirs]) for r in rounds]
    costs = [cpu_ms(r[ours]) / cpu_ms(r[theirs]) for r in rounds]
    return f"- {ours} / {theirs}: frames/s {_times(rates)}, CPU per frame {_times(costs)}"


def _times(ratios: list[float]) -> str:
    return f"× {statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


STAGES = ("detect", "lift", "correct", "solve", "publish")


def _stages(name: str, rounds: list[dict[str, Pass]]) -> str:
    cells = []
    for stage in STAGES:
        p50, p95 = (statistics.median(r[name]["stage_ms"][stage][i] for r in rounds) for i in (0, 1))
        cells.append(f"{p50:.2f} / {p95:.2f}")
    return f"| {name} | {' | '.join(cells)} |"


def _processor() -> str:
    """The processor's name as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _versions(peer: Path) -> str:
    ask = "from importlib.metadata import version; print(version('mediapipe'))"
    theirs = subprocess.run([peer, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()
    ours = f"Sealcap {version('sealcap')}, onnxruntime {version('onnxruntime')}"
    return f"{ours}, MediaPipe {theirs}, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
