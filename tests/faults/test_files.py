"""Files that are damaged, and folders that are full or closed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime.cli import main
from realtime.paths import weights_dir
from realtime.recovery import recover
from realtime.session import read_poses
from tests.realtime.sessions import motion_at, record
from tests.realtime.sinks import recording

ROOT = os.name == "posix" and os.geteuid() == 0


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second without video: a source that needs no detector."""
    path = tmp_path_factory.mktemp("session") / "walk.mcap"
    return record(path, (motion_at(seq, seq / 30, size=(64, 48)) for seq in range(30)))


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr."""
    err = capsys.readouterr().err
    assert "Traceback" not in err
    (line,) = err.splitlines()
    assert line.startswith("sealcap: ")
    assert len(line) < 500
    return line


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "flipped", "folder"])
def test_a_damaged_lifter_is_named(
    damage: str, session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line with its path, before any output is begun; a flipped byte may also go unnoticed by the file
    format, and then the run goes through."""
    model = tmp_path / "mine.onnx"
    data = bytearray((weights_dir() / "lifter-small.onnx").read_bytes())
    if damage == "flipped":
        data[60] ^= 0xFF
    content = {"cut": data[: len(data) // 2], "noise": os.urandom(5000), "empty": b"", "flipped": data}
    model.mkdir() if damage == "folder" else model.write_bytes(content[damage])
    outputs = ["--record", str(tmp_path / "take.mcap"), "--headless", "--max-speed"]
    code = main(["run", str(session), "--lifter.model", str(model), *outputs])
    if damage == "flipped" and code == 0:
        return
    assert code in (1, 2)
    assert "mine.onnx" in complaint(capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.onnx"]


@pytest.mark.parametrize(
    ("option", "content"),
    [
        ("--config", b"\x00\xff\xfe binary"),
        ("--config", b"a: &a [*a, *a]"),
        ("--config", b"detector: 5"),
        ("--calibration", b"{" * 500),
        ("--calibration", b"\xff" * 100),
    ],
)
def test_damaged_settings_are_named(
    option: str, content: bytes, session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Configuration and calibration: the file's name, exit code 2."""
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    assert main(["run", str(session), option, str(path), "--headless", "--max-speed"]) == 2
    assert "mine.yaml" in complaint(capsys)


def test_a_damaged_session_plays_as_far_as_it_reads_or_says_so(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A kilobyte of noise in the middle: exit code 1 and one line that names the way out; then recovered."""
    data = bytearray(session.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 1000] = os.urandom(1000)
    broken = tmp_path / "broken.mcap"
    broken.write_bytes(data)
    code = main(["run", str(broken), "--headless", "--max-speed"])
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert code in (0, 1)
    assert code == 0 or "sealcap recover" in err
    found = recover(broken)
    assert 0 < found.frames <= 30


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of one megabyte; skips where none can be mounted."""
    folder = Path(tempfile.mkdtemp())
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if not ROOT or shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        folder.rmdir()
        pytest.skip("only root can mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


@pytest.mark.real
def test_a_disk_that_is_really_full(small_disk: Path, tmp_path: Path) -> None:
    """ENOSPC of a real file system: the recorder says so, and what was written is recovered elsewhere."""
    path = small_disk / "take.mcap"
    done = subprocess.run(
        [sys.executable, str(Path(recording.__file__)), str(path), "999999999"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "the disk is full" in done.stderr
    found = recover(small_disk / "take.mcap.partial", tmp_path / "out.mcap")
    assert found.frames > 0.8 * len(done.stdout.splitlines())
    assert [m.seq for m in read_poses(found.path)] == list(range(found.frames))


READ_ONLY = """
import os, sys
from realtime.sinks.poses_npz import PosesNpz
from realtime.sinks.recorder import SessionRecorder
from lifting.errors import SinkError
if os.geteuid() == 0:
    os.setgroups([])
    os.setuid(65534)  # nobody, who may not write everywhere
for sink in (SessionRecorder(sys.argv[1] + "/take.mcap"), PosesNpz(sys.argv[1] + "/take.npz")):
    try:
        sink.open()
    except SinkError as error:
        print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="folders are closed in another way here")
def test_a_folder_that_may_not_be_written() -> None:
    """Session and poses name the file and the reason; nothing is left behind."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, folder],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=Path(__file__).parents[2],
        )
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        assert len(lines) == 2
        assert all("Permission denied" in line and folder in line for line in lines)
        assert not list(Path(folder).iterdir())
        Path(folder).chmod(0o755)


def test_a_folder_that_vanishes_while_recording(tmp_path: Path) -> None:
    """A stick pulled out, a share unmounted: the other outputs go on, and the message tells where it was."""
    from realtime.sinks.recorder import SessionRecorder
    from realtime.sinks.runner import SinkRunner

    folder = tmp_path / "stick"
    folder.mkdir()
    runner = SinkRunner(SessionRecorder(folder / "take.mcap"))
    runner.start()
    for seq in range(20):
        runner.submit(motion_at(seq, seq / 30))
    shutil.rmtree(folder)
    for seq in range(20, 40):
        runner.submit(motion_at(seq, seq / 30))
    runner.close()
    report = runner.report
    assert report.failure is not None
    assert "take.mcap" in report.failure
    assert report.sent + report.dropped + report.failed == 40
