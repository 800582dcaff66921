"""`--poses-out`: the file scripts read."""

from __future__ import annotations

import signal
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from lifting.errors import ConfigError, SessionError, SinkError
from lifting.skeleton import SEALCAP26
from realtime.data import Motion, State
from realtime.sinks.poses_npz import PosesNpz
from realtime.sinks.poses_spool import MAGIC, ROW, recover_poses
from realtime.sinks.runner import SinkRunner
from tests.realtime.sinks.motions import make_motion, with_poses


def _write(path: Path, motions: list[Motion], stage: Literal["solved", "raw"] = "solved") -> None:
    runner = SinkRunner(PosesNpz(path, stage), lossless=True)
    runner.start()
    for motion in motions:
        runner.submit(motion)
    assert runner.close(5)
    assert runner.failure is None


@pytest.mark.parametrize(("stage", "field"), [("solved", "joints_cam"), ("raw", "raw_joints_cam")])
def test_rows_are_frames_and_people_in_order(
    tmp_path: Path, stage: Literal["solved", "raw"], field: str
) -> None:
    """Exact names, shapes and types; one row per frame and person."""
    motions = [make_motion(seq, people=seq % 3) for seq in range(30)]
    _write(tmp_path / "out.npz", motions, stage)
    rows = [(m, p) for m in motions for p in m.people]
    with np.load(tmp_path / "out.npz", allow_pickle=False) as file:
        data = dict(file)
    assert {name: (a.shape, a.dtype.kind) for name, a in data.items()} == {
        "joints_cam": ((len(rows), 26, 3), "f"),
        "root_cam": ((len(rows), 3), "f"),
        "joint_names": ((26,), "U"),
        "frame_index": ((len(rows),), "i"),
        "capture_time_ns": ((len(rows),), "i"),
        "person_id": ((len(rows),), "i"),
        "confidence": ((len(rows), 26), "f"),
    }
    assert data["joints_cam"].dtype == data["root_cam"].dtype == np.float32
    assert data["joint_names"].tolist() == list(SEALCAP26.joints)
    assert data["frame_index"].tolist() == [m.frame.index for m, _ in rows]
    assert data["capture_time_ns"].tolist() == [m.frame.capture_time_ns for m, _ in rows]
    assert data["person_id"].tolist() == [p.person_id for _, p in rows]
    assert np.isnan(data["root_cam"]).all()
    assert np.array_equal(data["joints_cam"], np.stack([getattr(p, field) for _, p in rows]))


def test_a_lost_person_has_no_row(tmp_path: Path) -> None:
    """Held and predicted poses count, lost ones do not."""
    motion = make_motion()
    poses = [replace(motion.people[0], state=state, person_id=i) for i, state in enumerate(State)]
    _write(tmp_path / "out.npz", [with_poses(motion, *poses)])
    with np.load(tmp_path / "out.npz") as file:
        assert file["person_id"].tolist() == [0, 1, 2]


def test_nobody_gives_a_file_without_rows(tmp_path: Path) -> None:
    """A clip without a person still has its file, with the right shapes."""
    _write(tmp_path / "out.npz", [make_motion(people=0)])
    with np.load(tmp_path / "out.npz") as file:
        assert file["joints_cam"].shape == (0, 26, 3)
        assert file["confidence"].shape == (0, 26)


def test_the_file_appears_whole_at_close(tmp_path: Path) -> None:
    """An older file stands until the new one is complete; nothing else is left behind."""
    path = tmp_path / "out.npz"
    path.write_bytes(b"older")
    sink = PosesNpz(path)
    sink.open()
    sink.write(make_motion())
    assert path.read_bytes() == b"older"
    sink.close()
    sink.close()
    with np.load(path) as file:
        assert len(file["joints_cam"]) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["out.npz"]


def test_what_a_killed_run_wrote_can_be_rescued(tmp_path: Path) -> None:
    """Rows are on disk as they come; half a row at the end is left out; the rest is not overwritten."""
    whole, cut = PosesNpz(tmp_path / "whole.npz"), PosesNpz(tmp_path / "cut.npz")
    motions = [make_motion(seq) for seq in range(20)]
    for sink in (whole, cut):
        sink.open()
        for motion in motions:
            sink.write(motion)
    data = cut.partial.read_bytes()
    assert len(data) == len(MAGIC) + 20 * ROW.itemsize
    cut.partial.write_bytes(data[:-7])
    with pytest.raises(SinkError, match=r"sealcap recover .*cut\.npz\.partial"):
        PosesNpz(tmp_path / "cut.npz").open()
    assert recover_poses(cut.partial) == (tmp_path / "cut.npz", 19)
    whole.close()
    assert cut._spool is not None
    cut._spool.close()  # as the system does with a killed process's files
    with np.load(tmp_path / "whole.npz") as a, np.load(tmp_path / "cut.npz") as b:
        assert set(a) == set(b)
        for name in set(a) - {"joint_names"}:
            assert np.array_equal(a[name][:19], b[name], equal_nan=a[name].dtype.kind == "f")
    with pytest.raises(SessionError, match="exists already"):
        recover_poses(cut.partial)


@pytest.mark.parametrize("content", [b"", MAGIC, MAGIC + b"x" * 100, b"PK" * 999])
def test_what_holds_no_poses_is_not_rescued(tmp_path: Path, content: bytes) -> None:
    """Nor does it keep the next run from beginning, unless it is somebody else's file."""
    path = tmp_path / "out.npz.partial"
    path.write_bytes(content)
    with pytest.raises(SessionError, match=r"no pose|no rest of"):
        recover_poses(path)
    assert [p.name for p in tmp_path.iterdir()] == ["out.npz.partial"]


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no file size limits here")
@pytest.mark.parametrize("rows", [49, 60])
def test_a_full_disk_keeps_the_poses(tmp_path: Path, rows: int) -> None:
    """Full while running, or only for the NPZ at the end: the message says how to make it all the same."""
    path = tmp_path / "out.npz"
    limit = str(50 * ROW.itemsize + 100)
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), str(rows), limit], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert any(reason in done.stdout for reason in ("File too large", "No space left"))
    assert f"sealcap recover {path}.partial" in done.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["out.npz.partial"]
    assert recover_poses(tmp_path / "out.npz.partial")[1] == min(rows, 50)


FULL_DISK = """
import resource, signal, sys
from realtime.sinks.poses_npz import PosesNpz
from realtime.sinks.runner import SinkRunner
from tests.realtime.sinks.motions import make_motion
path, rows, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
runner = SinkRunner(PosesNpz(path), lossless=True)
runner.start()
for seq in range(rows):
    runner.submit(make_motion(seq))
runner.close()
print(runner.failure)
"""


def test_memory_does_not_grow_with_the_run(tmp_path: Path) -> None:
    """Three thousand rows are 1.4 MB on disk and next to nothing in Python's memory."""
    sink, motion = PosesNpz(tmp_path / "out.npz"), make_motion()
    sink.open()
    sink.write(motion)
    tracemalloc.start()
    try:
        for _ in range(3000):
            sink.write(motion)
        held, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    sink.close()
    assert held < 50_000


def test_bad_names_and_places_are_said(tmp_path: Path) -> None:
    """A wrong ending and a missing folder name what would be right."""
    with pytest.raises(ConfigError, match=r"\.npz"):
        PosesNpz(tmp_path / "out.csv")
    with pytest.raises(SinkError, match="--poses-out"):
        PosesNpz(tmp_path / "nowhere" / "out.npz").open()
