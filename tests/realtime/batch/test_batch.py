"""`sealcap batch` as a person types it, with real processes: done once, found again, rescued."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from realtime.batch.coverage import Coverage
from realtime.batch.settings import BatchConfig, formats, run_settings, settings_hash
from realtime.cli import main
from realtime.commands.batch import parse
from realtime.data import State
from realtime.models import store
from realtime.session import read_poses
from tests.realtime.batch.videos import FAST, clip_part, plain_video
from tests.realtime.sessions import motion_at

Batch = Callable[..., tuple[int, str]]


@pytest.fixture
def batch(capsys: pytest.CaptureFixture[str]) -> Batch:
    """Runs the command line; exit code and what stands on stderr."""

    def call(*args: object) -> tuple[int, str]:
        code = main(["batch", *map(str, args)])
        return code, capsys.readouterr().err

    return call


@pytest.fixture
def fast() -> tuple[str, ...]:
    """Options for a quick detector; skips where it is not pulled."""
    if not store.is_pulled("movenet-lightning"):
        pytest.skip("models are not pulled")
    return FAST


def report(out: Path) -> dict[str, dict]:
    """The videos of batch.json by name."""
    return {video["video"]: video for video in json.loads((out / "batch.json").read_bytes())["videos"]}


def results(out: Path) -> dict[str, float]:
    """Every file outside of the books, with its time."""
    files = [p for p in out.rglob("*") if p.is_file() and ".batch" not in p.parts]
    return {p.relative_to(out).as_posix(): p.stat().st_mtime for p in files}


@pytest.mark.models
def test_a_collection_is_done_once(tmp_path: Path, batch: Batch, fast: tuple[str, ...]) -> None:
    """Same folders, both of a collision, a failure that stops nobody; then nothing more to do; then only what
    changed is done again."""
    videos, out = tmp_path / "videos", tmp_path / "out"
    clip_part(videos / "sub/walk.mp4", 60, 30)
    plain_video(videos / "a.mp4", 8)
    plain_video(videos / "a.mov", 9)
    (videos / "bad.mp4").write_bytes(b"no video at all")
    code, said = batch(videos, "--out", out, "--format", "bvh,npz", "--workers", 2, *fast)
    assert code == 1
    assert "'bad.mp4'" in said
    assert "3 of 4 videos done, 1 failed" in said
    made = results(out)
    assert set(made) == {
        "a.mcap", "a.mp4.mcap", "sub/walk.mcap", "sub/walk.bvh", "sub/walk.npz", "batch.json", "report.md",
    }  # fmt: skip
    assert [report(out)[name]["frames"] for name in ("a.mov", "a.mp4", "sub/walk.mp4")] == [9, 8, 30]
    assert len(list(read_poses(out / "sub/walk.mcap"))) == 30
    assert report(out)["sub/walk.mp4"]["tracked_percent"] > 80
    assert report(out)["a.mp4"]["longest_gap_s"] == pytest.approx(7 / 30, abs=0.01)
    page = (out / "report.md").read_text()
    assert "| bad.mp4 | failed |" in page
    assert "nobody was seen" in page

    (videos / "bad.mp4").unlink()
    sessions = {name: when for name, when in made.items() if name.endswith(".mcap")}
    code, said = batch(videos, "--out", out, "--format", "csv", *fast)
    assert code == 0
    assert "2 of 3" not in said
    again = results(out)
    assert {name: again[name] for name in sessions} == sessions, "sessions stand, files are added"
    assert "sub/walk.csv" in again

    os.utime(videos / "a.mp4")  # touched, not changed
    plain_video(videos / "a.mov", 11)
    (out / "sub/walk.mcap").unlink()
    code, _ = batch(videos, "--out", out, *fast)
    assert code == 0
    third = results(out)
    changed = {name for name in sessions if third[name] != sessions[name]}
    assert changed == {"a.mcap", "sub/walk.mcap"}
    assert report(out)["a.mov"]["frames"] == 11
    code, said = batch(videos, "--out", out, "--height", 1.8, *fast)
    assert all(results(out)[name] > third[name] for name in sessions), "other settings, other results"
    assert not list((out / ".batch/work").iterdir())


def start(videos: Path, out: Path, *more: object) -> subprocess.Popen[bytes]:
    """The command in a process of its own."""
    code = "import sys; from realtime.cli import main; sys.exit(main())"
    words = ["batch", videos, "--out", out, *more]
    return subprocess.Popen([sys.executable, "-c", code, *map(str, words)], stderr=subprocess.PIPE)


def wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    """Until it is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def busy(out: Path) -> list[Path]:
    """Videos of which frames are done, but not all."""
    return list((out / ".batch/work").glob("*.progress"))


