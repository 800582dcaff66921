"""A recorded session as a source: the same frames at the same times, and the same poses from them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lifting.camera import Intrinsics
from lifting.camera_estimate import CameraEstimate
from lifting.errors import SourceError
from realtime.build import open_lifter
from realtime.cli import main
from realtime.config import LifterConfig
from realtime.data import Frame, Keypoints
from realtime.people import People
from realtime.pipeline import Pipeline
from realtime.recorded_tracker import PersonTracker, RecordedTracker
from realtime.session import read_header, read_keypoints, read_poses
from realtime.sinks.foxglove import VIDEO
from realtime.sinks.recorder import SessionRecorder
from realtime.solve.body import SolverOptions
from realtime.sources.factory import open_source
from realtime.sources.session import SessionSource
from realtime.sources.synthetic import SyntheticSource
from tests.realtime.sessions import motion_at, picture, record

SIZE = (322, 241)
"""Odd on purpose in one direction: H.264 wants even sides."""


class ExactTracker:
    """Sees what the synthetic figure's joints really are, a little shaken; away for some frames."""

    def update(self, frame: Frame) -> list[Keypoints]:
        assert frame.truth is not None
        if 20 <= frame.index < 40:
            return []
        rng = np.random.default_rng(frame.index)
        points = (frame.truth.points_px + rng.normal(0, 1, (21, 2))).astype(np.float32)
        box = np.array([*points.min(0), *points.max(0)], np.float32)
        confidence = rng.uniform(0.3, 1, 21).astype(np.float32)
        return [Keypoints(3, points, confidence, box, restarted=frame.index in (0, 40))]

    def choose(self, x_px: float, y_px: float) -> None:
        """There is one."""


class Unseen(SyntheticSource):
    """Frames of which only the 2D joints count: whatever else a picture tells is not in a session."""

    def frames(self) -> Iterator[Frame]:
        for frame in super().frames():
            yield replace(frame, recorded=())


def run(source: object, tracker: PersonTracker, path: Path, smooth: float = 0.5, frames: int = 70) -> Path:
    """Lift and solve all frames of a source into a session."""
    people = People(open_lifter(LifterConfig()), SolverOptions(smooth=smooth))
    camera: Callable[[int, int], CameraEstimate] = lambda w, h: CameraEstimate(  # noqa: E731
        Intrinsics.from_fov(w, h, 60.0)
    )
    sinks = [SessionRecorder(path)]
    Pipeline(source, tracker, people, camera, sinks, lossless=True, frames=frames).run(threading.Event())  # type: ignore[arg-type]
    return path


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session made from 2D joints that are known."""
    path = tmp_path_factory.mktemp("solved") / "take.mcap"
    return run(Unseen(30.0, (320, 240), paced=False), ExactTracker(), path)


def test_without_video_the_same_joints_give_the_same_poses(solved: Path, tmp_path: Path) -> None:
    """Lifted and solved again with the same settings: equal times and, to the last bit, equal joints."""
    again = run(SessionSource(solved, paced=False), RecordedTracker(), tmp_path / "again.mcap")
    before, after = list(read_poses(solved)), list(read_poses(again))
    assert len(before) == 70
    for a, b in zip(before, after, strict=True):
        assert (a.capture_time_ns, a.wall_offset_ns) == (b.capture_time_ns, b.wall_offset_ns)
        assert [(p.id, p.state) for p in a.people] == [(p.id, p.state) for p in b.people]
        for p, q in zip(a.people, b.people, strict=True):
            assert np.array_equal(p.joints, q.joints)
            assert np.array_equal(p.bone_rotations, q.bone_rotations)
    assert any(p.state == "predicted" for m in before for p in m.people)


def test_other_settings_give_other_poses(solved: Path, tmp_path: Path) -> None:
    """Without smoothing the same 2D joints move more."""
    rough = run(SessionSource(solved, paced=False), RecordedTracker(), tmp_path / "rough.mcap", smooth=0.0)

    def shake(path: Path) -> float:
        joints = np.array([m.people[0].joints for m in list(read_poses(path))[45:]])
        return float(np.abs(np.diff(joints, n=2, axis=0)).mean())

    assert shake(rough) > 1.1 * shake(solved)


def test_the_command_needs_no_detector(
    solved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sealcap run FILE.mcap` says what it does, loads no 2D networks and keeps the times."""
    monkeypatch.setenv("SEALCAP_CACHE", str(tmp_path / "nothing here"))
    out = tmp_path / "again.mcap"
    assert main(["run", str(solved), "--max-speed", "--headless", "--record", str(out)]) == 0
    assert "holds no video" in capsys.readouterr().err
    times = [[m.capture_time_ns + m.wall_offset_ns for m in read_poses(p)] for p in (solved, out)]
    assert times[0] == times[1]
    assert main(["run", str(out), "--max-speed", "--headless", "--record", str(tmp_path / "c.mcap"),
                 "--record-video"]) == 2  # fmt: skip
    assert "no video" in capsys.readouterr().err
    assert not (tmp_path / "c.mcap").exists()


