"""Everything that can be wrong with a run ends in one clear line and the right exit code."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from realtime.cli import main
from realtime.models import store
from realtime.session import read_header, read_poses
from realtime.sources import live
from tests.realtime.servers import MjpegServer
from tests.realtime.sources.videos import numbered, write_sound, write_video
from tests.realtime.web.test_page import free_port

FAST = ("--detector", "movenet", "--detector.variant", "lightning")
Sealcap = Callable[..., tuple[int, str]]


@pytest.fixture
def sealcap(capsys: pytest.CaptureFixture[str]) -> Sealcap:
    """Runs the command line; exit code and what stands on stderr, never with a traceback."""

    def call(*args: object) -> tuple[int, str]:
        try:
            code = main([str(arg) for arg in args])
        except SystemExit as end:
            code = int(end.code or 0)
        err = capsys.readouterr().err
        assert "Traceback" not in err
        return code, err

    return call


@pytest.fixture
def run(sealcap: Sealcap) -> Sealcap:
    """`sealcap run` without a page and with a fast detector; skips where its models are not pulled."""
    if not store.is_pulled("movenet-lightning"):
        pytest.skip("models are not pulled")
    return lambda *args: sealcap("run", *args, "--headless", *FAST)


def complaint(err: str) -> str:
    """The only thing on stderr: one line that says what is wrong and what to do."""
    lines = err.splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("sealcap: ")
    assert len(lines[0]) < 500
    return lines[0]


@pytest.fixture
def port() -> Iterator[int]:
    """A port on which another program listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def empty(path: Path) -> Path:
    """A file of zero bytes."""
    path.touch()
    return path


def corrupt(path: Path) -> Path:
    """A real video of which the first kilobyte alone arrived."""
    write_video(path, numbered(10))
    path.write_bytes(path.read_bytes()[:1000])
    return path


def text(path: Path) -> Path:
    """No video at all."""
    path.write_text("once upon a time\n" * 99)
    return path


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["runn"], "sealcap run"),
        (["models", "pul"], "sealcap models pull"),
        (["xyzzy"], "sealcap --help"),
        (["run", "--config", "fsat"], "demo, fast, live, quality"),
        (["run", "--config"], "needs a value"),
    ],
)
def test_bad_usage_exits_with_2_and_a_hint(sealcap: Sealcap, args: list[str], words: str) -> None:
    """Unknown commands and configurations name the ones that exist."""
    code, err = sealcap(*args)
    assert code == 2
    assert words in complaint(err)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--nonsense"], "--nonsense"),
        (["--fov", "500"], "150"),
        (["--fov", "wide"], "wide"),
        (["--detector", "yolo"], "blazepose"),
        (["--duration", "-1"], "above 0"),
    ],
)
def test_bad_options_exit_with_2_and_name_the_option(sealcap: Sealcap, args: list[str], words: str) -> None:
    """What the argument parser finds is framed by it, so it may be more than one line."""
    code, err = sealcap("run", "synthetic", "--headless", *args)
    assert code == 2
    assert words in err


def test_an_unknown_key_in_a_yaml_names_the_nearest(sealcap: Sealcap, tmp_path: Path) -> None:
    """With the file, the key and its place."""
    path = tmp_path / "mine.yaml"
    path.write_text("detector:\n  thread: 2\n")
    code, err = sealcap("run", "synthetic", "--config", path)
    assert code == 2
    assert f"{path}: unknown key detector.thread. Did you mean threads?" in complaint(err)


@pytest.mark.models
def test_a_camera_that_is_not_there(run: Sealcap) -> None:
    """The message names its number and the command that lists cameras."""
    code, err = run("97")
    assert code == 1
    assert "Camera 97" in complaint(err)
    assert "sealcap devices" in err


@pytest.mark.models
@pytest.mark.parametrize(
    ("make", "words"), [(empty, "0 bytes"), (corrupt, "video"), (write_sound, "video"), (text, "video")]
)
def test_a_file_that_is_no_video(
    run: Sealcap, tmp_path: Path, make: Callable[[Path], Path], words: str
) -> None:
    """Empty, cut off, sound only, something else: one line, and no output file is begun."""
    path = make(tmp_path / "clip.mp4")
    code, err = run(path, "--record", tmp_path / "a.mcap", "--poses-out", tmp_path / "a.npz")
    assert code == 1
    assert str(path) in complaint(err)
    assert words in err
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.models
@pytest.mark.parametrize("name", ["gone.mp4", "nowhere/clip.mov", "sinthetic"])
def test_a_source_that_does_not_exist(run: Sealcap, name: str) -> None:
    """A file that is not there, and a word that is nothing."""
    code, err = run(name)
    assert code == 1
    assert name in complaint(err)