@pytest.mark.models
def test_a_killed_worker_costs_nothing(tmp_path: Path, fast: tuple[str, ...]) -> None:
    """kill -9 in the middle: the video is done again by another worker, nothing is lost or there twice."""
    videos, out = tmp_path / "videos", tmp_path / "out"
    for i in range(3):
        plain_video(videos / f"{i}.mp4", 150, 40 + i)
    with start(videos, out, "--workers", 2, *fast) as process:
        wait_for(lambda: len(busy(out)) > 0)
        workers = psutil.Process(process.pid).children()
        assert 1 <= len(workers) <= 2
        workers[0].kill()
        _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said.decode()
    found = report(out)
    assert {name: (video["status"], video["frames"]) for name, video in found.items()} == {
        f"{i}.mp4": ("done", 150) for i in range(3)
    }
    assert sorted(video["attempts"] for video in found.values()) == [1, 1, 2]
    assert set(results(out)) == {"0.mcap", "1.mcap", "2.mcap", "batch.json", "report.md"}
    for i in range(3):
        assert len(list(read_poses(out / f"{i}.mcap"))) == 150


@pytest.mark.real
@pytest.mark.models
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_and_gone_on(tmp_path: Path, batch: Batch, fast: tuple[str, ...], number: int) -> None:
    """Ctrl-C and kill -9 of the whole command leave no worker, no half file; the next run does the rest."""
    videos, out = tmp_path / "videos", tmp_path / "out"
    plain_video(videos / "long.mp4", 400)
    plain_video(videos / "short.mp4", 4)
    with start(videos, out, "--workers", 2, *fast) as process:
        wait_for(lambda: (out / "short.mcap").exists() and len(busy(out)) == 1)
        workers = psutil.Process(process.pid).children()
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert psutil.wait_procs(workers, timeout=10)[1] == [], "no worker outlives its master"
    assert not (out / "long.mcap").exists()
    if number == signal.SIGINT:
        assert process.returncode == 1
        assert b"The same command goes on" in said
        assert report(out)["long.mp4"]["status"] == "waiting"
    before = results(out)["short.mcap"]
    code, text = batch(videos, "--out", out, *fast)
    assert (code, "1 of 2 videos are finished already" in text) == (0, True)
    assert results(out)["short.mcap"] == before
    assert report(out)["long.mp4"]["frames"] == 400


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to do, nowhere to put it, no such format."""
    for args, word in (
        ([], "sealcap batch VIDEOS --out RESULTS"),
        ([tmp_path], "--out"),
        ([tmp_path / "x.mp4", "--out", tmp_path / "o"], "sealcap run"),
        ([tmp_path, "--out", tmp_path / "o"], "no video"),
        ([tmp_path, "--out", tmp_path / "o", "--format", "fbx"], "no such format"),
    ):
        assert main(["batch", *map(str, args)]) == 2
        said = capsys.readouterr().err
        assert word in said
        assert said.count("\n") == 1
    assert not (tmp_path / "o").exists()


def test_run_options_are_passed_on() -> None:
    """Options of `run` reach the videos; outputs do not exist here; threads do not change the hash."""
    config = parse(
        ["v", "--out", "o", "--height", "1.9", "--people", "2", "--smooth", "0.1", "--record-video"]
    )
    run = run_settings(config, threads=3)
    assert (run.person.height, run.person.people, run.solve.smooth) == (1.9, 2, 0.1)
    assert (run.out.record_video, run.detector.threads, run.max_speed) == (True, 3, True)
    assert settings_hash(run) == settings_hash(run_settings(config, threads=1))
    other = run_settings(parse(["v", "--out", "o"]), threads=3)
    assert settings_hash(run) != settings_hash(other)
    with pytest.raises(SystemExit):
        parse(["v", "--out", "o", "--osc", "127.0.0.1:39570"])
    assert formats(BatchConfig(format="BVH, .glb,bvh")) == (".bvh", ".glb")


def test_coverage_counts(tmp_path: Path) -> None:
    """Who is seen from second 1 to 2 of 4: a quarter, and a gap of two seconds at the end."""
    coverage = Coverage(tmp_path / "progress", 40)
    for i in range(40):
        motion = motion_at(i, i / 10, people=1 if 10 <= i < 20 else 0)
        assert all(person.state is State.TRACKING for person in motion.people)
        coverage.write(motion)
    assert (coverage.frames, coverage.people, coverage.tracked_percent) == (40, 1, 25.0)
    assert coverage.media_s == pytest.approx(3.9)
    assert coverage.longest_gap_s == pytest.approx(2.0)
    assert (tmp_path / "progress").read_text() == "1 40\n"
