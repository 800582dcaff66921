"""TRC: joints as markers over time, for OpenSim, Pose2Sim, Mokka.

Tab-separated text: five lines of header, an empty one, then number, time and three coordinates per marker
and frame; a marker that is not there has empty fields. Axes are OpenSim's, X forward, Y up, Z right, the
floor y = 0. OpenSim does not count an empty field at the end of a line, so in files with gaps every line of
numbers ends with one tab more, as those of Motion Analysis do. Written from the format's page in OpenSim's
user documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from lifting.skeleton import SEALCAP26
from realtime.axes import OPENSIM
from realtime.takes.take import Take
from realtime.takes.whole_file import whole_file

PER_METRE = {"m": 1.0, "mm": 1000.0}
_DECIMALS = {"m": 6, "mm": 3}


def write_trc(take: Take, path: Path, *, units: Literal["m", "mm"] = "m") -> None:
    """Write the 26 joints of one take; frames inside gaps are blank. Raises SinkError."""
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(_header(take, path.name, units))
        file.writelines(_rows(take, units))


_HEADER = (
    "DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate", "OrigDataStartFrame",
    "OrigNumFrames",
)  # fmt: skip


def _header(take: Take, name: str, units: str) -> Iterator[str]:
    markers, rate, count = len(SEALCAP26), f"{take.fps:.10g}", len(take)
    printable = "".join(c if c.isprintable() else "_" for c in name)
    yield f"PathFileType\t4\t(X/Y/Z)\t{printable}\n"
    yield "\t".join(_HEADER) + "\n"
    yield f"{rate}\t{rate}\t{count}\t{markers}\t{units}\t{rate}\t1\t{count}\n"
    yield "Frame#\tTime\t" + "\t\t\t".join(SEALCAP26.joints) + "\t\t\n"
    yield "\t\t" + "\t".join(f"X{i}\tY{i}\tZ{i}" for i in range(1, markers + 1)) + _line_end(take) + "\n"


def _rows(take: Take, units: str) -> Iterator[str]:
    points = OPENSIM.points(take.joints_world) * PER_METRE[units]
    rows = np.round(points.reshape(len(take), -1), _DECIMALS[units]) + 0.0
    pattern = "\t".join([f"%.{_DECIMALS[units]}f"] * rows.shape[1])
    blank, end = "\t" * (rows.shape[1] - 1), _line_end(take)
    for i, (time_s, there) in enumerate(zip(take.times_s, take.present, strict=True)):
        yield f"{i + 1}\t{time_s:.6f}\t{pattern % tuple(rows[i]) if there else blank}{end}"


def _line_end(take: Take) -> str:
    return "\n" if take.present.all() else "\t\n"
