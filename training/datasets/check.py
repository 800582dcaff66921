"""Says which files of a benchmark data set are there, which are missing or wrong, and where to get them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from lifting.errors import DataError
from training.datasets import KINDS, h3wb, human36m, mpi_inf_3dhp
from training.datasets.archive import open_plain
from training.datasets.human36m_cameras import LENSES, POSES, project, to_camera

State = Literal["good", "missing", "wrong", "not there, not needed"]
LARGEST_REPROJECTION_PX = 2.0


class Source(NamedTuple):
    """Where a data set comes from."""

    place: str
    terms: str


SOURCES = {
    "h36m": Source(
        "the 3D positions from http://vision.imar.ro/human3.6m (registration), prepared with VideoPose3D's "
        "prepare_data_h36m.py; the 2D detections as its DATASETS.md says",
        "academic use only, non-commercial, no redistribution (Human3.6M licence)",
    ),
    "3dhp": Source(
        "http://gvv.mpi-inf.mpg.de/3dhp-dataset, prepared as https://github.com/paTRICK-swk/P-STMO says",
        "research only, non-commercial (licence of MPI-INF-3DHP)",
    ),
    "h3wb": Source(
        "https://github.com/wholebody3d/wholebody3d (annotations, and the test set for 2D to 3D)",
        "annotations MIT; made from Human3.6M, whose terms bind the pictures: non-commercial",
    ),
}


@dataclass(frozen=True)
class Finding:
    """What is to be said of one file."""

    file: str
    state: State
    note: str


def check_data(kind: str, folder: Path) -> list[Finding]:
    """Read every file of a data set as training would, one finding for each.

    Raises DataError for an unknown kind or folder.
    """
    if kind not in KINDS:
        raise DataError(f"There is no data set {kind!r}; choose one of {', '.join(KINDS)}.")
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}. docs/datasets.md says which files belong into it.")
    return list({"h36m": _human36m, "3dhp": _mpi_inf_3dhp, "h3wb": _h3wb}[kind](folder))


def complete(findings: list[Finding]) -> bool:
    """Whether training and testing can begin."""
    return all(finding.state in ("good", "not there, not needed") for finding in findings)


def _human36m(folder: Path) -> Iterator[Finding]:
    truth = folder / human36m.TRUTH
    if not truth.is_file():
        yield Finding(truth.name, "missing", "3D truth of all subjects")
    there = [kind for kind, name in human36m.DETECTIONS.items() if (folder / name).is_file()]
    for kind, name in human36m.DETECTIONS.items():
        if kind in there and truth.is_file():
            yield _read("h36m", folder, name, ("train", "val", "test"), kind)
        elif kind in there:
            yield Finding(name, "wrong", f"cannot be checked without {truth.name}")
        else:
            needed = kind == "gt" and not there
            yield Finding(
                name, "missing" if needed else "not there, not needed", f"2D of corpus.input: {kind}"
            )
    if truth.is_file() and "gt" in there:
        yield _reprojection(folder)


def _reprojection(folder: Path) -> Finding:
    """Whether the 2D truth is the projection of the 3D truth: one clip per subject and camera."""
    name = f"{human36m.TRUTH} in {human36m.DETECTIONS['gt']}"
    worst = 0.0
    try:
        with (
            open_plain(folder / human36m.TRUTH, "positions_3d") as truth,
            open_plain(folder / human36m.DETECTIONS["gt"], "positions_2d") as seen,
        ):
            for subject in POSES:
                action = truth.below(f"positions_3d/{subject}")[0]
                world = human36m.body17(truth, f"positions_3d/{subject}/{action}")[:100]
                for camera in range(len(LENSES)):
                    found = human36m.keypoints17(seen, f"positions_2d/{subject}/{action}/{camera}")[
                        :100, :, :2
                    ]
                    error = project(to_camera(world, subject, camera), camera)[: len(found)] - found
                    worst = max(worst, float(np.median(np.linalg.norm(error, axis=-1))))
    except (DataError, IndexError) as error:
        return Finding(name, "wrong", str(error) or "a subject has no action")
    if not worst < LARGEST_REPROJECTION_PX:
        return Finding(
            name, "wrong", f"3D and 2D lie {worst:.1f} pixels apart; the files do not belong together"
        )
    return Finding(name, "good", f"projected 3D and 2D agree within {worst:.2f} pixels")


def _mpi_inf_3dhp(folder: Path) -> Iterator[Finding]:
    for name, splits in (
        (mpi_inf_3dhp.FILES["train"], ("train", "val")),
        (mpi_inf_3dhp.FILES["test"], ("test",)),
    ):
        if (folder / name).is_file():
            yield _read("3dhp", folder, name, splits)
        else:
            yield Finding(name, "missing", f"splits {', '.join(splits)}")


def _h3wb(folder: Path) -> Iterator[Finding]:
    for name, split in ((h3wb.FILES["train"], "trainval"), (h3wb.FILES["test"], "test")):
        if (folder / name).is_file():
            yield _read("h3wb", folder, name, (split,))
        else:
            yield Finding(name, "missing", "training and validation" if split == "trainval" else "test set")


def _read(kind: str, folder: Path, file: str, splits: tuple[str, ...], detections: str = "gt") -> Finding:
    """One split after the other, so that only one is in memory."""
    notes = []
    for split in splits:
        try:
            data = KINDS[kind].load(folder, split, detections)
        except DataError as error:
            return Finding(file, "wrong", str(error))
        unused = int((~data.valid).sum())
        left = f", {unused} not used" if unused else ""
        notes.append(f"{split}: {len(data)} clips, {len(data.valid)} frames{left}")
    size = (folder / file).stat().st_size / 1e6
    return Finding(file, "good", f"{'; '.join(notes)} ({size:.1f} MB)")
