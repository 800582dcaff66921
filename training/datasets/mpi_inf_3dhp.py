"""MPI-INF-3DHP in the files of P-STMO, which MotionAGFormer and others share, made plain by data unpack.

    data_train_3dhp.npz   data/S1 Seq1/0/CAMERA/data_2d   (F,17,2) pixels of 2048 × 2048
                          data/S1 Seq1/0/CAMERA/data_3d   (F,17,3) mm, camera axes (its univ_annot3)
                          data/S1 Seq1/1                  frames per second, 25 or 50
    data_test_3dhp.npz    data/TS1/data_2d, data_3d       the same for TS1 ... TS6; TS5, TS6: 1920 × 1080
                          data/TS1/valid                  (F,) 1 where the truth is to be scored

2D input is the projected truth. A few hundred training frames have exploding 2D points; such frames count as
unseen and are neither learned nor scored. Training on S1 ... S8 (`trainval`); S8 is held out from `train`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lifting.errors import DataError
from training.datasets.archive import PlainArchive, open_plain
from training.datasets.sequences import Clip, Sequences, join, normalise_screen, with_confidence
from training.datasets.skeletons import MPI3DHP17

_TRAIN = tuple(f"S{i}" for i in range(1, 9))
SPLITS = {"train": _TRAIN[:-1], "val": _TRAIN[-1:], "trainval": _TRAIN}
TEST = tuple(f"TS{i}" for i in range(1, 7))
FILES = {"train": "data_train_3dhp.npz", "test": "data_test_3dhp.npz"}
TEST_FPS = 25.0
"""The test file does not tell; it matters for velocities only."""
LARGEST = 10.0
"""Normalised screen coordinates beyond it are defects (a person is within -1..1)."""


def load_3dhp(folder: Path, split: str) -> Sequences:
    """Every clip of a split.

    Raises DataError when a file, subject or sequence is missing or has wrong shapes, units or NaN.
    """
    where = folder / FILES["test" if split == "test" else "train"]
    with open_plain(where, "data") as file:
        if split == "test":
            clips = (test_clip(file, name) for name in TEST)
        else:
            clips = (clip for subject in SPLITS[split] for clip in training_clips(file, subject))
        return join(clips, MPI3DHP17, split, str(where))


def training_clips(file: PlainArchive, subject: str) -> Iterator[Clip]:
    """All sequences of one subject, from every camera."""
    sequences = [name for name in file.below("data") if name.split(" ")[0] == subject]
    if not sequences:
        raise DataError(f"{file.path} has no subject {subject}; it has {', '.join(file.below('data'))}.")
    for sequence in sequences:
        rate = float(file.floats(f"data/{sequence}/1"))
        for camera in file.below(f"data/{sequence}/0"):
            place = f"data/{sequence}/0/{camera}"
            yield _clip(file, place, (subject, sequence.partition(" ")[2], camera, rate), (2048, 2048), None)


def test_clip(file: PlainArchive, name: str) -> Clip:
    """One test sequence."""
    if name not in file.below("data"):
        raise DataError(f"{file.path} has no sequence {name}; it has {', '.join(file.below('data'))}.")
    valid: NDArray[np.bool_] = np.asarray(file.array(f"data/{name}/valid").reshape(-1) > 0)
    size = (1920, 1080) if name in ("TS5", "TS6") else (2048, 2048)
    return _clip(file, f"data/{name}", (name, name, "0", TEST_FPS), size, valid)


def _clip(
    file: PlainArchive,
    place: str,
    labels: tuple[str, str, str, float],
    size_px: tuple[int, int],
    valid: NDArray[np.bool_] | None,
) -> Clip:
    pixels = file.floats(f"{place}/data_2d", None, len(MPI3DHP17), 2)
    joints = file.floats(f"{place}/data_3d", None, len(MPI3DHP17), 3) / np.float32(1000)
    points = with_confidence(normalise_screen(pixels, *size_px))
    broken = (np.abs(points[..., :2]) > LARGEST).any(axis=(1, 2))  # NaN stays, to be reported
    points[broken] = 0.0
    marks = np.ones(len(points), np.bool_) if valid is None else valid
    if len(marks) != len(points):
        raise DataError(f"{file.path}: {place} has {len(marks)} marks of validity for {len(points)} frames.")
    return Clip(*labels, points, joints, marks & ~np.asarray(broken))
