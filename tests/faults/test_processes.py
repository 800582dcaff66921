"""The whole command under signals: hung up on, interrupted twice, killed, suspended; and short of files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from realtime.commands.run import stop_on_signal
from realtime.recovery import recover
from realtime.session import read_poses
from realtime.sinks.poses_spool import recover_poses
from tests.realtime.sessions import motion_at, record

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of one process are POSIX")
START = "import sys; from realtime.cli import main; sys.exit(main())"
LIMITED = (
    "import resource, sys\n"
    "resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]),) * 2)\n"
    "del sys.argv[1]\n"
)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds without video: a source that needs no detector."""
    path = tmp_path_factory.mktemp("session") / "walk.mcap"
    return record(path, (motion_at(seq, seq / 30, size=(640, 480)) for seq in range(60)))


@contextmanager
def running(session: Path, folder: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """`sealcap run` on a session over and over, recording, when its recording has begun."""
    args = ["run", str(session), "--loop", "--headless", "--record", str(folder / "take.mcap")]
    args += ["--poses-out", str(folder / "take.npz"), *more]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(
        [sys.executable, "-c", START, *args], stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            wait_for_bytes(folder / "take.mcap.partial", process)
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


def wait_for_bytes(path: Path, process: subprocess.Popen[str], enough: int = 40_000) -> None:
    """Until a recording has taken so many bytes."""
    deadline = time.monotonic() + 60
    while not (path.exists() and path.stat().st_size > enough):
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline, "nothing was recorded"
        time.sleep(0.02)


def whole(folder: Path) -> int:
    """Frames of the finished session, which has no gap; nothing else is left beside the poses."""
    numbers = [message.seq for message in read_poses(folder / "take.mcap")]
    assert numbers == list(range(len(numbers)))
    assert sorted(path.name for path in folder.iterdir()) == ["take.mcap", "take.npz"]
    return len(numbers)


def test_a_terminal_that_closes_ends_the_recording_whole(session: Path, tmp_path: Path) -> None:
    """SIGHUP is like Ctrl-C."""
    before = signal.signal(
        signal.SIGHUP, signal.SIG_DFL
    )  # children inherit it, and these tests may be nohup's
    try:
        with running(session, tmp_path) as process:
            process.send_signal(signal.SIGHUP)
            _, err = process.communicate(timeout=30)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert process.returncode == 0, err
    assert whole(tmp_path) > 5


def test_a_run_under_nohup_does_not_hear_its_terminal(session: Path, tmp_path: Path) -> None:
    """What was to be ignored stays ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # children inherit it
    try:
        with running(session, tmp_path) as process:
            process.send_signal(signal.SIGHUP)
            time.sleep(0.5)
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert process.returncode == 0
    assert whole(tmp_path) > 5


@pytest.mark.parametrize("pause_s", [0.0, 0.02])
def test_ctrl_c_twice_ends_at_once_and_loses_nothing_recorded(
    pause_s: float, session: Path, tmp_path: Path
) -> None:
    """No traceback, no hanging; the session is whole or can be recovered to its last second."""
    with running(session, tmp_path) as process:
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        time.sleep(pause_s)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        seconds = time.monotonic() - begin
    assert process.returncode in (0, 1)
    assert "Traceback" not in err
    assert seconds < 10
    found = tmp_path / "take.mcap"
    if not found.exists():
        recover(tmp_path / "take.mcap.partial")
    numbers = [message.seq for message in read_poses(found)]
    assert len(numbers) > 5
    assert numbers == list(range(len(numbers)))


class SetTwice(threading.Event):
    """An event that is interrupted while it is being set: its lock is held when the second signal comes."""

    def set(self) -> None:
        with self._cond:
            signal.raise_signal(signal.SIGINT)
            for _ in range(100):  # the interpreter looks for signals now
                pass
        super().set()


@pytest.mark.timeout(20)
def test_a_second_signal_within_the_first_does_not_deadlock() -> None:
    """It interrupts, as any second one."""
    with stop_on_signal(SetTwice()), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_kill_loses_less_than_a_second_of_session_and_poses(session: Path, tmp_path: Path) -> None:
    """kill -9 of the whole command: both files are rescued up to a second before."""
    with running(session, tmp_path) as process:
        time.sleep(1.2)
        killed_ns = time.time_ns()
        process.kill()
        process.wait(timeout=30)
    found = recover(tmp_path / "take.mcap.partial")
    messages = list(read_poses(found.path))
    assert [message.seq for message in messages] == list(range(len(messages)))
    assert process.returncode == -signal.SIGKILL
    _, rows = recover_poses(tmp_path / "take.npz.partial")
    assert rows >= len(messages)
    from mcap.reader import make_reader

    with found.path.open("rb") as file:
        last_ns = max(message.publish_time for _, _, message in make_reader(file).iter_messages())
    assert (killed_ns - last_ns) / 1e9 < 1.0


def test_a_suspended_process_goes_on(session: Path, tmp_path: Path) -> None:
    """SIGSTOP for a second and a half, as a laptop that sleeps: every frame is in the books afterwards."""
    with running(session, tmp_path) as process:
        process.send_signal(signal.SIGSTOP)
        time.sleep(1.5)
        process.send_signal(signal.SIGCONT)
        time.sleep(1.0)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert whole(tmp_path) > 20
    times = [message.capture_time_ns for message in read_poses(tmp_path / "take.mcap")]
    assert all(a < b for a, b in pairwise(times))


@pytest.mark.real
@pytest.mark.parametrize("files", [8, 16, 24, 32, 40])
def test_too_few_files_are_an_error_in_words(files: int, session: Path, tmp_path: Path) -> None:
    """Whatever cannot be opened any more: no hanging, no traceback, no core dump, and what was recorded is
    there."""
    args = ["run", str(session), "--headless", "--zmq", "tcp://127.0.0.1:*"]
    args += ["--osc", "127.0.0.1:9", "--record", str(tmp_path / "take.mcap"), "--max-speed"]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED + START, str(files), *args],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in (0, 1), done.stderr
    if done.returncode:
        assert done.stderr.splitlines()[-1].startswith("sealcap: ")
        assert "open files" in done.stderr
    else:
        assert len(list(read_poses(tmp_path / "take.mcap"))) == 60
