"""Score the whole live chain on real videos with 3D truth.

    python benchmarks/accuracy.py DATA --out PREDICTIONS [--raw] [--tell-pitch] [--clips lab_c2,room_p0_21]

DATA holds videos/*.mp4, gt/ and score.py. Every clip goes through `sealcap run --max-speed`; the poses are
rewritten under the scorer's key `joints`, and the scorer prints its table (and OUT.json beside OUT). With
--tell-pitch every clip is given its camera's pitch: 19 degrees for room, as its authors state, else that of
the mean direction ankles → shoulders of the truth; none where the truth has no legs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from lifting.camera import pitch_of_gravity
from realtime.cli import main as sealcap


def predict(video: Path, out: Path, options: list[str]) -> None:
    """Run one video through the pipeline and write it the way the scorer reads."""
    with tempfile.TemporaryDirectory() as folder:
        poses = Path(folder) / "poses.npz"
        code = sealcap(["run", str(video), "--max-speed", "--headless", "--poses-out", str(poses), *options])
        if code:
            raise SystemExit(code)
        with np.load(poses) as table:
            rows = {key: table[key] for key in ("joint_names", "frame_index")}
            np.savez(out, joints=table["joints_cam"], **rows)


def told_pitch(truth: Path) -> list[str]:
    """The option that tells the pitch of a clip's camera, or nothing where it is not known."""
    if truth.stem.startswith("room"):
        return ["--camera-pitch", "19"]
    with np.load(truth) as table:
        names, joints, valid = table["joint_names"].tolist(), table["joints_cam"], table["valid"]
    if "left_ankle" not in names:
        return []
    low, high = ([names.index(f"{s}_{part}") for s in ("left", "right")] for part in ("ankle", "shoulder"))
    standing = joints[valid[:, low + high].all(axis=1)]
    up = (standing[:, high].mean(axis=1) - standing[:, low].mean(axis=1)).mean(axis=0)
    return ["--camera-pitch", f"{pitch_of_gravity(-up / np.linalg.norm(up)):.1f}"]


def main() -> None:
    """Predict, then score."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--raw", action="store_true", help="the network's own output, unsmoothed")
    parser.add_argument("--tell-pitch", action="store_true", help="give each clip its camera's pitch")
    parser.add_argument("--clips", help="comma separated; all of them if left out")
    parser.add_argument("--config", default="live")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    options = ["--config", args.config, *(["--poses-stage", "raw"] if args.raw else [])]
    names = args.clips.split(",") if args.clips else sorted(p.stem for p in (args.data / "gt").glob("*.npz"))
    for name in names:
        told = told_pitch(args.data / "gt" / f"{name}.npz") if args.tell_pitch else []
        predict(args.data / "videos" / f"{name}.mp4", args.out / f"{name}.npz", options + told)
    scorer = [sys.executable, str(args.data / "score.py"), str(args.out), "--json", f"{args.out}.json"]
    subprocess.run([*scorer, "--clips", ",".join(names)], check=True)


if __name__ == "__main__":
    main()
