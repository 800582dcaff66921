"""Reading sessions, whole, cut off and hostile."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.records import Chunk
from mcap.writer import MCAP0_MAGIC, CompressionType, Writer

from lifting.errors import SessionError
from realtime.playback import Playback
from realtime.recovery import recover
from realtime.session import Scan, read_frames, read_header, read_keypoints, read_poses, read_records
from realtime.sinks import session_schema as schema
from realtime.sinks.foxglove import VIDEO, compressed_video
from realtime.sinks.recorder import SessionRecorder
from realtime.sinks.wire import StreamInfo, encode_keypoints, encode_pose
from realtime.take_report import take_report
from tests.realtime.sessions import motion_at, record
from tests.realtime.sinks.motions import make_motion


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty frames in several chunks."""
    path = tmp_path_factory.mktemp("session") / "take.mcap"
    recorder = SessionRecorder(path, settings="a: 1\n", info=StreamInfo(source="walk.mp4"))
    recorder.open()
    for seq in range(120):
        recorder.write(make_motion(seq))
    recorder.close()
    return path


def test_header_tells_skeleton_settings_and_source(session: Path) -> None:
    """What the recorder said about itself comes back."""
    header = read_header(session)
    assert header.metadata["session"]["source"] == "walk.mp4"
    assert header.settings == "a: 1\n"
    assert header.meta is not None
    assert header.meta.skeleton == "sealcap26"


def test_poses_and_keypoints_come_in_order(session: Path) -> None:
    """Every frame once, both kinds."""
    assert [m.seq for m in read_poses(session)] == list(range(120))
    assert [k.seq for k in read_keypoints(session)] == list(range(120))


@given(st.floats(0.0, 1.0))
@settings(max_examples=25, deadline=None)
def test_any_beginning_of_a_file_reads_as_a_beginning(session: Path, share: float) -> None:
    """Wherever a file is cut, its whole chunks are read and nothing is invented."""
    data = session.read_bytes()
    cut = session.with_name("cut.mcap")
    cut.write_bytes(data[: max(len(MCAP0_MAGIC), int(share * len(data)))])
    seqs = [m.seq for m in read_poses(cut)]
    assert seqs == list(range(len(seqs)))
    scan = Scan()
    list(read_records(cut, scan))
    assert scan.finished or len(seqs) <= 120


