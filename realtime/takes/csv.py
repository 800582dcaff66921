"""CSV: one line a frame, for tables and statistics.

Columns: frame (from 0), time_s (from the first frame), person, state (tracking, predicted, held, gap), then
for each of the 26 joints NAME_x, NAME_y, NAME_z in metres and NAME_conf in 0..1. World axes: X the person's
left when facing +Z, Y up from the floor, right-handed. In a gap the joints are empty. UTF-8, comma, decimal
point.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lifting.skeleton import SEALCAP26
from realtime.takes.take import Take
from realtime.takes.whole_file import whole_file

GAP = "gap"
HEADER = (
    "frame", "time_s", "person", "state",
    *(f"{joint}_{value}" for joint in SEALCAP26.joints for value in ("x", "y", "z", "conf")),
)  # fmt: skip


def write_csv(take: Take, path: Path) -> None:
    """Write the joints of one take. Raises SinkError."""
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(HEADER)
        table.writerows(_rows(take))


def _rows(take: Take) -> Iterator[list[str]]:
    values = np.concatenate([take.joints_world, take.confidence[..., None]], axis=-1)
    cells = np.round(values.reshape(len(take), -1), 6) + 0.0
    pattern = ["%.6f"] * 3 + ["%.4f"]
    for i, time_s in enumerate(take.times_s):
        start = [str(i), f"{time_s:.6f}", str(take.person_id)]
        if take.present[i]:
            texts = [p % v for p, v in zip(pattern * len(SEALCAP26), cells[i], strict=True)]
            yield [*start, take.states[i], *texts]
        else:
            yield [*start, GAP, *[""] * cells.shape[1]]
