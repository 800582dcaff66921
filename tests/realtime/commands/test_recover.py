"""`sealcap recover` through the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime.cli import main
from realtime.session import read_poses
from realtime.sinks.recorder import SessionRecorder
from tests.realtime.sinks.motions import make_motion


@pytest.fixture
def partial(tmp_path: Path) -> Path:
    """A recording whose last bytes are missing."""
    recorder = SessionRecorder(tmp_path / "take.mcap")
    recorder.open()
    for seq in range(100):
        recorder.write(make_motion(seq))
    recorder.close()
    path = tmp_path / "take.mcap.partial"
    (tmp_path / "take.mcap").rename(path)
    path.write_bytes(path.read_bytes()[:-9000])
    return path


def test_a_partial_file_becomes_whole(partial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file gets its name, the original stays, the number of frames is told."""
    assert main(["recover", str(partial)]) == 0
    frames = len(list(read_poses(partial.with_suffix(""))))
    assert 0 < frames <= 100
    assert f"{frames} frames" in capsys.readouterr().out
    assert partial.exists()


def test_another_name_may_be_given(partial: Path, tmp_path: Path) -> None:
    """-o names the whole file."""
    assert main(["recover", str(partial), "-o", str(tmp_path / "b.mcap")]) == 0
    assert (tmp_path / "b.mcap").exists()


def test_what_is_no_session_gives_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, no traceback."""
    (tmp_path / "x.mcap").write_bytes(b"no")
    assert main(["recover", str(tmp_path / "x.mcap")]) == 1
    assert "not a session file" in capsys.readouterr().err.replace("\n", " ")
