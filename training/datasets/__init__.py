"""Community benchmark data sets: readers of their files as they circulate, and one struct for all of them.

`KINDS` knows them by the name that a configuration gives in `corpus.kind`; docs/datasets.md says where the
files come from and under which terms.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from lifting.errors import DataError
from lifting.skeleton import H36M17, Skeleton
from training.datasets.h3wb import load_h3wb
from training.datasets.human36m import load_human36m
from training.datasets.mpi_inf_3dhp import load_3dhp
from training.datasets.sequences import Sequences
from training.datasets.skeletons import MPI3DHP17, WHOLEBODY133

SPLITS = ("train", "val", "trainval", "test")


class Kind(NamedTuple):
    """One data set."""

    skeleton: Skeleton
    inputs: tuple[str, ...]
    """2D inputs to choose from."""
    video: bool
    """Whether its frames follow one another."""
    load: Callable[[Path, str, str], Sequences]
    """(folder, split, input)"""


KINDS: dict[str, Kind] = {
    "h36m": Kind(H36M17, ("gt", "cpn", "sh"), True, load_human36m),
    "3dhp": Kind(MPI3DHP17, ("gt",), True, lambda folder, split, _: load_3dhp(folder, split)),
    "h3wb": Kind(WHOLEBODY133, ("gt",), False, lambda folder, split, _: load_h3wb(folder, split)),
}


def load_sequences(kind: str, folder: Path, split: str, detections: str = "gt") -> Sequences:
    """Read one split of a data set. Raises DataError naming what is missing or wrong."""
    if kind not in KINDS:
        raise DataError(f"There is no data set {kind!r}; choose one of {', '.join(KINDS)}.")
    if split not in SPLITS:
        raise DataError(f"There is no split {split!r}; choose one of {', '.join(SPLITS)}.")
    if detections not in KINDS[kind].inputs:
        there = ", ".join(KINDS[kind].inputs)
        raise DataError(f"{kind} has no 2D input {detections!r}; choose one of {there}.")
    return KINDS[kind].load(folder, split, detections)
