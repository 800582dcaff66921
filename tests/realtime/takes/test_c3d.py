"""C3D read back by ezc3d, and by its rules from the bytes of the header."""

from __future__ import annotations

import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import ezc3d
import numpy as np
import pytest

from lifting.errors import ConfigError, MissingExtra, SinkError
from lifting.skeleton import SEALCAP26
from realtime.axes import ROS
from realtime.takes.c3d import MAX_FRAMES, write_c3d
from realtime.takes.load import load_takes
from tests.realtime.takes.made_takes import take_of, walking_take, wild_take


@pytest.mark.parametrize(
    "take", [walking_take(), wild_take(), take_of({})], ids=["walking", "wild", "one frame"]
)
def test_joints_come_back(tmp_path: Path, take: Any) -> None:
    """Within a hundredth of a millimetre, with names, rate, unit and screen."""
    write_c3d(take, tmp_path / "a.c3d")
    found = ezc3d.c3d(str(tmp_path / "a.c3d"))
    point = {k: v["value"] for k, v in found["parameters"]["POINT"].items() if k != "__METADATA__"}
    assert point["LABELS"] == list(SEALCAP26.joints)
    assert point["UNITS"] == ["mm"]
    assert point["RATE"][0] == pytest.approx(take.fps)
    assert (point["X_SCREEN"], point["Y_SCREEN"]) == (["+X"], ["+Z"])
    points_m = np.transpose(found["data"]["points"][:3], (2, 1, 0)) / 1000
    assert np.abs(ROS.points_to_world(points_m) - take.joints_world).max() < 1e-5
    assert (found["data"]["meta_points"]["residuals"] == 0).all()


def test_gaps_are_missing(tmp_path: Path, session_file: Path) -> None:
    """Residual -1 exactly in the frames in which nobody was in sight."""
    (take,) = load_takes(session_file)
    write_c3d(take, tmp_path / "a.c3d")
    residuals = ezc3d.c3d(str(tmp_path / "a.c3d"))["data"]["meta_points"]["residuals"][0]
    assert np.array_equal((residuals == -1).all(axis=0), ~take.present)
    assert np.array_equal((residuals == 0).all(axis=0), take.present)


def test_the_bytes(tmp_path: Path) -> None:
    """The header by the format's rules: key, number of points, frames, scale below 0 for floats, rate."""
    write_c3d(walking_take(50), tmp_path / "a.c3d")
    header = (tmp_path / "a.c3d").read_bytes()[:512]
    _, key, points, _, first, last = struct.unpack("<BBHHHH", header[:10])
    scale, start, _, rate = struct.unpack("<fHHf", header[12:24])
    assert (key, points, last - first) == (0x50, 26, 49)
    assert scale < 0
    assert start > 1
    assert rate == 30.0


def test_a_take_too_long_for_the_format(tmp_path: Path) -> None:
    """Nothing is cut off in silence."""
    one = take_of({})
    many = replace(one, joints_world=np.repeat(one.joints_world, MAX_FRAMES + 1, axis=0))
    with pytest.raises(ConfigError, match=r"65535 frames, and here are 65536.*--start"):
        write_c3d(many, tmp_path / "a.c3d")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """ezc3d would say nothing."""
    with pytest.raises(SinkError, match="Cannot write"):
        write_c3d(take_of({}), tmp_path / "none" / "a.c3d")


def test_without_ezc3d(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the extra."""
    monkeypatch.setitem(sys.modules, "ezc3d", None)
    with pytest.raises(MissingExtra, match=r"sealcap\[files\]"):
        write_c3d(take_of({}), tmp_path / "a.c3d")
    assert list(tmp_path.iterdir()) == []
