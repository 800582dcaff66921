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
from lifting.calibration import Calibration
from lifting.camera_estimate import CameraEstimate
from lifting.skeleton import SEALCAP26
from realtime.build import open_camera

Truth = dict[str, Any]
Row = tuple[float, float, float, float, float]
"""Distance m; mean error cm, in % of it, signed % along the axis, cm after one scale."""
BROWN = 5
"""Coefficients of the lens model; files that have fewer leave out the last ones."""


def nothing_told(_: Truth, size: tuple[int, int]) -> CameraEstimate:
    """As `sealcap run` starts: 60° are assumed."""
    return open_camera(settings().camera, None, *size)


def fov_told(truth: Truth, size: tuple[int, int]) -> CameraEstimate:
    """`--fov`, the angle of the true focal length."""
    half = 0.5 * max(size) / float(truth["K"][0, 0])
    return open_camera(settings(fov=2.0 * math.degrees(math.atan(half))).camera, None, *size)


def calibrated(truth: Truth, size: tuple[int, int]) -> CameraEstimate:
    """`--calibration`: the true lens with its distortion."""
    bend = truth["dist"].ravel().tolist()
    calibration = Calibration(
        image_size=size,
        camera_matrix=truth["K"].tolist(),
        distortion=(*bend, *[0.0] * (BROWN - len(bend))),
    )
    return open_camera(settings().camera, None, *size, calibration)


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
    groups: dict[str, list[dict[str, Row]]] = {}
    for file in sorted((data / "gt").glob("*.npz")):
        track = tracks(data / "videos" / f"{file.stem}.mp4", cache)
        groups.setdefault(group_of(file.stem), []).append(_errors(file, track))
    for group, clips in groups.items():
        for told in TOLD:
            away, *errors = np.mean([clip[told] for clip in clips], axis=0).tolist()
            section.add(group, away, told, *errors)
    return section


def _errors(file: Path, track: Track) -> dict[str, Row]:
    """Of one clip, by what was told."""
    with np.load(file) as table:
        truth = {key: table[key] for key in ("joints_cam", "valid", "joint_names", "K", "dist", "root")}
    where = "hip" if str(truth["root"]) == "hips" else "shoulder"
    pair = (f"left_{where}", f"right_{where}")
    columns = [truth["joint_names"].tolist().index(name) for name in pair]
    roots = truth["joints_cam"][:, columns].mean(axis=1)
    valid = truth["valid"][:, columns].all(axis=1)
    out = {}
    for told, camera in TOLD.items():
        poses = solve(track, settings(), camera(truth, track[0]))
        judged = [(index, pose) for index, _, pose in poses if index < len(valid) and valid[index]]
        middles = [pose.joints_cam[SEALCAP26.indices(*pair)].mean(axis=0) for _, pose in judged]
        found = np.array([pose.root_cam for _, pose in judged], np.float64) + np.array(middles)
        out[told] = summary(roots[[index for index, _ in judged]], found)
    return out


def summary(true: Floats, found: Floats) -> Row:
    """True and found roots (T,3) in camera axes, metres."""
    away, wrong = np.linalg.norm(true, axis=1), found - true
    off = np.linalg.norm(wrong, axis=1)
    scaled = found * np.median(true[:, 2] / found[:, 2])
    return (
        float(away.mean()),
        100 * float(off.mean()),
        100 * float((off / away).mean()),
        100 * float((wrong[:, 2] / true[:, 2]).mean()),
        100 * float(np.linalg.norm(scaled - true, axis=1).mean()),
    )
