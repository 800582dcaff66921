"""Replay: what was stored goes out again, all of it, when it is due."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifting.errors import SessionError
from realtime.cli import main
from realtime.client import Subscriber
from realtime.data import Motion, State
from realtime.osc_receiver import OscReceiver
from realtime.playback import Playback
from realtime.replay import Replay
from realtime.session import read_poses
from realtime.sinks.osc import OscSink
from realtime.sinks.zmq import ZmqSink
from tests.realtime.sessions import WALL_NS, motion_at, record


class Collector:
    """A sink that keeps what it gets, and when."""

    queue = 1
    name = "collector"

    def __init__(self) -> None:
        self.motions: list[Motion] = []
        self.at_s: list[float] = []

    def open(self) -> None:
        """Nothing to open."""

    def write(self, motion: Motion) -> None:
        self.motions.append(motion)
        self.at_s.append(time.monotonic())

    def close(self) -> None:
        """Nothing to close."""


def play(path: Path, **options: Any) -> Collector:
    """Everything that a replay with `options` sends."""
    sink = Collector()
    Replay(Playback(path, **options), [sink], speed=options.get("speed", 1.0) or 1.0).run(threading.Event())
    return sink


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people in all states, one of them away for a while; a second without frames in the middle."""
    motions = []
    for seq in range(30):
        motion = motion_at(seq, seq / 60 + (1.0 if seq >= 15 else 0.0), people=2)
        first, second = motion.people
        first = replace(first, state=list(State)[seq % 4])
        motions.append(replace(motion, people=(first,) if 5 <= seq < 10 else (first, second)))
    return record(tmp_path_factory.mktemp("states") / "take.mcap", motions)


def test_stored_poses_come_out_as_they_went_in(states: Path) -> None:
    """People, states, joints, rotations, contacts, 2D joints: every number; numbered without gaps."""
    sent = play(states, speed=None).motions
    assert [m.seq for m in sent] == list(range(30))
    for motion, stored in zip(sent, read_poses(states), strict=True):
        assert motion.frame.capture_time_ns == stored.capture_time_ns
        assert [(p.person_id, p.state) for p in motion.people] == [(p.id, p.state) for p in stored.people]
        for pose, person in zip(motion.people, stored.people, strict=True):
            assert np.array_equal(pose.joints_world, person.joints)
            assert np.array_equal(pose.bone_rotations, person.bone_rotations)
            assert np.array_equal(pose.root_world, person.root_position)
            assert np.array_equal(pose.contacts, person.contacts)
            assert np.array_equal(pose.observed, person.observed > 0.5)
            assert pose.height_m == person.height_m
        assert len(motion.keypoints) == 2
        assert motion.frame.size == (64, 48)


def test_it_is_stamped_as_if_it_happened_now(states: Path) -> None:
    """Receivers see a delay of milliseconds, not of the days since the recording."""
    now_ns = time.time_ns()
    first = play(states, speed=None).motions[0].frame
    assert abs(first.capture_time_ns + first.wall_offset_ns - now_ns) < 5e9
    assert now_ns - WALL_NS > 10**15


@pytest.mark.parametrize(("speed", "seconds"), [(1.0, 1.0 + 29 / 60), (4.0, (1.0 + 29 / 60) / 4)])
def test_timing_is_the_original_or_scaled(states: Path, speed: float, seconds: float) -> None:
    """Gaps are kept; twice the speed halves all of it; the rate told to receivers follows."""
    sink = play(states, speed=speed)
    assert sink.at_s[-1] - sink.at_s[0] == pytest.approx(seconds, abs=0.25)
    assert sink.at_s[15] - sink.at_s[14] > 0.8 / speed
    assert sink.motions[0].fps == pytest.approx(30.0 * speed)


@pytest.mark.parametrize("speed", [0.5, 1.0, 4.0])
def test_stamps_are_those_of_now_at_every_speed(states: Path, speed: float) -> None:
    """From the first frame to the last; slower or faster, receivers see poses that are neither old nor from
    the future. What the clock counts from the start stays as recorded."""
    sink = play(states, speed=speed)
    assert len(sink.motions) == 30
    wall_s = time.time() - time.monotonic()
    for motion, at_s in zip(sink.motions, sink.at_s, strict=True):
        frame = motion.frame
        stamp_s = (frame.capture_time_ns + frame.wall_offset_ns) / 1e9
        assert stamp_s == pytest.approx(at_s + wall_s, abs=0.15)


def test_parts_and_loops(states: Path) -> None:
    """--start and --end count from the first frame; repeated, time and numbers go on."""
    part = play(states, speed=None, start_s=1.1, end_s=1.3).motions
    times = [(m.frame.capture_time_ns - 5_000_000_000) / 1e9 for m in part]
    assert times[0] >= 1.1
    assert times[-1] <= 1.3
    looped = []
    playback = Playback(states, speed=None, loop=True)
    for played in playback.frames():
        looped.append(played.capture_time_ns)
        if len(looped) == 75:
            playback.close()
    assert (np.diff(looped) > 0).all()
    assert looped[30] - looped[29] == pytest.approx(1e9 / 60, rel=0.01)
    with pytest.raises(SessionError, match="between --start and --end"):
        play(states, speed=None, start_s=100.0)


