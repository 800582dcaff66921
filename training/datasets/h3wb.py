"""H3WB: Human3.6M with 133 joints of body, feet, face and hands, from its JSON files (task 2D to 3D).

    2Dto3D_train.json     {"0": {"keypoints_2d": {"0": {"x", "y"}, ...},
                                 "keypoints_3d": {"0": {"x", "y", "z"}, ...}}, ...}
    2Dto3D_test_3d.json   the same for the released test set

2D in pixels of pictures of about 1000 × 1000; 3D in millimetres and camera axes, without the camera's
position (its authors in issue 5 of wholebody3d). Samples 4k ... 4k+3 are one pose seen by four cameras; the
poses are shuffled, so there is no video: every sample is a clip of one frame. The official validation is
fivefold; `val` is the last fifth, `train` the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifting.errors import DataError
from training.datasets.json_stream import entries
from training.datasets.sequences import Clip, Sequences, join, normalise_screen, with_confidence
from training.datasets.skeletons import WHOLEBODY133

FILES = {"train": "2Dto3D_train.json", "test": "2Dto3D_test_3d.json"}
SPLITS = ("train", "val", "trainval", "test")
SIZE_PX = (1000, 1000)
VIEWS = 4
FOLDS = 5


def load_h3wb(folder: Path, split: str) -> Sequences:
    """Every sample of a split.

    Raises DataError when the file is missing or damaged, or a sample lacks joints or holds NaN.
    """
    path = folder / FILES["test" if split == "test" else "train"]
    if not path.is_file():
        raise DataError(f"There is no {path}. docs/datasets.md says where to get it.")
    kept = sorted(samples(path), key=lambda item: item[0])
    border = len(kept) * (FOLDS - 1) // FOLDS // VIEWS * VIEWS
    kept = {"train": kept[:border], "val": kept[border:]}.get(split, kept)
    return join((_clip(*sample) for sample in kept), WHOLEBODY133, split, str(path))


def samples(path: Path) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.float32]]]:
    """(number, (133,2) pixels, (133,3) mm) of every sample, in the order of the file."""
    for key, entry in entries(path):
        where = f"{path}: sample {key[:20]}"
        if not key.isascii() or not key.isdigit() or len(key) > 9:
            raise DataError(f"{where} is not called by a number.")
        yield (
            int(key),
            _points(entry, "keypoints_2d", "xy", where),
            _points(entry, "keypoints_3d", "xyz", where),
        )


def _points(entry: Any, field: str, axes: str, where: str) -> NDArray[np.float32]:
    """{"0": {"x": ...}, ...} to (133, len(axes))."""
    points = entry.get(field) if isinstance(entry, dict) else None
    if not isinstance(points, dict):
        raise DataError(f"{where} has no {field}; a file of the task 2Dto3D with 3D truth is needed.")
    if len(points) != len(WHOLEBODY133):
        raise DataError(f"{where} has {len(points)} joints in {field}, not {len(WHOLEBODY133)}.")
    try:
        rows = [[float(points[str(j)][axis]) for axis in axes] for j in range(len(WHOLEBODY133))]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"{where}: {field} must have numbers {', '.join(axes)} for joints 0 to 132."
        ) from error
    return np.array(rows, np.float32)


def _clip(number: int, pixels: NDArray[np.float32], joints_mm: NDArray[np.float32]) -> Clip:
    points = with_confidence(normalise_screen(pixels, *SIZE_PX))[None]
    joints = joints_mm[None] / np.float32(1000)
    return Clip("?", str(number // VIEWS), str(number % VIEWS), 50.0, points, joints, np.ones(1, np.bool_))
