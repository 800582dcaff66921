"""Sessions on disk, read back by the MCAP library and by our own reader."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mcap.reader import make_reader

import realtime.sinks
from lifting.errors import ConfigError, MissingExtra, SessionError, SinkError
from realtime.recovery import recover
from realtime.session import read_frames, read_keypoints, read_messages, read_poses
from realtime.sinks import session_schema as schema
from realtime.sinks.recorder import PICTURES, SessionRecorder
from realtime.sinks.runner import SinkRunner
from realtime.sinks.wire import StreamInfo, decode_keypoints, decode_meta, decode_pose
from realtime.sources.session import SessionSource
from realtime.take_report import take_report
from realtime.takes.load import load_takes
from tests.realtime.sessions import motion_at
from tests.realtime.sinks import recording
from tests.realtime.sinks.motions import make_motion

INFO = StreamInfo(source="walk.mp4", models={"lifter": "ab" * 32})


def record(path: Path, frames: int, people: int = 1) -> None:
    recorder = SessionRecorder(path, settings="a: 1\n", info=INFO)
    recorder.open()
    for seq in range(frames):
        recorder.write(make_motion(seq, people))
    recorder.close()


def test_the_mcap_library_reads_what_was_written(tmp_path: Path) -> None:
    """Topics, encodings, times, numbers, metadata and attachment are where the contract says."""
    path = tmp_path / "take.mcap"
    recorder = SessionRecorder(path, settings="a: 1\n", info=INFO)
    motions = [make_motion(seq, people=2) for seq in range(100)]
    before = time.time_ns()
    recorder.open()
    for motion in motions:
        recorder.write(motion)
    recorder.close()
    recorder.close()
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        found: dict[str, list] = {"/pose": [], "/keypoints": [], "/meta": []}
        for schema, channel, message in reader.iter_messages(log_time_order=False, topics=list(found)):
            assert schema is not None
            assert schema.encoding == "text"
            assert b"msgpack map" in schema.data
            assert channel.message_encoding == "msgpack"
            found[channel.topic].append(message)
        metadata = {m.name: m.metadata for m in reader.iter_metadata()}
        (attachment,) = reader.iter_attachments()
    assert [len(found[t]) for t in found] == [100, 100, 1]
    for motion, pose, keypoints in zip(motions, found["/pose"], found["/keypoints"], strict=True):
        assert pose.sequence == motion.seq
        assert pose.log_time == motion.frame.capture_time_ns + motion.frame.wall_offset_ns
        assert abs(pose.publish_time - (motion.publish_ns + motion.frame.wall_offset_ns)) < 50e6
        decoded = decode_pose(pose.data)
        assert np.array_equal(decoded.people[1].joints, motion.people[1].joints_world)
        assert decode_keypoints(keypoints.data).seq == motion.seq
    assert metadata["session"]["source"] == "walk.mp4"
    assert metadata["models"] == INFO.models
    assert metadata["versions"] == INFO.versions
    assert int(metadata["session"]["started_wall_ns"]) >= before
    assert int(metadata["clock"]["wall_offset_ns"]) == motions[0].frame.wall_offset_ns
    assert attachment.data == b"a: 1\n"


def test_what_the_run_finds_out_is_kept(tmp_path: Path) -> None:
    """How camera and stature are known is stored again when it changes; the report says it as it ended."""
    recorder = SessionRecorder(tmp_path / "take.mcap", info=INFO)
    recorder.open()
    for seq, how in enumerate(["assumed", "assumed", "estimated", "estimated"]):
        recorder.write(replace(make_motion(seq), known_from={"camera_height": how}))
    recorder.close()
    found = [decode_meta(m.data).known_from for _, m in read_messages(recorder.path, (schema.META,))]
    assert found == [{"camera_height": "assumed"}, {"camera_height": "estimated"}]
    assert take_report(recorder.path).known_from == {"camera_height": "estimated"}


def test_it_is_partial_until_closed(tmp_path: Path) -> None:
    """The final name appears only with a whole file behind it."""
    path = tmp_path / "take.mcap"
    recorder = SessionRecorder(path)
    recorder.open()
    recorder.write(make_motion())
    assert not path.exists()
    assert recorder.partial.exists()
    recorder.close()
    assert path.exists()
    assert not recorder.partial.exists()


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    """The message proposes a name that is free."""
    record(tmp_path / "take.mcap", 1)
    (tmp_path / "take-2.mcap").touch()
    with pytest.raises(SinkError, match=r"not overwritten.*--record .*take-3\.mcap"):
        SessionRecorder(tmp_path / "take.mcap").open()
    assert len(list(read_poses(tmp_path / "take.mcap"))) == 1


def test_the_rest_of_a_crash_is_not_overwritten(tmp_path: Path) -> None:
    """A .partial that lies there may be somebody's take."""
    (tmp_path / "take.mcap.partial").write_bytes(b"precious")
    with pytest.raises(SinkError, match="sealcap recover"):
        SessionRecorder(tmp_path / "take.mcap").open()
    assert (tmp_path / "take.mcap.partial").read_bytes() == b"precious"


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    """Both takes survive: the other under the name, ours as .partial."""
    recorder = SessionRecorder(tmp_path / "take.mcap")
    recorder.open()
    recorder.write(make_motion())
    (tmp_path / "take.mcap").write_bytes(b"other")
    with pytest.raises(SinkError, match="partial"):
        recorder.close()
    assert (tmp_path / "take.mcap").read_bytes() == b"other"
    assert len(list(read_poses(recorder.partial))) == 1