@pytest.mark.parametrize("count", [120, pytest.param(600, marks=pytest.mark.real)])
def test_at_60_hz_none_is_lost(tmp_path: Path, count: int) -> None:
    """Over OSC and ZeroMQ on this machine: each frame of two people arrives, in time and order."""
    path = record(tmp_path / "take.mcap", (motion_at(s, s / 60, people=2) for s in range(count)))
    seqs: dict[str, list[int]] = {"osc": [], "zmq": []}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ready, over = threading.Event(), threading.Event()
    zmq_sink = ZmqSink(f"ipc://{tmp_path}/z")

    def osc() -> None:
        with OscReceiver("127.0.0.1", port) as receiver:
            ready.set()
            while not over.is_set():
                for message in receiver.receive(0.1) or ():
                    if message[0] == "/mocap/v1/frame" and message[1][0] not in seqs["osc"][-2:]:
                        seqs["osc"].append(message[1][0])

    def zmq() -> None:
        with Subscriber(zmq_sink.endpoint, newest_only=False) as subscriber:
            while not over.is_set():
                if (message := subscriber.receive(0.1)) is not None:
                    seqs["zmq"].append(message.seq)

    threads = [threading.Thread(target=f, daemon=True) for f in (osc, zmq)]
    for thread in threads:
        thread.start()
    ready.wait(5)
    summary = Replay(Playback(path), [OscSink("127.0.0.1", port), zmq_sink]).run(threading.Event())
    time.sleep(0.3)
    over.set()
    for thread in threads:
        thread.join(2)
    assert summary.frames == count
    assert summary.seconds == pytest.approx((count - 1) / 60, abs=0.5)
    assert [s.dropped for s in summary.sinks] == [0, 0]
    assert seqs["osc"] == list(range(count))
    joined_at = seqs["zmq"][0]  # a subscriber that connects late misses the beginning
    assert joined_at < 60
    assert seqs["zmq"] == list(range(joined_at, count))


def test_a_replay_can_be_recorded(states: Path, tmp_path: Path) -> None:
    """The copy holds the same poses, and says whose poses they are."""
    from realtime.session import read_header

    out = tmp_path / "copy.mcap"
    assert main(["replay", str(states), "--headless", "--speed", "50", "--record", str(out)]) == 0
    a, b = list(read_poses(states)), list(read_poses(out))
    assert [m.capture_time_ns for m in a] == [m.capture_time_ns for m in b]
    assert all(np.array_equal(x.people[0].joints, y.people[0].joints) for x, y in zip(a, b, strict=True))
    header = read_header(out)
    assert (header.source, header.settings) == ("walk.mp4", "a: 1\n")
    assert header.metadata["models"] == {"lifter": "ab" * 32}


@pytest.mark.parametrize(
    "output",
    ["--osc 127.0.0.1:1", "--vmc 127.0.0.1:1", "--vrchat 127.0.0.1:1", "--zmq tcp://127.0.0.1:1",
     "--robot g1", "--ros ws://127.0.0.1:1", "--sonic 127.0.0.1:1", "--foxglove 8765", "--record copy.mcap"],
)  # fmt: skip
def test_every_output_is_somewhere_to_send_it(output: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the page any one of them is enough: what is missing then is the file."""
    assert main(["replay", "missing.mcap", "--headless", *output.split()]) == 1
    err = capsys.readouterr().err
    assert "missing.mcap" in err
    assert "nowhere" not in err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--headless"], "nowhere to send"),
        (["--headless", "--osc", "127.0.0.1:1", "--record-video"], "no video"),
        (["--headless", "--osc", "127.0.0.1:1", "--poses-out", "x.npz"], "--poses-out"),
        (["--headless", "--osc", "127.0.0.1:1", "--start", "2", "--end", "1"], "does not lie after"),
        (["--headless", "--osc", "nowhere"], "HOST:PORT"),
    ],
)
def test_what_cannot_be_is_said(
    states: Path, args: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that says what to do; usage errors give code 2."""
    assert main(["replay", str(states), *args]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert "Traceback" not in err


def test_other_files_and_empty_sessions_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A video, a file that is not there, a session without frames: one line, code 1."""
    from mcap.writer import Writer

    (tmp_path / "x.mcap").write_bytes(b"RIFF")
    with (tmp_path / "empty.mcap").open("wb") as file:
        writer = Writer(file)
        writer.start()
        writer.finish()
    for name, words in (("x", "not a session file"), ("gone", "no file"), ("empty", "no frame")):
        assert main(["replay", str(tmp_path / f"{name}.mcap"), "--headless", "--osc", "127.0.0.1:1"]) == 1
        assert words in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    """In the middle of a pause of a minute: within a second, code 0, no traceback."""
    path = record(tmp_path / "take.mcap", (motion_at(s, 60.0 * s) for s in range(3)))
    copy = tmp_path / "copy.mcap"
    program = "import sys; from realtime.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "replay", str(path), "--headless", "--record", str(copy)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not copy.with_suffix(".mcap.partial").exists():
            time.sleep(0.05)
        time.sleep(0.3)
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert time.monotonic() - begin < 2.0
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert "1 frames" in err
    assert len(list(read_poses(copy))) == 1
