"""CSV read back by the standard library."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifting.skeleton import SEALCAP26
from realtime.takes.csv import GAP, HEADER, write_csv
from realtime.takes.load import load_takes
from tests.realtime.takes.made_takes import take_of, walking_take, wild_take


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


def column(rows: list[dict[str, str]], joint: str) -> Any:
    """(N,4) place and confidence."""
    return np.array([[float(row[f"{joint}_{value}"]) for value in ("x", "y", "z", "conf")] for row in rows])


@pytest.mark.parametrize(
    "take", [walking_take(), wild_take(), take_of({})], ids=["walking", "wild", "one frame"]
)
def test_joints_come_back(tmp_path: Path, take: Any) -> None:
    """Within a micrometre, in world axes, with confidence, time, person and state."""
    write_csv(take, tmp_path / "a.csv")
    rows = read(tmp_path / "a.csv")
    assert tuple(rows[0]) == HEADER
    assert [int(row["frame"]) for row in rows] == list(range(len(take)))
    assert np.allclose([float(row["time_s"]) for row in rows], take.times_s, atol=1e-6)
    assert {row["person"] for row in rows} == {"3"}
    assert {row["state"] for row in rows} == {"tracking"}
    for i, joint in enumerate(SEALCAP26.joints):
        found = column(rows, joint)
        assert np.abs(found[:, :3] - take.joints_world[:, i]).max() < 1e-6
        assert np.abs(found[:, 3] - take.confidence[:, i]).max() < 1e-4


def test_gaps_are_empty(tmp_path: Path, session_file: Path) -> None:
    """In a recorded session: frames while nobody was in sight say so."""
    (take,) = load_takes(session_file)
    write_csv(take, tmp_path / "a.csv")
    rows = read(tmp_path / "a.csv")
    assert [row["state"] == GAP for row in rows] == (~take.present).tolist()
    assert {row["nose_x"] for row in rows if row["state"] == GAP} == {""}
    seen = [row for row in rows if row["state"] != GAP]
    assert {row["state"] for row in seen} == {"tracking", "predicted", "held"}
    assert np.isfinite(column(seen, "nose")).all()
