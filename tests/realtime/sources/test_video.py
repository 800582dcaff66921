"""Video files: times, orientation, pacing, looping and every kind of bad file."""

from __future__ import annotations

import logging
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifting.errors import SourceError
from realtime.sources.video import VideoFileSource
from tests.realtime.servers import read_number
from tests.realtime.sources.videos import numbered, write_sound, write_video


def test_every_frame_comes_once_with_its_own_time(tmp_path: Path) -> None:
    """A file of constant rate gives all pictures in order, 40 ms apart from 0."""
    with VideoFileSource(write_video(tmp_path / "a.mp4", numbered(60)), paced=False) as source:
        assert source.fps == pytest.approx(25)
        frames = list(source.frames())
    assert [read_number(f.image) for f in frames] == list(range(60))
    assert [f.index for f in frames] == list(range(60))
    assert [f.capture_time_ns for f in frames] == [i * 40_000_000 for i in range(60)]
    assert source.missed == 0
    assert not source.live


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.integers(2, 700), min_size=3, max_size=25), suffix=st.sampled_from(["mp4", "mkv"]))
def test_irregular_times_are_kept(tmp_path: Path, steps: list[int], suffix: str) -> None:
    """A file of variable rate keeps each frame's time, and none counts as missed."""
    times = [0, *np.cumsum(steps).tolist()]
    path = write_video(tmp_path / f"vfr.{suffix}", numbered(len(times)), times)
    source = VideoFileSource(path, paced=False)
    frames = list(source.frames())
    assert [read_number(f.image) for f in frames] == list(range(len(times)))
    assert [f.capture_time_ns / 1e6 for f in frames] == pytest.approx(times, abs=0.51)
    assert source.missed == 0