def test_restarts_are_stored(solved: Path) -> None:
    """Where history had to be forgotten, it is forgotten again."""
    stored = list(read_keypoints(solved))
    assert [k.seq for k in stored if k.persons and k.persons[0].restarted] == [0, 40]


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two and a half seconds with video."""
    pytest.importorskip("av", reason="pip install 'sealcap[video]'")
    path = tmp_path_factory.mktemp("filmed") / "take.mcap"
    return record(path, (motion_at(s, s / 30, size=SIZE) for s in range(75)), video=True)


def test_pictures_come_back(filmed: Path) -> None:
    """As many frames as were recorded, at their times, of their odd size, hardly changed."""
    with SessionSource(filmed, paced=False) as source:
        frames = list(source.frames())
    assert [f.index for f in frames] == list(range(75))
    stored = list(read_poses(filmed))
    assert [f.capture_time_ns for f in frames] == [m.capture_time_ns for m in stored]
    for frame in frames[::12]:
        assert frame.size == SIZE
        assert frame.recorded is None
        error = frame.image.astype(float) - picture(frame.index, SIZE)
        assert np.sqrt((error**2).mean()) < 6.0
    assert source.missed == 0


def test_video_is_what_viewers_ask_for(filmed: Path) -> None:
    """Annex B, one picture a message, a parameter set and a key frame every second, no B-frames."""
    import av
    from mcap.reader import make_reader

    published = pytest.importorskip("foxglove_schemas_protobuf.CompressedVideo_pb2", reason="pip install it")
    assert read_header(filmed).has_video
    with filmed.open("rb") as file:
        found = list(make_reader(file).iter_messages(topics=[VIDEO]))
    packets = [published.CompressedVideo.FromString(message.data) for _, _, message in found]
    schema = found[0][0]
    assert schema is not None
    assert (schema.name, schema.encoding) == ("foxglove.CompressedVideo", "protobuf")
    kinds = [[unit[0] & 31 for unit in p.data.split(b"\0\0\1")[1:]] for p in packets]
    assert [i for i, units in enumerate(kinds) if 5 in units] == [0, 30, 60]
    assert all((5 in units) == (7 in units and 8 in units) for units in kinds)
    codec = av.CodecContext.create("h264", "r")
    codec.thread_count = 1
    pictures = [codec.decode(av.Packet(p.data)) for p in packets]
    assert [len(p) for p in pictures] == [1] * 75
    assert not any(p[0].pict_type == av.video.frame.PictureType.B for p in pictures)


def test_a_part_begins_with_a_whole_picture(filmed: Path) -> None:
    """From the middle of a second: the key frame before it is decoded first."""
    from realtime.playback import Playback

    first = next(Playback(filmed, speed=None, start_s=1.5).frames())
    assert first.stored.pose.seq == 45
    assert first.image is not None
    assert np.abs(first.image.astype(float) - picture(45, SIZE)).mean() < 4.0


def test_files_are_told_by_their_ending(filmed: Path, tmp_path: Path) -> None:
    """`sealcap run FILE.mcap`, also of one that was cut off; what is no session is said to be none."""
    cut = tmp_path / "cut.mcap.partial"
    cut.write_bytes(filmed.read_bytes()[: filmed.stat().st_size // 2])
    with open_source(str(cut), paced=False) as source:
        assert isinstance(source, SessionSource)
        assert 5 < len(list(source.frames())) < 75
    (tmp_path / "x.mcap").write_bytes(b"RIFF")
    with pytest.raises(SourceError, match="not a session file"):
        open_source(str(tmp_path / "x.mcap"), paced=False)