@given(st.integers(8, 10**6), st.binary(min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_damage_gives_only_the_library_error(session: Path, at: int, noise: bytes) -> None:
    """Bytes overwritten anywhere: frames, or a SessionError; recover likewise."""
    data = bytearray(session.read_bytes())
    at = 8 + at % (len(data) - 8 - len(noise))
    data[at : at + len(noise)] = noise
    broken, out = session.with_name("broken.mcap"), session.with_name("out.mcap")
    broken.write_bytes(data)
    out.unlink(missing_ok=True)
    try:
        assert {m.seq for m in read_poses(broken)} <= set(range(120))
        assert {m.seq for m in read_poses(recover(broken, out).path)} <= set(range(120))
    except SessionError:
        pass


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With video inside."""
    pytest.importorskip("av", reason="pip install 'sealcap[video]'")
    motions = (motion_at(s, s / 30) for s in range(40))
    return record(tmp_path_factory.mktemp("filmed") / "take.mcap", motions, video=True)


@given(st.integers(8, 10**6), st.binary(min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_a_damaged_session_plays_and_reports_or_is_refused(filmed: Path, at: int, noise: bytes) -> None:
    """Pictures and frames in order, a report, or a SessionError; nothing else, whatever the bytes."""
    data = bytearray(filmed.read_bytes())
    at = 8 + at % (len(data) - 8 - len(noise))
    data[at : at + len(noise)] = noise
    broken = filmed.with_name("broken.mcap")
    broken.write_bytes(data)
    try:
        assert take_report(broken).frames <= 40
        played = [p.stored.pose.seq for p in Playback(broken, speed=None).frames()]
        assert played == sorted(set(played) & set(range(40)))
    except SessionError:
        pass


@pytest.mark.parametrize(
    ("topic", "data"),
    [
        (schema.POSE, b'{"json": 1}'),
        (schema.POSE, b"\x81\xa1v\x02"),
        (schema.KEYPOINTS, b"\xc1"),
        (VIDEO, b"\x1a\xff\xff\xff\xff\x0f"),
        (VIDEO, compressed_video(b"\0\0\0\1\x67" + bytes(range(256)), 1)),
        (schema.META, b"\xff"),
        (schema.STATS, b'{"seq": 1e400}'),
    ],
)
def test_channels_that_hold_something_else(tmp_path: Path, topic: str, data: bytes) -> None:
    """Under our topic a message of another kind: refused with the way out, and recover leaves it out."""
    path = tmp_path / "take.mcap"
    with path.open("wb") as file:
        writer = Writer(file, compression=CompressionType.ZSTD)
        writer.start()
        pose = writer.register_channel(schema.POSE, "msgpack", 0)
        other = pose if topic == schema.POSE else writer.register_channel(topic, "x", 0)
        for seq in range(3):
            writer.add_message(pose, seq, encode_pose(make_motion(seq)), 0, seq)
            writer.add_message(other, seq, data, 0, seq)
        writer.finish()
    try:
        frames = [p.stored.pose.seq for p in Playback(path, speed=None).frames()]
        assert frames == [0, 1, 2]
    except SessionError as error:
        assert "sealcap recover" in str(error)  # noqa: PT017 - some kinds are harmless, some refused
    assert take_report(path).frames == 3
    assert [m.seq for m in read_poses(recover(path).path)] == [0, 1, 2]


def test_what_belongs_to_a_frame_that_is_gone_is_left_out(tmp_path: Path) -> None:
    """2D joints whose pose was lost in a damaged part do not go to another frame."""
    path = tmp_path / "take.mcap"
    with path.open("wb") as file:
        writer = Writer(file, compression=CompressionType.ZSTD)
        writer.start()
        pose = writer.register_channel(schema.POSE, "msgpack", 0)
        points = writer.register_channel(schema.KEYPOINTS, "msgpack", 0)
        for seq in range(4):
            motion = make_motion(seq)
            if seq != 2:
                writer.add_message(pose, seq, encode_pose(motion), 0, seq)
            if seq != 1:
                writer.add_message(points, seq, encode_keypoints(motion), 0, seq)
        writer.finish()
    found = [(f.pose.seq, f.keypoints and f.keypoints.seq) for f in read_frames(path)]
    assert found == [(0, 0), (1, None), (3, 3)]


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_noise_after_the_magic_gives_only_the_library_error(tmp_path: Path, data: bytes) -> None:
    """A file of noise holds no frames and does no harm."""
    path = tmp_path / "noise.mcap"
    path.write_bytes(MCAP0_MAGIC + data)
    assert list(read_poses(path)) == []
    with pytest.raises(SessionError, match="no frame"):
        recover(path, tmp_path / "out.mcap")
    assert not (tmp_path / "out.mcap").exists()
    assert not list(tmp_path.glob("*.recovering"))


@pytest.mark.parametrize("content", [b"", b"RIFF", b"\0" * 100])
def test_other_files_are_named_as_such(tmp_path: Path, content: bytes) -> None:
    """Empty, video, anything: it is not a session file."""
    path = tmp_path / "x.mcap"
    path.write_bytes(content)
    for read in (lambda: list(read_poses(path)), lambda: read_header(path), lambda: recover(path)):
        with pytest.raises(SessionError, match=r"not a session file"):
            read()


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """The path and the reason."""
    with pytest.raises(SessionError, match=r"There is no file .*gone\.mcap\. Give a session"):
        list(read_poses(tmp_path / "gone.mcap"))


def _with_chunk(path: Path, chunk: bytes, size: int, compression: str = "zstd") -> None:
    with path.open("wb") as file:
        writer = Writer(file, use_chunking=False)
        writer.start()
        record = Chunk(
            compression=compression,
            data=chunk,
            message_start_time=0,
            message_end_time=0,
            uncompressed_crc=0,
            uncompressed_size=size,
        )
        from mcap.data_stream import RecordBuilder

        builder = RecordBuilder()
        record.write(builder)
        file.write(builder.end())


def test_a_decompression_bomb_is_skipped(tmp_path: Path) -> None:
    """A chunk that would unpack to more than a session's chunks can hold is not unpacked."""
    path = tmp_path / "bomb.mcap"
    _with_chunk(path, zstandard.compress(b"\0" * (65 << 20)), 65 << 20)
    scan = Scan()
    list(read_records(path, scan))
    assert scan.damaged == 1


@pytest.mark.parametrize("compression", ["lz4", "rot13"])
def test_unknown_compression_is_skipped(tmp_path: Path, compression: str) -> None:
    """Only what our recorder writes is unpacked."""
    path = tmp_path / "other.mcap"
    _with_chunk(path, b"abc", 3, compression)
    scan = Scan()
    list(read_records(path, scan))
    assert scan.damaged == 1


def test_a_record_of_impossible_length_ends_the_file(tmp_path: Path) -> None:
    """A length of 2⁶³ reserves no memory."""
    path = tmp_path / "long.mcap"
    path.write_bytes(MCAP0_MAGIC + struct.pack("<BQ", 6, 2**63) + b"abc")
    assert list(read_poses(path)) == []


def test_recover_leaves_out_damaged_frames(tmp_path: Path) -> None:
    """Frames that do not decode are left out and counted; the reader alone says that the file is damaged."""
    path = tmp_path / "take.mcap"
    with path.open("wb") as file:
        writer = Writer(file, compression=CompressionType.ZSTD)
        writer.start()
        channel = writer.register_channel(schema.POSE, "msgpack", 0)
        for seq in range(10):
            data = encode_pose(make_motion(seq)) if seq != 4 else b"\xff"
            writer.add_message(channel, 10**9 + seq * 10**8, data, 0, seq)
        writer.finish()
    with pytest.raises(SessionError, match="sealcap recover"):
        list(read_poses(path))
    found = recover(path)
    assert (found.frames, found.messages, found.damaged, found.cut_off) == (9, 9, 1, False)
    assert found.seconds == pytest.approx(0.9)
    assert found.path == tmp_path / "take-recovered.mcap"
    assert [m.seq for m in read_poses(found.path)] == [0, 1, 2, 3, 5, 6, 7, 8, 9]


def test_recover_keeps_metadata_and_settings(session: Path, tmp_path: Path) -> None:
    """A recovered session knows as much about itself as the original."""
    cut = tmp_path / "take.mcap.partial"
    cut.write_bytes(session.read_bytes()[:60_000])
    found = recover(cut, tmp_path / "out.mcap")
    assert found.cut_off
    assert read_header(found.path).metadata == read_header(cut).metadata
    assert read_header(found.path).settings == "a: 1\n"


def test_recover_overwrites_nothing(session: Path) -> None:
    """An existing target is refused with what to type."""
    with pytest.raises(SessionError, match="-o NAME"):
        recover(session, session)
