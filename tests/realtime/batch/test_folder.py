"""The out folder: nothing half, nothing outside, nobody else at the same time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from lifting.errors import ConfigError, SinkError
from realtime.batch.folder import OutFolder, write_whole
from realtime.batch.records import Lost, Record


@pytest.fixture
def folder(tmp_path: Path) -> OutFolder:
    """A new one."""
    out = OutFolder(tmp_path / "out")
    out.create()
    return out


def test_records_come_back(folder: OutFolder) -> None:
    """A record is read as it was written; a damaged one counts as none."""
    record = Record("ab", "a/ü.mp4", "a/ü", "done", files={".bvh": ["a/ü.bvh"]}, lost=Lost(1, 2, 3))
    folder.keep(record)
    assert folder.record("ab") == record
    assert folder.records() == [record]
    (folder.books / "records/ab.json").write_bytes(msgspec.json.encode(record)[:-3])
    assert folder.record("ab") is None
    assert folder.records() == []


def test_a_failed_write_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stood there stands, and no draft is left."""
    path = tmp_path / "x.json"
    write_whole(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_results_stay_inside(folder: OutFolder, tmp_path: Path) -> None:
    """Neither dots nor links lead out; links are not deleted through."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/a.mcap").write_text("mine")
    (folder.path / "sub").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    for name in ("../a.mcap", "sub/a.mcap", "sub/x/a.mcap", str(tmp_path / "a.mcap")):
        with pytest.raises(SinkError, match="leads out"):
            folder.place(name)
        folder.remove([name])
    assert (tmp_path / "elsewhere/a.mcap").read_text() == "mine"
    assert not (tmp_path / "elsewhere/x").exists()
    assert folder.place("deep/er/a.mcap").parent.is_dir()


def test_one_at_a_time(folder: OutFolder) -> None:
    """A second process is turned away while the first works, and comes in when that was killed."""
    code = (
        "import sys, pathlib, time; from realtime.batch.folder import OutFolder;"
        "folder = OutFolder(pathlib.Path(sys.argv[1]))\n"
        "with folder.alone(): print('in', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(folder.path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"in\n"
        with pytest.raises(ConfigError, match="Another"), folder.alone():
            pass
        other.kill()
    with folder.alone():
        pass


def test_one_collection_each(folder: OutFolder, tmp_path: Path) -> None:
    """Another collection's results are not mixed in; one that was moved is still the same."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    folder.bind(tmp_path / "a")
    with pytest.raises(ConfigError, match="another --out"):
        folder.bind(tmp_path / "b")
    (tmp_path / "a").rename(tmp_path / "c")
    folder.bind(tmp_path / "c")


def test_a_record_nested_too_deeply(folder: OutFolder) -> None:
    """Counts as damaged."""
    (folder.books / "records/ab.json").write_bytes(b'{"key": ' + b"[" * 100_000)
    assert folder.record("ab") is None
