"""Real OpenSim reads our TRC and MOT files."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifting.skeleton import SEALCAP26
from realtime.axes import OPENSIM
from realtime.takes.load import load_takes
from realtime.takes.mot import coordinates, write_mot
from realtime.takes.trc import write_trc

SCRIPT = Path(__file__).with_name("opensim_reads.py")
PYTHON = (
    Path(os.environ.get("SEALCAP_OPENSIM", Path(__file__).parents[3] / ".venv-opensim")) / "bin" / "python"
)

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not PYTHON.exists(),
        reason="no OpenSim: python3 -m venv .venv-opensim && .venv-opensim/bin/pip install opensim",
    ),
]


def read(path: Path) -> dict[str, Any]:
    out = path.with_suffix(".json")
    subprocess.run([str(PYTHON), str(SCRIPT), str(path), str(out)], check=True, timeout=120, cwd=path.parent)
    return dict(json.loads(out.read_text()))


def test_markers(tmp_path: Path, session_file: Path) -> None:
    """All markers of a recorded session; what is blank in its gap is missing."""
    (take,) = load_takes(session_file)
    write_trc(take, tmp_path / "a.trc")
    found = read(tmp_path / "a.trc")
    assert found["labels"] == list(SEALCAP26.joints)
    assert (found["units"], float(found["rate"])) == ("m", take.fps)
    assert np.allclose(found["times"], take.times_s, atol=1e-6)
    points = np.array(found["points"], float)
    assert np.isnan(points[~take.present]).all()
    wanted = OPENSIM.points(take.joints_world)
    assert np.abs(points[take.present] - wanted[take.present]).max() < 1e-6


def test_coordinates(tmp_path: Path, session_file: Path) -> None:
    """All angles of a recorded session, known to be degrees."""
    (take,) = load_takes(session_file)
    write_mot(take, tmp_path / "a.mot")
    found = read(tmp_path / "a.mot")
    names, table = coordinates(take)
    assert found["labels"] == names
    assert found["degrees"] is True
    assert np.abs(np.array(found["rows"]) - table).max() < 1e-6
