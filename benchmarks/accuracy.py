"""Scores of the whole live chain, and of MediaPipe, on real videos with 3D truth.

    python -m benchmarks.accuracy DATA [--clips lab_c2,room_p0_21] [--out PREDICTIONS] [--only solved,raw]

A part of `make bench`. DATA holds videos/*.mp4, gt/*.npz and score.py. Every clip goes through `sealcap run
--max-speed`, and through MediaPipe, frame by frame with its default settings; the poses are rewritten in the
scorer's form, and the scorer does the rest. "Pitch told" gives every clip its camera's pitch: 19 degrees for
room, as its authors state, else that of the mean direction ankles → shoulders of the truth; none where the
truth has no legs.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.solver_report import table
from benchmarks.vs_mediapipe import COMPLEXITY, ROOT
from benchmarks.vs_mediapipe_home import peer_python
from lifting.camera import pitch_of_gravity
from realtime.cli import main as sealcap

Scores = dict[str, Any]
"""What the scorer wrote: overall and by group."""


class Variant(NamedTuple):
    """A column of the table: options of `sealcap run`, or MediaPipe's variant."""

    title: str
    options: tuple[str, ...] = ()
    told: bool = False
    peer: str = ""


VARIANTS = {
    "solved": Variant("Sealcap"),
    "raw": Variant("Sealcap, raw network", ("--poses-stage", "raw")),
    "told": Variant("Sealcap, pitch told", told=True),
    "fast": Variant("Sealcap `fast`", ("--config", "fast")),
    "full": Variant("MediaPipe full", peer="full"),
    "heavy": Variant("MediaPipe heavy", peer="heavy"),
}


class Measure(NamedTuple):
    """A row of the table."""

    key: str
    title: str
    digits: int = 1


OVERALL = (
    Measure("mpjpe", "MPJPE, mm"),
    Measure("n_mpjpe", "N-MPJPE, mm"),
    Measure("clip_aligned_mpjpe", "C-MPJPE (aligned per clip), mm"),
    Measure("p_mpjpe", "P-MPJPE, mm"),
    Measure("pck150", "PCK@150, %"),
    Measure("bone_angle_deg", "bone direction error, °"),
    Measure("accel_err", "acceleration error, m/s²"),
    Measure("bone_cv_pct", "bone length variation, %"),
    Measure("sym_err_pct", "left/right length difference, %"),
    Measure("missing_pct", "frames without a pose, %"),
)
BY_GROUP = (
    Measure("mpjpe", "MPJPE"),
    Measure("clip_aligned_mpjpe", "C-MPJPE"),
    Measure("p_mpjpe", "P-MPJPE"),
    Measure("depth_err", "in depth"),
    Measure("bone_angle_deg", "angle °"),
    Measure("accel_err", "acceleration error"),
    Measure("lag_ms", "lag ms", 0),
)


@dataclass(frozen=True)
class Accuracy:
    """Scores by variant."""

    scores: dict[str, Scores]
    clips: Sequence[str]

    def text(self) -> str:
        """Mean over groups, then every group."""
        titles = [VARIANTS[name].title for name in self.scores]
        rows = [[m.title, *(number(s["overall"][m.key], m) for s in self.scores.values())] for m in OVERALL]
        groups = next(iter(self.scores.values()))["groups"]
        by_group = [
            [group, VARIANTS[name].title, *(number(s["groups"][group][m.key], m) for m in BY_GROUP)]
            for group in sorted(groups)
            for name, s in self.scores.items()
            if name != "raw"
        ]
        parts = [
            f"Clips: {', '.join(self.clips)}. Mean over groups:",
            table(["", *titles], rows),
            "By group, mm where no unit stands:",
            table(["group", "", *(m.title for m in BY_GROUP)], by_group),
        ]
        return "\n\n".join(parts)


def number(value: float, measure: Measure) -> str:
    """As it stands in a table."""
    return "-" if math.isnan(value) else f"{value:.{measure.digits}f}"


def measure(
    data: Path, clips: Sequence[str] = (), variants: Sequence[str] = tuple(VARIANTS), out: Path | None = None
) -> Accuracy:
    """Predict and score; all clips with truth if none are named. Predictions stay in `out` where given."""
    clips = clips or sorted(p.stem for p in (data / "gt").glob("*.npz"))
    with tempfile.TemporaryDirectory() as temporary:
        scores = {name: score(data, name, clips, (out or Path(temporary)) / name) for name in variants}
    return Accuracy(scores, clips)


def score(data: Path, name: str, clips: Sequence[str], folder: Path) -> Scores:
    """One column: predictions into `folder`, then the scorer's word on them."""
    folder.mkdir(parents=True, exist_ok=True)
    variant = VARIANTS[name]
    for clip in clips:
        video, out = data / "videos" / f"{clip}.mp4", folder / f"{clip}.npz"
        if variant.peer:
            predict_theirs(video, out, variant.peer)
        else:
            told = told_pitch(data / "gt" / f"{clip}.npz") if variant.told else []
            predict_ours(video, out, [*variant.options, *told])
    result = folder.with_suffix(".json")
    scorer = [sys.executable, str(data / "score.py"), str(folder), "--clips", ",".join(clips)]
    subprocess.run([*scorer, "--json", str(result)], check=True, stdout=sys.stderr)
    scores: Scores = json.loads(result.read_text(encoding="utf-8"))
    return scores


def predict_ours(video: Path, out: Path, options: Sequence[str]) -> None:
    """Run one video through the pipeline and write it the way the scorer reads."""
    with tempfile.TemporaryDirectory() as folder:
        poses = Path(folder) / "poses.npz"
        code = sealcap(["run", str(video), "--max-speed", "--headless", "--poses-out", str(poses), *options])
        if code:
            raise SystemExit(code)
        with np.load(poses, allow_pickle=False) as rows:
            kept = {key: rows[key] for key in ("joint_names", "frame_index")}
            np.savez(out, joints=rows["joints_cam"], **kept)


def predict_theirs(video: Path, out: Path, variant: str) -> None:
    """MediaPipe's world landmarks of one video."""
    worker = [str(peer_python()), "-m", "benchmarks.mediapipe_worker", "poses"]
    command = [*worker, str(video.resolve()), str(COMPLEXITY[variant]), str(out.resolve())]
    subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)


def told_pitch(truth: Path) -> list[str]:
    """The option that tells the pitch of a clip's camera, or nothing where it is not known."""
    if truth.stem.startswith("room"):
        return ["--camera-pitch", "19"]
    with np.load(truth, allow_pickle=False) as arrays:
        names, joints, valid = arrays["joint_names"].tolist(), arrays["joints_cam"], arrays["valid"]
    if "left_ankle" not in names:
        return []
    low, high = ([names.index(f"{s}_{part}") for s in ("left", "right")] for part in ("ankle", "shoulder"))
    standing = joints[valid[:, low + high].all(axis=1)]
    up = (standing[:, high].mean(axis=1) - standing[:, low].mean(axis=1)).mean(axis=0)
    return ["--camera-pitch", f"{pitch_of_gravity(-up / np.linalg.norm(up)):.1f}"]


def main() -> None:
    """Predict, score, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--clips", default="", help="comma separated; all of them if left out")
    parser.add_argument("--out", type=Path, help="folder to keep the predictions in")
    parser.add_argument("--only", default=",".join(VARIANTS), help="some of the default, comma separated")
    given = parser.parse_args()
    clips = [clip for clip in given.clips.split(",") if clip]
    print(measure(given.data, clips, given.only.split(","), given.out).text())


if __name__ == "__main__":
    main()