@pytest.mark.parametrize("name", ["take", "take.bag", "take.mcap.partial", ".mcap"])
def test_the_name_must_end_in_mcap(tmp_path: Path, name: str) -> None:
    """Anything else is refused with a name that would do."""
    with pytest.raises(ConfigError, match=r"must end in \.mcap"):
        SessionRecorder(tmp_path / name)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    """An output that cannot be created stops the start, with the path and the reason."""
    with pytest.raises(SinkError, match=r"nowhere.*No such file"):
        SessionRecorder(tmp_path / "nowhere" / "take.mcap").open()


def test_without_a_frame_there_is_no_file(tmp_path: Path) -> None:
    """Ctrl-C before the first frame, or another output that does not open, leaves nothing behind."""
    record(tmp_path / "take.mcap", 0)
    assert not list(tmp_path.iterdir())


def test_video_without_its_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before anything is opened; without video the recorder needs no such library."""
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.delitem(sys.modules, "realtime.sinks.video_encoder", raising=False)
    monkeypatch.delattr(realtime.sinks, "video_encoder", raising=False)
    with pytest.raises(MissingExtra, match=r"sealcap\[video\]"):
        SessionRecorder(tmp_path / "take.mcap", video=True)
    record(tmp_path / "take.mcap", 3)
    assert len(list(read_poses(tmp_path / "take.mcap"))) == 3


def test_a_stall_costs_pictures_before_poses(tmp_path: Path) -> None:
    """Behind a disk that stands still pictures are left out, and counted; every pose is stored."""
    pytest.importorskip("av", reason="pip install 'sealcap[video]'")
    recorder = SessionRecorder(tmp_path / "take.mcap", video=True)
    stall, store = threading.Event(), recorder.write
    recorder.write = lambda motion: (stall.wait(10), store(motion))[1]  # type: ignore[method-assign]
    runner = SinkRunner(recorder)
    runner.start()
    for seq in range(100):
        runner.submit(motion_at(seq, seq / 30))
    stall.set()
    assert runner.close()
    frames = list(read_frames(recorder.path))
    assert [f.pose.seq for f in frames] == list(range(100))
    with_video = [f.pose.seq for f in frames if f.video is not None]
    assert with_video == list(range(len(with_video)))
    assert PICTURES <= len(with_video) <= PICTURES + 1
    with recorder.path.open("rb") as file:
        (*_, (_, _, stats)) = make_reader(file).iter_messages(topics=["/stats"])
    assert json.loads(stats.data)["without_video"] == 100 - len(with_video)


def test_written_frames_are_on_disk_within_half_a_second(tmp_path: Path) -> None:
    """While the recording goes on, the file already holds all but the newest half second."""
    recorder = SessionRecorder(tmp_path / "take.mcap")
    recorder.open()
    for seq in range(45):
        recorder.write(make_motion(seq))
        time.sleep(1 / 60)
    on_disk = list(read_poses(recorder.partial))
    assert len(on_disk) >= 45 - 35
    recorder.close()
    assert len(list(read_poses(tmp_path / "take.mcap"))) == 45


def test_a_runner_with_a_recorder_stores_every_frame(tmp_path: Path) -> None:
    """Behind its queue the recorder gets every frame of a burst, and the picture's size survives."""
    path = tmp_path / "take.mcap"
    runner = SinkRunner(SessionRecorder(path))
    runner.start()
    for seq in range(500):
        runner.submit(make_motion(seq))
    assert runner.close()
    assert runner.counters.dropped == 0
    assert [m.seq for m in read_poses(path)] == list(range(500))
    assert {(k.width, k.height) for k in read_keypoints(path)} == {(64, 48)}


