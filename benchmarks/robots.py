"""How well robots follow: tracking errors, limits, self-collision and time, over a motion corpus.

    python benchmarks/robots.py --motion DIR [--robots g1 talos panda] [--clips N] [--out FILE.json]

Errors are against the targets scaled to the robot (hands from its own shoulders, feet and pelvis on its own
floor), all frames counted, also those in which a limit forbids the target. Self-collision is judged on the
convex hulls of the robot's own meshes where they are there, not on the capsules the retargeting looks after.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import mujoco
import numpy as np
from numpy.typing import NDArray

from benchmarks.robot_motion import Clip, corpus_clips, synthetic
from realtime.retarget.retargeter import Retargeter
from realtime.retarget.robot_file import RobotFile, load_robot
from realtime.retarget.robot_model import RobotModel, load_model
from realtime.retarget.targets import Targets

Floats = NDArray[np.float64]

EVERY = 3
"""Collisions of meshes are looked at in every third frame."""
GROUPS = {"wrist": "hands", "tool": "hands", "ankle": "feet", "pelvis": "pelvis", "elbow": "elbows"}


class Collisions:
    """Deepest contact between links of the robot's own meshes that do not already overlap at home."""

    def __init__(self, file: RobotFile) -> None:
        robot = load_model(file, meshes=True)
        model = robot.model
        floor = [g for g in range(model.ngeom) if model.geom_bodyid[g] == 0]
        ours = [model.geom(name).id for name in file.capsules]
        for geom in [*floor, *ours]:
            model.geom_contype[geom] = model.geom_conaffinity[geom] = 0
        self._model, self._data = model, mujoco.MjData(model)
        self._usual: set[tuple[int, int]] = set()
        for qpos in (robot.full_qpos(robot.home), np.array(model.qpos0)):
            self._usual |= set(self._pairs(qpos))

    def deepest_m(self, qpos: Floats) -> tuple[float, str]:
        """Metres, and between which links."""
        found = {k: v for k, v in self._pairs(qpos).items() if k not in self._usual}
        if not found:
            return 0.0, ""
        pair = max(found, key=lambda k: found[k])
        return found[pair], " - ".join(self._model.body(b).name for b in pair)

    def _pairs(self, qpos: Floats) -> dict[tuple[int, int], float]:
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_collision(self._model, self._data)
        out: dict[tuple[int, int], float] = {}
        for contact in self._data.contact:
            a, b = sorted(int(self._model.geom_bodyid[g]) for g in contact.geom)
            out[a, b] = max(out.get((a, b), 0.0), -float(contact.dist))
        return out


class Judge:
    """Gathers what happens to one robot."""

    def __init__(self, robot: RobotModel, file: RobotFile) -> None:
        self._robot, self._data = robot, mujoco.MjData(robot.model)
        self._collisions = Collisions(file)
        self.errors_m: dict[str, list[float]] = {}
        self.ms: list[float] = []
        self.over_limit = self.over_speed = 0.0
        self.depths: list[tuple[float, str]] = []

    def look(self, qpos: Floats, targets: Targets, frame: int) -> None:
        """Note the errors of one frame."""
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self._robot.model, self._data)
        at = {p: self._data.site(p).xpos for p in {*targets.points, *(e for s in targets.spans for e in s)}}
        for place, point in targets.points.items():
            self._note(place, at[place] - point)
        for (start, end), span in targets.spans.items():
            self._note(end, at[end] - at[start] - span)
        limits, position = self._robot.limits, qpos[self._robot.qpos]
        self.over_limit = max(
            self.over_limit, float(np.maximum(limits.lower - position, position - limits.upper).max())
        )
        if frame % EVERY == 0:
            self.depths.append(self._collisions.deepest_m(qpos))

    def _note(self, place: str, error: Floats) -> None:
        group = GROUPS.get(place.removeprefix("left_").removeprefix("right_"))
        if group is not None:
            self.errors_m.setdefault(group, []).append(float(np.linalg.norm(error)))

    def report(self) -> dict[str, Any]:
        """Numbers of the table."""
        out: dict[str, Any] = {}
        for group, values in self.errors_m.items():
            median, p95 = np.percentile(values, [50, 95])
            out |= {f"{group} median cm": round(100 * median, 2), f"{group} p95 cm": round(100 * p95, 1)}
        depths = np.array([depth for depth, _ in self.depths])
        p50, p99 = np.percentile(self.ms, [50, 99])
        return out | {
            "over position limits": round(self.over_limit, 9),
            "over velocity limits %": round(100 * max(self.over_speed, 0.0), 6),
            "collision deepest cm": round(100 * float(depths.max()), 2),
            "collision at": max(self.depths)[1],
            "frames deeper than 1 cm %": round(100 * float((depths > 0.01).mean()), 2),
            "ms p50": round(p50, 2), "ms p99": round(p99, 2), "frames": len(self.ms),
        }  # fmt: skip


def follow(robot: RobotModel, file: RobotFile, clip: Clip, judge: Judge) -> None:
    """One clip, from its first frame."""
    retargeter, before = Retargeter(robot, file), None
    for frame, pose in enumerate(clip.poses()):
        begin = time.thread_time()
        answer = retargeter.retarget(pose, 0, 1 / clip.fps, frame)
        if frame:
            judge.ms.append(1e3 * (time.thread_time() - begin))
        if before is not None:
            speed = np.abs(answer.position - before) * clip.fps / robot.limits.velocity
            judge.over_speed = max(judge.over_speed, float(speed.max()) - 1.0)
        before = answer.position
        assert retargeter.targets is not None
        judge.look(retargeter.qpos, retargeter.targets, frame)


def judge_robot(name: str, clips: Sequence[Clip], *, worst: int = 0) -> dict[str, Any]:
    """All clips on one robot; `worst` clips with the deepest collisions are printed."""
    file = load_robot(name)
    robot = load_model(file)
    judge, rows = Judge(robot, file), []
    for clip in clips:
        first = len(judge.depths)
        follow(robot, file, clip, judge)
        depth, pair = max(judge.depths[first:])
        rows.append((depth, clip.name, judge.depths[first:].index((depth, pair)) * EVERY, pair))
    for depth, clip_name, frame, pair in sorted(rows, reverse=True)[:worst]:
        print(f"  {name}: {100 * depth:.1f} cm in {clip_name} frame {frame}: {pair}")
    return judge.report()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--motion", type=Path, help="folder of a motion corpus (docs/data.md)")
    parser.add_argument("--robots", nargs="+", default=["g1", "talos", "panda"])
    parser.add_argument("--clips", type=int, default=0, help="only so many clips; 0 = all")
    parser.add_argument("--worst", type=int, default=0, help="print the clips with the deepest collisions")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    clips = [synthetic()]
    if args.motion is not None:
        found = corpus_clips(args.motion)
        clips += found[:: max(1, len(found) // args.clips)] if args.clips else found
    results = {name: judge_robot(name, clips, worst=args.worst) for name in args.robots}
    text = json.dumps(results, indent=1)
    print(text)
    if args.out is not None:
        args.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
