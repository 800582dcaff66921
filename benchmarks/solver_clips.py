"""Judging the solver on real video: open clips with 3D truth, their 2D detected once and kept."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.solver_chain import settings, step
from benchmarks.solver_measures import fitted_roots
from benchmarks.solver_report import Check, Section
from benchmarks.solver_truth import BODY21_IN_26, Floats
from lifting.camera_estimate import CameraEstimate
from lifting.skeleton import SEALCAP26
from realtime.build import build_detector, build_people, build_source, open_camera, wanted_person
from realtime.config import RunConfig
from realtime.data import BodyPose, Keypoints
from realtime.tracking import Tracker
from training.structure_metrics import bone_variation, limb_symmetry_error

SETTLED_S = 3.0
Track = tuple[tuple[int, int], list[tuple[int, int, list[Keypoints]]]]
"""(width, height), and per frame: index, capture_time_ns, keypoints."""


def tracks(video: Path, cache: Path) -> Track:
    """2D of a clip, from the cache or by detecting and tracking it now with the live settings."""
    file = cache / f"{video.stem}.npz"
    if not file.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        _detect(video, file)
    with np.load(file) as z:
        frames: list[tuple[int, int, list[Keypoints]]] = [
            (int(i), int(t), []) for i, t in zip(z["index"], z["time_ns"], strict=True)
        ]
        columns = (z[k] for k in ("row", "person", "points", "confidence", "box", "restarted"))
        for row, person, points, confidence, box, restarted in zip(*columns, strict=True):
            parts = (x.astype(np.float32) for x in (points, confidence, box))
            frames[row][2].append(Keypoints(int(person), *parts, bool(restarted)))
        width, height = map(int, z["size"])
    return (width, height), frames


def _detect(video: Path, file: Path) -> None:
    config = settings().model_copy(update={"source": str(video), "max_speed": True})
    tracker = Tracker(build_detector(config.detector), people=1, person=wanted_person(config))
    source, size, rows = build_source(config), (0, 0), []
    for frame in source.frames():
        size = frame.size
        rows.append((frame.index, frame.capture_time_ns, tracker.update(frame)))
    source.close()
    seen = [(i, k) for i, row in enumerate(rows) for k in row[2]]
    np.savez(
        file,
        size=np.array(size),
        index=np.array([r[0] for r in rows]),
        time_ns=np.array([r[1] for r in rows]),
        row=np.array([i for i, _ in seen]),
        person=np.array([k.person_id for _, k in seen]),
        points=np.array([k.points_px for _, k in seen]),
        confidence=np.array([k.confidence for _, k in seen]),
        box=np.array([k.box for _, k in seen]),
        restarted=np.array([k.restarted for _, k in seen]),
    )


def solve(
    track: Track, config: RunConfig, camera: CameraEstimate | None = None
) -> list[tuple[int, int, BodyPose]]:
    """(frame index, capture_time_ns, first person's pose) of a clip; a camera of which more is known."""
    camera = camera or open_camera(config.camera, config.person.height, *track[0])
    people, out = build_people(config), []
    for index, now, keypoints in track[1]:
        poses, _ = step(people, keypoints, camera, now)
        if poses:
            out.append((index, now, poses[0]))
    return out


def in_the_room(track: Track, config: RunConfig) -> tuple[float, dict[str, tuple[Floats, Floats]]]:
    """Frames per second, and of `raw` and `solved` the joints (T,26,3) in camera axes and in the world.

    Raw joints are put where they fit the 2D best, frame by frame, with what is known of the camera then.
    """
    camera = open_camera(config.camera, config.person.height, *track[0])
    people, times, raw, solved = build_people(config), [], [], []
    for _, now, keypoints in track[1]:
        poses, _ = step(people, keypoints, camera, now)
        if not poses or not keypoints:
            continue
        joints = poses[0].raw_joints_cam.astype(np.float64)
        rays = camera.intrinsics.rays(keypoints[0].points_px).astype(np.float64)
        root = fitted_roots(joints[None, BODY21_IN_26], rays[None], keypoints[0].confidence[None])
        raw.append((joints, camera.to_world(joints + root)))
        solved.append((poses[0].joints_cam, poses[0].joints_world))
        times.append(now)
    fps = 1e9 * (len(times) - 1) / (times[-1] - times[0])
    stages = {"raw": raw, "solved": solved}
    return fps, {k: (np.array([c for c, _ in v]), np.array([w for _, w in v])) for k, v in stages.items()}


def clips(data: Path, cache: Path) -> tuple[Section, Section]:
    """The scorer's measures, raw and solved, and how constant the bones are."""
    scorer = _scorer(data)
    score = Section(
        "Open clips, raw → solved",
        [
            "group",
            "MPJPE mm",
            "N-MPJPE",
            "C-MPJPE",
            "P-MPJPE",
            "direction °",
            "acceleration error m/s²",
            "lag ms",
        ],
        note="Mean over clips, then over groups, by the clips' own scorer; default settings: field of view, "
        "stature and tilt unknown. Every frame counts, from the first.",
    )
    bones = Section(
        "Open clips, bones",
        ["clip", "length variation %, whole clip", "after 3 s", "left/right %"],
        note="Standard deviation over mean of each bone's length (20 bones), mean over bones, of the solved "
        "joints.",
    )
    config, groups = settings(), {}  # type: ignore[var-annotated]
    variation, late, symmetry = [], [], []
    for truth in sorted((data / "gt").glob("*.npz")):
        poses = solve(tracks(data / "videos" / f"{truth.stem}.mp4", cache), config)
        raw, solved = (
            np.array([getattr(p, k) for _, _, p in poses], np.float64)
            for k in ("raw_joints_cam", "joints_cam")
        )
        group = group_of(truth.stem)
        index = np.array([i for i, _, _ in poses])
        row = [_score(scorer, truth, x, index) for x in (raw, solved)]
        groups.setdefault(group, []).append(row)
        times = np.array([t for _, t, _ in poses]) * 1e-9
        settled = solved[times - times[0] >= SETTLED_S]
        variation.append(100 * bone_variation(solved, SEALCAP26))
        late.append(100 * bone_variation(settled, SEALCAP26) if len(settled) > 1 else np.nan)
        symmetry.append(100 * limb_symmetry_error(solved, SEALCAP26))
        bones.add(truth.stem, variation[-1], late[-1], symmetry[-1])
    means = {g: _mean(rows) for g, rows in groups.items()}
    overall = _mean(list(means.values()))
    for name, (raw, solved) in [*means.items(), ("**all**", overall)]:
        score.add(
            name,
            *(f"{a:.1f} → {b:.1f}" if np.isfinite(a + b) else "-" for a, b in zip(raw, solved, strict=True)),
        )
    raw, solved = overall
    for i, what in enumerate(("MPJPE", "", "", "P-MPJPE", "direction error")):
        if what:
            unit = "°" if what.startswith("dir") else "mm"
            score.checks.append(
                Check(
                    f"open clips, solved {what} (raw as the limit)",
                    float(solved[i]),
                    round(float(raw[i]), 2),
                    unit,
                )
            )
    share = 100 * float(solved[5] / raw[5])
    score.checks.append(Check("open clips, acceleration error, solved of raw", share, 50.0, "%"))
    bones.checks.append(Check("open clips, bone length variation, mean", float(np.mean(variation)), 0.5, "%"))
    bones.checks.append(Check("open clips, left/right difference", float(np.max(symmetry)), 0.001, "%"))
    return score, bones


def group_of(clip: str) -> str:
    """Clips of one person and place have the name before its number in common."""
    return clip.rpartition("_")[0] if clip.startswith("room") else clip.split("_")[0]


def _mean(rows: list[Any]) -> Floats:
    """Over clips, of those in which the measure has a value."""
    values = np.array(rows, np.float64)
    count = np.isfinite(values).sum(axis=0)
    return np.where(count > 0, np.nansum(values, axis=0) / np.maximum(count, 1), np.nan)


_KEYS = (
    "mpjpe", "n_mpjpe", "clip_aligned_mpjpe", "p_mpjpe", "bone_angle_deg", "accel_err", "lag_ms"
)  # fmt: skip


def _score(scorer: ModuleType, truth: Path, joints: Floats, index: Floats) -> list[float]:
    """Numbers in the order of _KEYS; the scorer wants a row for every frame of the truth."""
    gt = scorer.load_gt(truth)
    rows = np.full((len(gt["joints_cam"]), *joints.shape[1:]), np.nan)
    inside = index < len(rows)
    rows[index[inside]] = joints[inside]
    scores = scorer.score_clip(gt, list(SEALCAP26.joints), rows)[0]
    return [float(scores[key]) for key in _KEYS]


def _scorer(data: Path) -> ModuleType:
    """The scorer that lies beside the clips."""
    spec = importlib.util.spec_from_file_location("open_clips_score", data / "score.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"{data} holds no score.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
