"""How far away people are on real video: the absolute root against truth, by what was told of the camera."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.solver_chain import settings
from benchmarks.solver_clips import Track, group_of, solve, tracks
from benchmarks.solver_report import Section
from benchmarks.solver_truth import Floats
from lifting.camera import Intrinsics
from lifting.camera_estimate import CameraEstimate
from lifting.lens import Lens
from lifting.skeleton import SEALCAP26

Truth = dict[str, Any]
BROWN = 5
"""Coefficients of the lens model; files that have fewer leave out the last ones."""


def nothing_told(_: Truth, size: tuple[int, int]) -> CameraEstimate:
    """As `sealcap run` starts: 60° are assumed."""
    return CameraEstimate(Intrinsics.from_fov(*size))


def fov_told(truth: Truth, size: tuple[int, int]) -> CameraEstimate:
    """`--fov`, the angle of the true focal length."""
    half = 0.5 * max(size) / float(truth["K"][0, 0])
    return CameraEstimate(Intrinsics.from_fov(*size, 2.0 * math.degrees(math.atan(half))), fov_given=True)


def calibrated(truth: Truth, size: tuple[int, int]) -> CameraEstimate:
    """`--calibration`: the true lens with its distortion."""
    (fx, _, cx), (_, fy, cy), _ = truth["K"].tolist()
    bend = truth["dist"].ravel().tolist()
    lens = Lens("brown", (*bend, *[0.0] * (BROWN - len(bend))))
    return CameraEstimate(Intrinsics(fx, fy, cx, cy, *size, lens), fov_given=True)


TOLD: dict[str, Callable[[Truth, tuple[int, int]], CameraEstimate]] = {
    "nothing": nothing_told,
    "field of view": fov_told,
    "calibration": calibrated,
}


def distance(data: Path, cache: Path) -> Section:
    """Errors of the root in camera axes, mean over the clips of a group."""
    section = Section(
        "Open clips, distance",
        ["group", "distance m", "told", "error cm", "share of distance %", "too far %", "after one scale cm"],
        note="Middle of the hips (desk: shoulders) before the camera, every frame from the first; stature "
        "never told. Too far: mean signed error along the optical axis. After one scale: with the clip's "
        "distances multiplied by one factor, which leaves what wanders.",
    )
    groups: dict[str, list[Path]] = {}
    for file in sorted((data / "gt").glob("*.npz")):
        groups.setdefault(group_of(file.stem), []).append(file)
    for group, files in groups.items():
        for told, camera in TOLD.items():
            rows = [
                _errors(file, tracks(data / "videos" / f"{file.stem}.mp4", cache), camera) for file in files
            ]
            away, *errors = np.mean(rows, axis=0).tolist()
            section.add(group, away, told, *errors)
    return section


def _errors(
    file: Path, track: Track, camera: Callable[[Truth, tuple[int, int]], CameraEstimate]
) -> tuple[float, float, float, float, float]:
    """Distance m; mean error cm, in % of it, signed % along the axis, cm after one scale."""
    with np.load(file) as table:
        truth = {key: table[key] for key in ("joints_cam", "valid", "joint_names", "K", "dist", "root")}
    where = "hip" if str(truth["root"]) == "hips" else "shoulder"
    pair = (f"left_{where}", f"right_{where}")
    columns = [truth["joint_names"].tolist().index(name) for name in pair]
    true, found = [], []
    for index, _, pose in solve(track, settings(), camera(truth, track[0])):
        if index < len(truth["valid"]) and truth["valid"][index, columns].all():
            true.append(truth["joints_cam"][index, columns].mean(axis=0))
            joints = pose.joints_cam[SEALCAP26.indices(*pair)].mean(axis=0)
            found.append(joints.astype(np.float64) + pose.root_cam)
    return summary(np.array(true), np.array(found))


def summary(true: Floats, found: Floats) -> tuple[float, float, float, float, float]:
    """True and found roots (T,3) in camera axes, metres → what `_errors` returns."""
    away = np.linalg.norm(true, axis=1)
    off = np.linalg.norm(found - true, axis=1)
    scaled = found * np.median(true[:, 2] / found[:, 2])
    return (
        float(away.mean()),
        100 * float(off.mean()),
        100 * float((off / away).mean()),
        100 * float(((found - true)[:, 2] / true[:, 2]).mean()),
        100 * float(np.linalg.norm(scaled - true, axis=1).mean()),
    )
