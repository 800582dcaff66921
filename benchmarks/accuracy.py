"""Score the whole live chain on real videos with 3D truth.

    python benchmarks/accuracy.py DATA --out PREDICTIONS [--raw] [--pitch 19] [--clips room_p0_20,room_p0_21]

DATA holds videos/*.mp4, gt/ and score.py. Every clip goes through `sealcap run --max-speed`; the poses are
rewritten under the scorer's key `joints`, and the scorer prints its table (and OUT.json beside OUT).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

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


def main() -> None:
    """Predict, then score."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--raw", action="store_true", help="the network's own output, unsmoothed")
    parser.add_argument("--pitch", type=float, help="degrees the camera looks down")
    parser.add_argument("--clips", help="comma separated; all of them if left out")
    parser.add_argument("--config", default="live")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    options = ["--config", args.config, *(["--poses-stage", "raw"] if args.raw else [])]
    options += ["--camera-pitch", str(args.pitch)] if args.pitch is not None else []
    names = args.clips.split(",") if args.clips else sorted(p.stem for p in (args.data / "gt").glob("*.npz"))
    for name in names:
        predict(args.data / "videos" / f"{name}.mp4", args.out / f"{name}.npz", options)
    scorer = [sys.executable, str(args.data / "score.py"), str(args.out), "--json", f"{args.out}.json"]
    subprocess.run([*scorer, "--clips", ",".join(names)], check=True)


if __name__ == "__main__":
    main()