@pytest.mark.models
def test_a_run_that_does_not_begin_names_no_page(run: Sealcap, sealcap: Sealcap) -> None:
    """The address of a page that is gone already would only mislead."""
    code, err = sealcap("run", "gone.mp4", "--web-port", free_port(), *FAST)
    assert code == 1
    assert "gone.mp4" in complaint(err)


@pytest.mark.models
def test_a_video_one_pixel_high_runs_to_its_end(run: Sealcap, tmp_path: Path) -> None:
    """Nothing can be seen in it, which is no error; every frame is counted."""
    pictures = [np.full((1, 64, 3), 100, np.uint8)] * 12
    path = write_video(tmp_path / "thin.avi", pictures, codec="rawvideo", pix_fmt="bgr24")
    code, err = run(path, "--max-speed", "--record", tmp_path / "thin.mcap")
    assert code == 0, err
    assert "captured 12, published 12" in err
    assert len(list(read_poses(tmp_path / "thin.mcap"))) == 12


@pytest.mark.models
def test_a_clip_without_anybody_ends_well_and_says_so(run: Sealcap, tmp_path: Path) -> None:
    """The NPZ has no row, the session has all frames, the summary says that nobody was seen."""
    path = write_video(tmp_path / "empty.mp4", numbered(30, (320, 240)))
    outputs = ("--record", tmp_path / "e.mcap", "--poses-out", tmp_path / "e.npz")
    code, err = run(path, "--max-speed", *outputs)
    assert code == 0, err
    assert "Nobody was seen." in err
    assert "captured 30, published 30" in err
    with np.load(tmp_path / "e.npz", allow_pickle=False) as arrays:
        assert arrays["joints_cam"].shape == (0, 26, 3)
        assert arrays["joint_names"].shape == (26,)
    messages = list(read_poses(tmp_path / "e.mcap"))
    assert [message.seq for message in messages] == list(range(30))
    assert all(not message.people for message in messages)


@pytest.mark.models
@pytest.mark.parametrize("option", ["--record", "--poses-out"])
@pytest.mark.parametrize("folder", ["missing", "file.txt"])
def test_an_output_folder_that_does_not_exist(run: Sealcap, tmp_path: Path, option: str, folder: str) -> None:
    """Also when something that is no folder has its name. Bad usage: found before anything starts."""
    (tmp_path / "file.txt").write_text("a file")
    name = "a.mcap" if option == "--record" else "a.npz"
    code, err = run("synthetic", option, tmp_path / folder / name)
    assert code == 2
    assert str(tmp_path / folder) in complaint(err)


