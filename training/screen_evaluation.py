"""Errors of a lifter on a benchmark's sequences, under the benchmarks' own conventions.

Distances are means over all joints, the root (whose error is 0) included, and over valid frames, as in
published tables. Networks that answer one frame get a window around every frame; networks that answer all
frames of their window get each clip in consecutive pieces. Both repeat the first and last frame of a clip
beyond its ends, and average over the mirror image (`ScreenLifter`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from lifting.models.screen_lifter import ScreenLifter
from lifting.skeleton import Skeleton
from training import metrics, structure_metrics
from training.datasets.sequences import Sequences
from training.datasets.skeletons import WHOLEBODY133
from training.screen_batches import window_rows

FRAMES_AT_ONCE = 16384
"""Windows × frames per call of the network, which bounds its memory."""
Floats = NDArray[np.float64]


def evaluate_sequences(lifter: ScreenLifter, data: Sequences, limit: int | None = None) -> dict[str, float]:
    """Errors by name; _m are metres, _mps m/s, _deg degrees, others shares 0..1.

    `mpjpe_actions_m` is the mean of the actions' means, the headline of Human3.6M. Velocity errors come from
    clips that are valid throughout; they are left out where there is none. With `limit`, only as many clips,
    spread evenly, as have about that many frames.
    """
    chosen = _spread(data, limit)
    predicted = predict(lifter, data, chosen)
    rows = np.concatenate([_rows(data, clip) for clip in chosen])
    valid = data.valid[rows]
    truth = data.joints[rows].astype(np.float64)
    p, t = predicted[valid], truth[valid]
    if not len(p):
        raise ValueError("none of the chosen clips has a valid frame")
    skeleton = data.skeleton
    errors = {
        "mpjpe_m": metrics.mpjpe(p, t),
        "p_mpjpe_m": metrics.p_mpjpe(p, t),
        "n_mpjpe_m": metrics.n_mpjpe(p, t),
        "pck150": metrics.pck(p, t),
        "auc": metrics.auc(p, t),
        "lse": structure_metrics.limb_symmetry_error(p, skeleton),
        "bsle": structure_metrics.body_segment_length_error(p, t, skeleton),
        "lle": structure_metrics.limb_length_error(p, t, skeleton),
        "mpsse_m": structure_metrics.mpsse(p, skeleton),
        "bone_angle_deg": structure_metrics.bone_direction_error_deg(p, t, skeleton),
        "mpjpe_actions_m": _by_action(np.linalg.norm(p - t, axis=-1).mean(axis=1), data, chosen, valid),
    }
    return errors | _velocity(predicted, truth, data, chosen) | _parts(p, t, skeleton)


def predict(lifter: ScreenLifter, data: Sequences, clips: NDArray[np.int64]) -> Floats:
    """(F,J,3) an answer for every frame of the given clips, end to end."""
    device = next(lifter.parameters()).device
    answers = [np.zeros((int(data.frames[clip]), len(data.skeleton), 3)) for clip in clips]
    with torch.no_grad():
        for where, begin in _pieces(lifter, data, clips):
            rows = window_rows(data, clips[where], begin, lifter.window)
            keypoints = torch.from_numpy(data.keypoints[rows]).to(device)
            poses = lifter(keypoints).float().cpu().numpy()
            for i, clip, start in zip(range(len(where)), where, begin, strict=True):
                at = start - data.first[clips[clip]] + np.array(lifter.frames)
                inside = (at >= 0) & (at < data.frames[clips[clip]])
                answers[clip][at[inside]] = poses[i, inside]
    return np.concatenate(answers)


def _pieces(
    lifter: ScreenLifter, data: Sequences, clips: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """(place in `clips`, first row) of windows that answer every frame, some at once."""
    step, begins = len(lifter.frames), []
    for place, clip in enumerate(clips):
        first, last = int(data.first[clip]), int(data.first[clip] + data.frames[clip])
        begins += [(place, row - lifter.frames[0]) for row in range(first, last, step)]
    at_once = max(1, FRAMES_AT_ONCE // lifter.window)
    for i in range(0, len(begins), at_once):
        some = np.array(begins[i : i + at_once], np.int64)
        yield some[:, 0], some[:, 1]


def _spread(data: Sequences, limit: int | None) -> NDArray[np.int64]:
    every = 1 if limit is None else max(1, int(data.frames.sum()) // limit)
    return np.arange(0, len(data), every)


def _rows(data: Sequences, clip: int) -> NDArray[np.int64]:
    return np.arange(data.first[clip], data.first[clip] + data.frames[clip])


def _by_action(error: Floats, data: Sequences, clips: NDArray[np.int64], valid: NDArray[np.bool_]) -> float:
    """Mean over actions; the two takes of an action ("Walking", "Walking 1") are one."""
    names = np.repeat([data.action[clip].split(" ")[0] for clip in clips], data.frames[clips])[valid]
    _, action = np.unique(names, return_inverse=True)
    return float((np.bincount(action, error) / np.bincount(action)).mean())


def _velocity(
    predicted: Floats, truth: Floats, data: Sequences, clips: NDArray[np.int64]
) -> dict[str, float]:
    ends = np.cumsum(data.frames[clips])
    errors = []
    for clip, end in zip(clips, ends, strict=True):
        rows = slice(int(end - data.frames[clip]), int(end))
        if data.frames[clip] > 1 and data.valid[_rows(data, clip)].all():
            errors.append(metrics.mpjve(predicted[rows], truth[rows], float(data.fps[clip])))
    return {"mpjve_mps": float(np.mean(errors))} if errors else {}


def _parts(predicted: Floats, truth: Floats, skeleton: Skeleton) -> dict[str, float]:
    """H3WB's table: body, face and hands relative to the hips; face to the nose, hands to their wrists."""
    if skeleton != WHOLEBODY133:
        return {}
    difference = predicted - truth
    body, face, hands = slice(0, 23), slice(23, 91), slice(91, 133)
    from_nose = difference[:, face] - difference[:, :1]
    from_wrists = [difference[:, i : i + 21] - difference[:, i : i + 1] for i in (91, 112)]
    groups = {
        "body": difference[:, body],
        "face": difference[:, face],
        "face_from_nose": from_nose,
        "hands": difference[:, hands],
        "hands_from_wrist": np.concatenate(from_wrists, axis=1),
    }
    return {f"mpjpe_{name}_m": float(np.linalg.norm(d, axis=-1).mean()) for name, d in groups.items()}
