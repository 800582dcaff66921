"""TRC read back by a reader written from the format's description."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from lifting.skeleton import SEALCAP26
from realtime.takes.load import load_takes
from realtime.takes.trc import write_trc
from tests.realtime.takes.made_takes import gappy, take_of, walking_take, wild_take


class Trc(NamedTuple):
    """What stands in a file."""

    header: dict[str, str]
    markers: list[str]
    frame: NDArray[np.float64]
    time_s: NDArray[np.float64]
    points: NDArray[np.float64]
    """(N,M,3), NaN where blank."""


def read(path: Path) -> Trc:
    """By the rules: tabs, five lines of header, perhaps an empty one, blanks where nothing was seen."""
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines[0].split("\t")[:3] == ["PathFileType", "4", "(X/Y/Z)"]
    header = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    names = lines[3].split("\t")
    assert names[:2] == ["Frame#", "Time"]
    markers = names[2::3]
    end = "\t" if lines[4].endswith("\t") else ""  # then on every line of numbers
    axes = lines[4].removesuffix(end).split("\t")
    assert axes[2:] == [f"{axis}{i}" for i in range(1, len(markers) + 1) for axis in "XYZ"]
    assert all(line.endswith(end) for line in lines[5:] if line)
    rows = [line.removesuffix(end).split("\t") for line in lines[5:] if line]
    cells = np.array([[float(c) if c else np.nan for c in row] for row in rows])
    assert cells.shape[1] == len(axes)
    return Trc(header, markers, cells[:, 0], cells[:, 1], cells[:, 2:].reshape(len(cells), -1, 3))


def ours(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """OpenSim's forward, up, right → left, up, forward."""
    return np.stack([-points[..., 2], points[..., 1], points[..., 0]], axis=-1)


@pytest.mark.parametrize(("units", "per_metre"), [("m", 1.0), ("mm", 1000.0)])
@pytest.mark.parametrize("take", [walking_take(), wild_take()], ids=["walking", "wild"])
def test_joints_come_back(tmp_path: Path, take: Any, units: Any, per_metre: float) -> None:
    """Within a micrometre, with names, rate and times."""
    write_trc(take, tmp_path / "a.trc", units=units)
    found = read(tmp_path / "a.trc")
    assert found.header["Units"] == units
    assert float(found.header["DataRate"]) == float(found.header["OrigDataRate"]) == take.fps
    assert int(found.header["NumFrames"]) == len(found.frame) == len(take)
    assert int(found.header["NumMarkers"]) == len(found.markers) == 26
    assert found.markers == list(SEALCAP26.joints)
    assert np.array_equal(found.frame, np.arange(1, len(take) + 1))
    assert np.allclose(found.time_s, take.times_s, atol=1e-6)
    assert np.abs(ours(found.points) / per_metre - take.joints_world).max() < 2e-6


def test_gaps_are_blank(tmp_path: Path, session_file: Path) -> None:
    """In a recorded session: frames while nobody was in sight are empty, the others whole."""
    (take,) = load_takes(session_file)
    assert not take.present.all()
    write_trc(take, tmp_path / "a.trc")
    points = read(tmp_path / "a.trc").points
    assert np.isnan(points[~take.present]).all()
    assert np.abs(ours(points[take.present]) - take.joints_world[take.present]).max() < 2e-6


def test_the_last_frame_may_be_blank(tmp_path: Path) -> None:
    """Blank lines keep their tabs."""
    write_trc(gappy(walking_take(5), slice(3, 5)), tmp_path / "a.trc")
    assert np.isnan(read(tmp_path / "a.trc").points).all(axis=(1, 2)).tolist() == [False] * 3 + [True] * 2


def test_a_persons_directions(tmp_path: Path) -> None:
    """Somebody who faces forward has the right hand at +Z and the toes at +X."""
    write_trc(take_of({}), tmp_path / "a.trc")
    found = read(tmp_path / "a.trc")
    at = {name: found.points[0, i] for i, name in enumerate(found.markers)}
    assert at["right_wrist"][2] - at["left_wrist"][2] > 1
    assert at["left_toe"][0] - at["left_heel"][0] > 0.1
    assert at["head"][1] - at["left_toe"][1] > 1


def test_names_cannot_break_the_header(tmp_path: Path) -> None:
    """Tabs and newlines of a file name become other characters inside."""
    path = tmp_path / "a\tb\nc.trc"
    write_trc(take_of({}), path)
    assert path.read_text().split("\n")[0] == "PathFileType\t4\t(X/Y/Z)\ta_b_c.trc"
