"""How good a lifter is: on synthetic observations of unseen people, and on real 2D detections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lifting.camera import DEFAULT_FOV_DEG, Intrinsics
from lifting.errors import DataError
from lifting.lifter import Lifter
from lifting.models.ray_lifter import RayLifter
from lifting.skeleton import BODY21, SEALCAP26, Skeleton
from lifting.window import TimeWindow
from training import metrics
from training import structure_metrics as structure
from training.batches import BatchMaker, Windows, from_hips, seeded
from training.config import TrainingConfig
from training.corpus import Corpus
from training.plain_npz import read_arrays
from training.segments import below_root

SEQUENCES = 200
SEQUENCE_FRAMES = 24
_FRAMES_AT_ONCE = 16384
"""Windows × frames in one call of the network, which bounds its memory."""

Floats = NDArray[np.float64]


def evaluate_synthetic(
    lifter: RayLifter, corpus: Corpus, config: TrainingConfig, seed: int = 7
) -> dict[str, float]:
    """Errors on `SEQUENCES` short sequences of `corpus`, filmed and observed as `config` says.

    The means of `sequence_errors`; the sequences are the same for the same seed.
    """
    made = BatchMaker(corpus, config).windows(SEQUENCES, lifter.window + SEQUENCE_FRAMES - 1, seeded(seed, 0))
    predicted, truth = lift_windows(lifter, made)
    errors = sequence_errors(predicted, truth, lifter.skeleton, corpus.fps)
    return {name: float(values.mean()) for name, values in errors.items()}


def lift_windows(lifter: RayLifter, made: Windows) -> tuple[Floats, Floats]:
    """Slide the lifter's window along sequences of L frames: predictions and truth, both (S,F,26,3).

    F = L − window + 1; metres, camera axes, relative to mid-hip. The truth is that of the newest frame which
    the lifter answers. Raises ValueError when the sequences are shorter than a window.
    """
    window, length = lifter.window, made.keypoints.shape[1]
    if length < window:
        raise ValueError(f"sequences must be at least as long as a window of {window} frames, got {length}")
    slides = made.keypoints.unfold(1, window, 1).permute(0, 1, 4, 2, 3)  # (S,F,T,21,3)
    count = slides.shape[1]
    at_once = max(1, _FRAMES_AT_ONCE // (window * count))
    with torch.no_grad():
        parts = [
            _lift(lifter, slides[i : i + at_once], made.gravity[i : i + at_once])
            for i in range(0, len(slides), at_once)
        ]
    answered = made.joints_cam[:, lifter.frames[-1] :][:, :count]
    truth = from_hips(answered.flatten(0, 1)).unflatten(0, answered.shape[:2])
    return torch.cat(parts).double().numpy(), truth.double().numpy()


def _lift(lifter: RayLifter, slides: Tensor, gravity: Tensor) -> Tensor:
    """(S,F,T,21,3) and (S,4) -> (S,F,26,3) on the CPU."""
    device = lifter.centre_weight.device
    told = gravity[:, None].expand(-1, slides.shape[1], -1).flatten(0, 1)
    joints = lifter(slides.flatten(0, 1).to(device), told.to(device))
    answers: Tensor = joints.cpu().unflatten(0, slides.shape[:2])
    return answers


def sequence_errors(predicted: Floats, truth: Floats, skeleton: Skeleton, fps: float) -> dict[str, Floats]:
    """Every measure of each sequence (S,F,J,3), metres: name -> (S,) values, for paired statistics.

    Names end in their unit: _m metres, _mps m/s, _mps2 m/s², _deg degrees; those without are shares 0..1. The
    root is left out of distances, being the origin. Raises ValueError for other shapes, fewer than three
    frames, and coordinates that are not finite.
    """
    if predicted.shape != truth.shape or predicted.ndim != 4 or not len(predicted):
        raise ValueError(f"sequences must both be (S,F,J,3), got {predicted.shape} and {truth.shape}")
    rows = [_errors(p, t, skeleton, fps) for p, t in zip(predicted, truth, strict=True)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _errors(p: Floats, t: Floats, skeleton: Skeleton, fps: float) -> dict[str, float]:
    """Every measure of one sequence (F,J,3)."""
    below = list(below_root(skeleton))
    joints = p[:, below], t[:, below]
    return {
        "mpjpe_m": metrics.mpjpe(*joints),
        "p_mpjpe_m": metrics.p_mpjpe(*joints),
        "n_mpjpe_m": metrics.n_mpjpe(*joints),
        "mpjve_mps": metrics.mpjve(*joints, fps),
        "acceleration_error_mps2": metrics.acceleration_error(*joints, fps),
        "pck150": metrics.pck(*joints),
        "auc": metrics.auc(*joints),
        "lse": structure.limb_symmetry_error(p, skeleton),
        "bsle": structure.body_segment_length_error(p, t, skeleton),
        "lle": structure.limb_length_error(p, t, skeleton),
        "mpsse_m": structure.mpsse(p, skeleton),
        "mpsce_m": structure.mpsce(p, skeleton),
        "bone_angle_deg": structure.bone_direction_error_deg(p, t, skeleton),
        "depth_order": metrics.depth_order_accuracy(*joints),
        "bone_variation": structure.bone_variation(p, skeleton),
    }


def lift_detections(
    lifter: Lifter,
    detections: dict[str, NDArray[Any]],
    fov_deg: float,
    gravity_cam: NDArray[np.float64] | None,
) -> NDArray[np.float32]:
    """One clip's 2D detections to poses (N,26,3), each from frames up to its own; NaN where nobody was found.

    `detections` as `load_detections` returns them.
    """
    width, height = (int(v) for v in detections["size"])
    camera = Intrinsics.from_fov(width, height, fov_deg)
    window = TimeWindow(lifter.window_length, lifter.fps, len(BODY21))
    gravity = None if gravity_cam is None else gravity_cam[None]
    poses = np.full((len(detections["points_px"]), len(SEALCAP26), 3), np.nan, np.float32)
    for i, found in enumerate(detections["found"]):
        if found:
            rays = camera.rays(detections["points_px"][i])
            window.add(int(detections["capture_time_ns"][i]), rays, detections["confidence"][i])
            poses[i] = lifter.lift(window.sample()[None], gravity)[0]
    return poses


def load_detections(path: Path) -> dict[str, NDArray[Any]]:
    """Read `points_px` (N,21,2), `confidence` (N,21), `capture_time_ns` (N), `size` (w,h), `found` (N).

    Raises DataError when an array is missing or has another shape.
    """
    shapes = {"points_px": (len(BODY21), 2), "confidence": (len(BODY21),), "capture_time_ns": (), "found": ()}
    try:
        arrays = read_arrays(path, (*shapes, "size"))
    except (ValueError, KeyError) as error:
        raise DataError(f"{path} holds no 2D detections: {error}.") from error
    points = arrays["points_px"]
    count = len(points) if points.ndim else 0
    for name, shape in shapes.items():
        if arrays[name].shape != (count, *shape):
            raise DataError(f"{path}: {name} must be {(count, *shape)}, got {arrays[name].shape}.")
    return arrays


def lift_folder(
    lifter: Lifter,
    detections: Path,
    out: Path,
    *,
    fov_deg: float = DEFAULT_FOV_DEG,
    gravity_cam: NDArray[np.float64] | None = None,
) -> list[str]:
    """Lift every `detections/*.npz` into `out/*.npz` (joints, joint_names, frame_index); returns the clips.

    Raises DataError when there is nothing to lift.
    """
    clips = sorted(detections.glob("*.npz"))
    if not clips:
        raise DataError(f"There are no .npz files with 2D detections in {detections}.")
    out.mkdir(parents=True, exist_ok=True)
    for clip in clips:
        poses = lift_detections(lifter, load_detections(clip), fov_deg, gravity_cam)
        names, index = np.array(SEALCAP26.joints), np.arange(len(poses))
        np.savez_compressed(out / clip.name, joints=poses, joint_names=names, frame_index=index)
    return [clip.stem for clip in clips]