def _start(*args: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(Path(recording.__file__)), *args]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _until_killed(path: Path, seed: int, *args: str) -> tuple[int, int]:
    """Record until SIGKILL at a random moment; (last frame written, last one written a second before)."""
    with _start(str(path), "0", *args) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(random.Random(seed).uniform(0.05, 2.5))
        process.kill()
        lines = [line.split() for line in process.stdout.read().splitlines() if line.count(" ") == 1]
    written = [(int(seq), int(when)) for seq, when in lines] or [(0, 0)]
    due = [seq for seq, when in written if written[-1][1] - when > 1e9]
    return written[-1][0], due[-1] if due else -1


@pytest.mark.parametrize(
    "seed", [*range(3), *(pytest.param(n, marks=pytest.mark.real) for n in range(3, 20))]
)
def test_kill_loses_at_most_a_second(tmp_path: Path, seed: int) -> None:
    """SIGKILL at any moment: all up to a second before is read, recovered, contiguous, and makes takes.

    Every other time with video, whose pictures are there as far as the poses are, but for the last one.
    """
    partial, video = tmp_path / "take.mcap.partial", ["video"] if seed % 2 else []
    last, due = _until_killed(tmp_path / "take.mcap", seed, *video)
    assert not (tmp_path / "take.mcap").exists()
    read = [m.seq for m in read_poses(partial)]
    assert read == list(range(len(read)))
    assert due < len(read) <= last + 2
    if not read:
        with pytest.raises(SessionError, match="no frame"):
            recover(partial)
        return
    found = recover(partial)
    assert found.cut_off
    assert (found.damaged, found.frames, found.path) == (0, len(read), tmp_path / "take.mcap")
    assert [m.seq for m in read_poses(found.path)] == read
    with found.path.open("rb") as file:
        summary = make_reader(file, validate_crcs=True).get_summary()
    assert summary is not None
    assert summary.statistics is not None
    assert summary.statistics.message_count == found.messages
    assert len(load_takes(found.path)[0]) > 0.5 * len(read)
    if video:
        with SessionSource(found.path, paced=False) as source:
            assert [f.index for f in source.frames()] in (read, read[:-1])


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no file size limits here")
def test_a_full_disk_keeps_what_was_recorded(tmp_path: Path) -> None:
    """At the limit the recorder says so and stops; all chunks written before are read and recovered."""
    path = tmp_path / "take.mcap"
    with _start(str(path), "400000") as process:
        out, message = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "the disk is full" in message
    assert f"sealcap recover {path}.partial" in message
    assert not path.exists()
    read = [m.seq for m in read_poses(tmp_path / "take.mcap.partial")]
    assert read == list(range(len(read)))
    assert len(read) > 0.8 * len(out.splitlines())
    recovered = recover(tmp_path / "take.mcap.partial").path
    assert len(list(read_poses(recovered))) == len(read)
    assert load_takes(recovered)