def test_a_stream_without_times_is_numbered_by_its_rate(tmp_path: Path) -> None:
    """Raw H.264 has no timestamps: times still increase by one steady interval."""
    frames = list(VideoFileSource(write_video(tmp_path / "a.h264", numbered(30)), paced=False).frames())
    steps = np.diff([f.capture_time_ns for f in frames])
    assert len(frames) == 30
    assert (steps > 0).all()
    assert steps.max() - steps.min() < 1_000


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_phone_videos_come_out_upright(tmp_path: Path, rotation: int) -> None:
    """A picture stored turned and marked as such arrives as it was meant."""
    upright = np.full((96, 64, 3), 40, np.uint8)
    upright[:24] = 230  # the sky
    stored = np.ascontiguousarray(np.rot90(upright, -rotation // 90))
    path = write_video(tmp_path / "phone.mp4", [stored] * 5, rotation_deg=rotation)
    image = next(iter(VideoFileSource(path, paced=False).frames())).image
    assert image.shape == upright.shape
    assert np.abs(image.astype(int) - upright).mean() < 6


def test_paced_playback_takes_real_time(tmp_path: Path) -> None:
    """A paced file hands out each frame at its time, stamped then, and late frames at once."""
    with VideoFileSource(write_video(tmp_path / "a.mp4", numbered(20)), paced=True) as source:
        delays = []
        for frame in source.frames():
            if frame.index == 0:
                start_ns = frame.received_ns
            delays.append((frame.received_ns - start_ns - frame.capture_time_ns) / 1e6)
            if frame.index == 5:
                time.sleep(0.2)
    assert np.median(delays) < 15
    assert len(delays) == 20, "late frames are delivered all the same"
    assert delays[6] > 100, "the frame after a stall is late"
    assert delays[-1] < 50, "and the rest catch up"


def test_wall_time_is_session_start_plus_media_time(tmp_path: Path) -> None:
    """capture time + offset is the clock on the wall at the start of playing, plus the frame's time."""
    source = VideoFileSource(write_video(tmp_path / "a.mp4", numbered(5)), paced=False)
    before = time.time_ns()
    frames = list(source.frames())
    assert before <= frames[0].capture_time_ns + frames[0].wall_offset_ns <= time.time_ns()
    assert len({f.wall_offset_ns for f in frames}) == 1


def test_looping_goes_on_in_time(tmp_path: Path) -> None:
    """A looped file repeats its pictures while index and time go on evenly."""
    source = VideoFileSource(write_video(tmp_path / "a.mp4", numbered(10)), paced=False, loop=True)
    frames = [frame for frame, _ in zip(source.frames(), range(35), strict=False)]
    assert [read_number(f.image) for f in frames] == [i % 10 for i in range(35)]
    assert [f.index for f in frames] == list(range(35))
    assert [f.turn for f in frames] == [i // 10 for i in range(35)]
    assert set(np.diff([f.capture_time_ns for f in frames])) == {40_000_000}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no file"),
        (b"", "empty"),
        (b"\x00" * 9000, "no video"),
        (b"hello, this is text\n" * 50, "no video"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    """Missing, empty and meaningless files give an error with path and reason."""
    path = tmp_path / "bad.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=rf"bad\.mp4.*{message}|{message}.*bad\.mp4"):
        VideoFileSource(path, paced=False)


def test_a_folder_and_a_sound_are_no_video(tmp_path: Path) -> None:
    """A folder is called one; sound alone is no video."""
    with pytest.raises(SourceError, match="is a folder"):
        VideoFileSource(tmp_path, paced=False)
    with pytest.raises(SourceError, match="sound only"):
        VideoFileSource(write_sound(tmp_path / "song.mp4"), paced=False)


def test_a_recording_cut_before_its_index_is_an_error(tmp_path: Path) -> None:
    """An MP4 whose end is missing has no index: the message says that it may be cut off."""
    path = write_video(tmp_path / "cut.mp4", numbered(50))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SourceError, match="cut off"):
        VideoFileSource(path, paced=False)


def test_a_recording_cut_in_the_middle_gives_its_first_part(tmp_path: Path) -> None:
    """A Matroska file that ends too soon gives what it holds, and ends."""
    path = write_video(tmp_path / "cut.mkv", numbered(100))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames = list(VideoFileSource(path, paced=False).frames())
    numbers = [read_number(f.image) for f in frames]
    assert 20 < len(frames) < 90
    assert numbers[:-2] == list(range(len(frames)))[:-2], "the last pictures may be damaged"


def test_damage_in_the_middle_is_skipped_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Frames on both sides of the damage come through; what is lost is counted and said."""
    path = write_video(tmp_path / "hurt.mp4", numbered(400), gop=25)
    data = bytearray(path.read_bytes())
    third = len(data) // 3
    data[third : third + len(data) // 4] = np.random.default_rng(0).bytes(len(data) // 4)
    path.write_bytes(data)
    source = VideoFileSource(path, paced=False)
    with caplog.at_level(logging.WARNING):
        frames = list(source.frames())
    times = [f.capture_time_ns // 40_000_000 for f in frames]
    assert times[:50] == list(range(50))
    assert times[-50:] == list(range(350, 400))
    assert len(frames) + source.missed == pytest.approx(400, abs=3)
    assert source.missed > 20
    assert "damaged" in caplog.text


@pytest.mark.parametrize(("width", "height"), [(64, 1), (64, 2), (2, 64)])
def test_tiny_pictures_are_pictures(tmp_path: Path, width: int, height: int) -> None:
    """A video one pixel high or wide is read like any other."""
    pictures = [np.full((height, width, 3), 100, np.uint8)] * 4
    path = write_video(tmp_path / "thin.mkv", pictures, codec="ffv1", pix_fmt="bgr0")
    frames = list(VideoFileSource(path, paced=False).frames())
    assert [f.size for f in frames] == [(width, height)] * 4


@pytest.mark.parametrize("paced", [True, False])
def test_close_from_another_thread_ends_frames(tmp_path: Path, paced: bool) -> None:
    """frames() ends within half a second of close(), even while waiting for a frame that is far away."""
    times = [0, 60_000] if paced else None
    path = write_video(tmp_path / "a.mkv", numbered(2 if paced else 300), times)
    source = VideoFileSource(path, paced=paced, loop=not paced)
    ended = threading.Event()

    def play() -> None:
        for _ in source.frames():
            pass
        ended.set()

    thread = threading.Thread(target=play)
    thread.start()
    time.sleep(0.1)
    source.close()
    source.close()
    assert ended.wait(0.5)
    thread.join()


@pytest.mark.skipif(sys.platform == "win32", reason="permissions work differently")
def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    """A file that may not be read is an error that says so."""
    path = write_video(tmp_path / "mine.mp4", numbered(3))
    path.chmod(0)
    try:
        path.open("rb").close()
    except PermissionError:
        with pytest.raises(SourceError, match="cannot be read"):
            VideoFileSource(path, paced=False)
    else:
        pytest.skip("this user may read everything")
    finally:
        path.chmod(0o600)


@pytest.mark.skipif(sys.platform == "win32", reason="open files cannot be removed there")
def test_a_file_that_vanishes_ends_a_loop_with_an_error(tmp_path: Path) -> None:
    """When the file is gone at the next round, the error says so."""
    path = write_video(tmp_path / "a.mp4", numbered(3))
    frames = VideoFileSource(path, paced=False, loop=True).frames()
    next(frames)
    path.unlink()
    with pytest.raises(SourceError, match="gone"):
        list(frames)