@pytest.mark.models
@pytest.mark.parametrize(("option", "name"), [("--record", "a.mcap"), ("--poses-out", "a.npz")])
def test_an_output_folder_that_cannot_be_written(
    run: Sealcap, tmp_path: Path, option: str, name: str
) -> None:
    """The message names the file; nothing is left behind."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    code, err = run("synthetic", "--frames", 2, option, folder / name)
    assert code == 1
    assert str(folder / name) in complaint(err)
    assert not list(folder.iterdir())


@pytest.mark.models
def test_an_output_that_cannot_begin_ends_the_run_and_closes_the_others(run: Sealcap, tmp_path: Path) -> None:
    """The outputs that did begin are closed, and no session without a frame is left."""
    blocked = tmp_path / "a.npz.partial"
    blocked.mkdir()
    outputs = ("--record", tmp_path / "a.mcap", "--poses-out", tmp_path / "a.npz")
    code, err = run("synthetic", "--frames", 2, *outputs)
    assert code == 1
    assert "a.npz" in complaint(err)
    assert list(tmp_path.iterdir()) == [blocked]


@pytest.mark.models
@pytest.mark.parametrize(("option", "name"), [("--record", "a.txt"), ("--poses-out", "a.csv")])
def test_an_output_of_the_wrong_kind(run: Sealcap, tmp_path: Path, option: str, name: str) -> None:
    """The ending says the format, so a wrong one is bad usage."""
    code, err = run("synthetic", option, tmp_path / name)
    assert code == 2
    assert f"{option} {tmp_path / name}" in complaint(err)


@pytest.mark.models
@pytest.mark.parametrize("taken", ["take.mcap", "take.mcap.partial"])
def test_a_recording_is_never_overwritten(run: Sealcap, tmp_path: Path, taken: str) -> None:
    """Neither a finished one nor what a crash left; it keeps every byte."""
    (tmp_path / taken).write_bytes(b"precious")
    code, err = run("synthetic", "--frames", 2, "--record", tmp_path / "take.mcap")
    assert code == 1
    assert "take.mcap" in complaint(err)
    assert (tmp_path / taken).read_bytes() == b"precious"
    assert [path.name for path in tmp_path.iterdir()] == [taken]


@pytest.mark.models
def test_a_zeromq_port_in_use(run: Sealcap, port: int, tmp_path: Path) -> None:
    """The run does not begin, and no recording of nothing is left."""
    endpoint = f"tcp://127.0.0.1:{port}"
    code, err = run("synthetic", "--frames", 2, "--zmq", endpoint, "--record", tmp_path / "a.mcap")
    assert code == 1
    assert str(port) in complaint(err)
    assert not list(tmp_path.iterdir())


@pytest.mark.models
@pytest.mark.usefixtures("run")  # for its skip
def test_a_page_port_in_use(sealcap: Sealcap, port: int) -> None:
    """The message names the option for another port."""
    code, err = sealcap("run", "synthetic", "--frames", 2, "--web-port", port, *FAST)
    assert code == 1
    assert str(port) in complaint(err)
    assert "--web-port" in err


@pytest.mark.models
@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--osc", "localhost"], "HOST:PORT"),
        (["--osc", "127.0.0.1:99999"], "HOST:PORT"),
        (["--zmq", "127.0.0.1:5570"], "tcp://"),
        (["--zmq", "tcp://0.0.0.0:5570"], "--lan"),
    ],
)
def test_a_bad_address(run: Sealcap, args: list[str], words: str) -> None:
    """The right form is shown; listening to the whole network has to be asked for."""
    code, err = run("synthetic", "--frames", 2, *args)
    assert code == 2
    assert words in complaint(err)


@pytest.mark.models
def test_max_speed_is_for_files(run: Sealcap) -> None:
    """A stream cannot come faster than it does."""
    with MjpegServer(20) as server:
        code, err = run(server.url, "--max-speed")
    assert code == 2
    assert "--max-speed" in complaint(err)


class Plug:
    """A camera 0 that can be pulled out; stands in for cv2.VideoCapture and nothing else."""

    def __init__(self) -> None:
        self.plugged = True
        self.frames = 0

    def open(self, index: int, *_: object) -> PluggedCapture:
        return PluggedCapture(self, index)


class PluggedCapture:
    """What OpenCV would give."""

    def __init__(self, plug: Plug, index: int) -> None:
        self._plug, self._open = plug, plug.plugged and index == 0

    def isOpened(self) -> bool:  # noqa: N802
        return self._open

    def grab(self) -> bool:
        time.sleep(1 / 60)
        self._open = self._open and self._plug.plugged
        self._plug.frames += self._open
        return self._open

    def retrieve(self) -> tuple[bool, Any]:
        return True, np.full((120, 160, 3), 90, np.uint8)

    def get(self, _prop: int) -> float:
        return 0.0

    def set(self, _prop: int, _value: float) -> bool:
        return True

    def release(self) -> None:
        self._open = False


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Plug:
    """A camera on the desk."""
    plug = Plug()
    monkeypatch.setattr(cv2, "VideoCapture", plug.open)
    monkeypatch.setattr(live, "BACKOFF_S", (0.02, 0.08))
    return plug


@pytest.mark.models
def test_max_speed_is_not_for_cameras(run: Sealcap, plug: Plug) -> None:
    """The camera is let go again."""
    code, err = run("0", "--max-speed")
    assert code == 2
    assert "camera 0 is live" in complaint(err)
    frames = plug.frames
    time.sleep(0.1)
    assert plug.frames == frames


def cut(plug: Plug, after_frames: int) -> threading.Thread:
    """Pulls the plug when the camera has given so many frames."""

    def wait() -> None:
        deadline = time.monotonic() + 20
        while plug.frames < after_frames and time.monotonic() < deadline:
            time.sleep(0.005)
        plug.plugged = False

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.models
def test_a_camera_taken_away_keeps_the_recording(run: Sealcap, plug: Plug, tmp_path: Path) -> None:
    """All frames until then are in a closed session that reads; the run waits for it and ends when told."""
    thread = cut(plug, after_frames=90)
    outputs = ("--record", tmp_path / "cut.mcap", "--poses-out", tmp_path / "cut.npz")
    begin = time.monotonic()
    code, err = run("0", "--duration", 4, *outputs)
    seconds = time.monotonic() - begin
    thread.join()
    assert code == 0, err
    assert seconds < 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.mcap", "cut.npz"]
    messages = list(read_poses(tmp_path / "cut.mcap"))
    assert [message.seq for message in messages] == list(range(len(messages)))
    assert 10 < len(messages) <= plug.frames
    assert f"published {len(messages)}" in err
    assert read_header(tmp_path / "cut.mcap").settings
