"""How good a lifter is: on synthetic observations of unseen people, and on real 2D detections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lifting.camera import DEFAULT_FOV_DEG, Intrinsics
from lifting.errors import DataError
from lifting.lifter import Lifter
from lifting.models.ray_lifter import RayLifter
from lifting.skeleton import BODY21, SEALCAP26
from lifting.window import TimeWindow
from training import metrics
from training.batches import BatchMaker, from_hips, seeded
from training.config import TrainingConfig
from training.corpus import Corpus

SEQUENCES = 200
SEQUENCE_FRAMES = 24
_SEGMENTS = [SEALCAP26.edges[i] for i in range(len(SEALCAP26.edges)) if "eye" not in SEALCAP26.joints[i + 1]]


def evaluate_synthetic(
    lifter: RayLifter, corpus: Corpus, config: TrainingConfig, seed: int = 7
) -> dict[str, float]:
    """Errors on `SEQUENCES` short sequences of `corpus`, filmed and observed as `config` says.

    Lengths end in _m (metres), accelerations in _mps2; the sequences are the same for the same seed.
    """
    window = config.model.window
    made = BatchMaker(corpus, config).windows(SEQUENCES, window + SEQUENCE_FRAMES - 1, seeded(seed, 0))
    slides = made.keypoints.unfold(1, window, 1).permute(0, 1, 4, 2, 3)  # (S,F,T,21,3)
    gravity = made.gravity[:, None].expand(-1, slides.shape[1], -1)
    with torch.no_grad():
        joints = lifter(slides.flatten(0, 1), gravity.flatten(0, 1)).unflatten(0, slides.shape[:2])
    truth = from_hips(made.joints_cam[:, window - 1 :].flatten(0, 1)).unflatten(0, joints.shape[:2])
    predicted, exact = joints.numpy()[:, :, 1:], truth.numpy()[:, :, 1:]
    flat, flat_exact = predicted.reshape(-1, *predicted.shape[2:]), exact.reshape(-1, *exact.shape[2:])
    pairs = list(zip(predicted, exact, strict=True))
    return {
        "mpjpe_m": metrics.mpjpe(flat, flat_exact),
        "p_mpjpe_m": metrics.p_mpjpe(flat, flat_exact),
        "n_mpjpe_m": metrics.n_mpjpe(flat, flat_exact),
        "pck150": metrics.pck(flat, flat_exact),
        "acceleration_error_mps2": float(
            np.mean([metrics.acceleration_error(p, t, corpus.fps) for p, t in pairs])
        ),
        "bone_variation": float(np.mean([metrics.bone_variation(p, _SEGMENTS) for p in joints.numpy()])),
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
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in (*shapes, "size")}
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} holds no 2D detections: {error}.") from error
    count = len(arrays["points_px"])
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
