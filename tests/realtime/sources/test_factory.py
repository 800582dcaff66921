"""From words to sources, the list of cameras, and the demo clip."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lifting.errors import ModelError, SourceError
from realtime.commands.devices import devices
from realtime.sources import devices as device_list
from realtime.sources.devices import CameraInfo, list_cameras
from realtime.sources.factory import open_source
from realtime.sources.synthetic import SyntheticSource
from realtime.sources.url import UrlSource
from realtime.sources.video import VideoFileSource
from tests.realtime.servers import MjpegServer
from tests.realtime.sources.videos import numbered, write_video


def test_each_kind_of_word_opens_its_source(tmp_path: Path) -> None:
    """A path is a video, an address a stream, `synthetic` the figure; options arrive."""
    path = write_video(tmp_path / "walk.mp4", numbered(3))
    with open_source(str(path), paced=True, loop=True) as video:
        assert isinstance(video, VideoFileSource)
        assert (video.paced, video.loop, video.name) == (True, True, "walk.mp4")
    with MjpegServer() as server, open_source(server.url, paced=True) as stream:
        assert isinstance(stream, UrlSource)
    with open_source("synthetic", paced=False, width=320, height=240, fps=60) as figure:
        assert isinstance(figure, SyntheticSource)
        assert next(iter(figure.frames())).size == (320, 240)
        assert figure.fps == 60


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("kamera", r"no source 'kamera'.*camera number.*demo"),
        ("", "no source"),
        ("-1", "no source"),
        ("99999", "no source"),
        ("missing.mp4", r"no file missing\.mp4"),
        ("folder/missing", "no file"),
        ("gopher://host/x", "no stream address"),
    ],
)
def test_other_words_are_explained(word: str, message: str) -> None:
    """A word that names nothing is an error saying what would be valid."""
    with pytest.raises(SourceError, match=message):
        open_source(word, paced=True)


@pytest.mark.skipif(bool(list_cameras()), reason="this machine has cameras")
def test_without_cameras_the_commands_say_what_to_check(capsys: pytest.CaptureFixture[str]) -> None:
    """`devices` ends well and hints; camera 0 is an error pointing to it."""
    assert devices() == 0
    out = capsys.readouterr().out
    assert "No camera was found" in out
    assert "sealcap run demo" in out
    with pytest.raises(SourceError, match=r"Camera 0 .*No other camera.*sealcap devices"):
        open_source("0", paced=True)


def test_cameras_are_listed_with_their_numbers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Number and name of every camera, the busy one marked."""
    cameras = [CameraInfo(0, "Desk", "/dev/video0"), CameraInfo(2, "Door", "/dev/video2")]
    monkeypatch.setattr("realtime.commands.devices.list_cameras", lambda: cameras)
    monkeypatch.setattr(
        "realtime.commands.devices.probe_modes", lambda i: ["640×480 at 30 fps"] if i == 0 else []
    )
    assert devices() == 0
    out = capsys.readouterr().out
    assert "Desk" in out
    assert "Door" in out
    assert "sealcap run 0" in out
    assert "in use" in out


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32", "freebsd"])
def test_every_system_has_a_hint(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    """The hint fits the system, with something to do."""
    monkeypatch.setattr(sys, "platform", platform)
    words = {"linux": "video", "darwin": "Privacy", "win32": "Privacy", "freebsd": "plugged"}
    assert words[platform].lower() in device_list.hint().lower()


def test_opening_one_kind_does_not_load_the_others() -> None:
    """A video needs no camera library and no network code: start-up stays quick."""
    code = (
        "import sys, realtime.sources.factory\nassert not {'cv2', 'cv2_enumerate_cameras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.models
def test_the_demo_clip_plays() -> None:
    """The clip is a real video of a person: hundreds of frames at a usual rate."""
    try:
        source = open_source("demo", paced=False)
    except ModelError:
        pytest.skip("the demo clip is not here (sealcap models pull)")
    with source:
        times = [frame.capture_time_ns for frame in source.frames()]
        assert source.name == "demo"
    assert len(times) > 100
    assert times == sorted(times)
