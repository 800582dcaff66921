"""Human3.6M in the files of VideoPose3D, made plain by `sealcap data unpack`.

    data_3d_h36m.npz               positions_3d/SUBJECT/ACTION           (F,32,3) or (F,17,3) metres, world
    data_2d_h36m_gt.npz            positions_2d/SUBJECT/ACTION/CAMERA    (F,17,2) pixels: projected truth
    data_2d_h36m_cpn_ft_h36m_dbb.npz   the same from cascaded pyramid networks fine-tuned on it
    data_2d_h36m_sh_ft_h36m.npz    the same from fine-tuned stacked hourglasses, (F,16,2): no neck

50 frames per second, four cameras in the order of `human36m_cameras.LENSES`. Published results train on S1,
S5, S6, S7 and S8 (here: split `trainval`) and test on S9 and S11. To choose anything, hold S8 out: `train`,
`val`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lifting.errors import DataError
from lifting.skeleton import H36M17
from training.datasets.archive import PlainArchive, open_plain
from training.datasets.human36m_cameras import LENSES, to_camera
from training.datasets.sequences import Clip, Sequences, join, normalise_screen, with_confidence

SPLITS = {
    "train": ("S1", "S5", "S6", "S7"),
    "val": ("S8",),
    "trainval": ("S1", "S5", "S6", "S7", "S8"),
    "test": ("S9", "S11"),
}
TRUTH = "data_3d_h36m.npz"
DETECTIONS = {
    "gt": "data_2d_h36m_gt.npz",
    "cpn": "data_2d_h36m_cpn_ft_h36m_dbb.npz",
    "sh": "data_2d_h36m_sh_ft_h36m.npz",
}
FPS = 50.0

FROM_32 = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]
"""H36M17 joint i is joint [i] of the 32 that were captured; the others are copies or end points."""

_HOURGLASS16 = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
    "pelvis", "spine", "thorax", "head",
    "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
)  # fmt: skip
"""Joints of the hourglass files, as 3d-pose-baseline reads them."""


def load_human36m(folder: Path, split: str, detections: str = "gt") -> Sequences:
    """Every clip of a split with the 2D input `detections`: gt, cpn or sh.

    Raises DataError when a file, subject or action is missing or has wrong shapes, units or NaN.
    """
    if detections not in DETECTIONS:
        raise DataError(f"Human3.6M has no 2D input {detections!r}; choose one of {', '.join(DETECTIONS)}.")
    where = folder / DETECTIONS[detections]
    with open_plain(folder / TRUTH, "positions_3d") as truth, open_plain(where, "positions_2d") as seen:
        clips = (clip for subject in SPLITS[split] for clip in subject_clips(truth, seen, subject))
        return join(clips, H36M17, split, str(where))


def subject_clips(truth: PlainArchive, seen: PlainArchive, subject: str) -> Iterator[Clip]:
    """The clips of one subject: every action, four cameras each."""
    actions = truth.below(f"positions_3d/{subject}")
    if not actions:
        there = ", ".join(truth.below("positions_3d"))
        raise DataError(
            f"{truth.path} has no subject {subject}; it has {there}. Prepare it with all of them."
        )
    for action in actions:
        world = body17(truth, f"positions_3d/{subject}/{action}")
        for camera, lens in enumerate(LENSES):
            pixels = keypoints17(seen, f"positions_2d/{subject}/{action}/{camera}")
            if len(pixels) < len(world):
                raise DataError(
                    f"{seen.path}: {subject} {action}, camera {camera} has {len(pixels)} frames, the 3D file "
                    f"{len(world)}; the 2D file must have at least as many."
                )
            pixels = pixels[: len(world)]
            pixels[..., :2] = normalise_screen(pixels[..., :2], lens.width, lens.height)
            pixels[..., :2] *= pixels[..., 2:] > 0
            everywhere = np.ones(len(world), np.bool_)
            joints = to_camera(world, subject, camera)
            yield Clip(subject, action, lens.name, FPS, pixels, joints, everywhere)


def body17(truth: PlainArchive, name: str) -> NDArray[np.float32]:
    """(F,17,3) metres, world axes."""
    joints = truth.array(name)
    if joints.ndim == 3 and joints.shape[1] == 32:
        return truth.floats(name, None, 32, 3)[:, FROM_32]
    return truth.floats(name, None, len(H36M17), 3)


def keypoints17(seen: PlainArchive, name: str) -> NDArray[np.float32]:
    """(F,17,3) pixels and confidence; 0 for joints that the detector does not know."""
    points = seen.array(name)
    channels = 3 if points.ndim == 3 and points.shape[-1] == 3 else 2
    if points.ndim == 3 and points.shape[1] == len(_HOURGLASS16):
        known = with_confidence(seen.floats(name, None, len(_HOURGLASS16), channels))
        whole = np.zeros((len(known), len(H36M17), 3), np.float32)
        whole[:, H36M17.indices(*_HOURGLASS16)] = known
        return whole
    return with_confidence(seen.floats(name, None, len(H36M17), channels))
