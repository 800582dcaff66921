"""Every numbered example runs as a user would run it, and says what it promises."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from realtime.models import store
from tests.conftest import ROOT
from tests.training.conftest import corpus_arrays

EXAMPLES = ROOT / "examples"
NEEDED = ("blazepose-heavy", "blazepose-search")
FRAMES = 60
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def python(*arguments: object) -> list[str]:
    return [sys.executable, "-W", "error", *map(str, arguments)]


def example(number: int, *arguments: object, cwd: Path) -> str:
    """What an example prints; its errors where it fails."""
    (file,) = EXAMPLES.glob(f"{number:02d}_*.py")
    done = subprocess.run(
        python(file, *arguments), cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of the synthetic figure; skips where the detector is not here."""
    if not all(map(store.is_pulled, NEEDED)):
        pytest.skip("the detector is not here (sealcap models pull)")
    take = tmp_path_factory.mktemp("session") / "take.mcap"
    words = ["run", "synthetic", "--headless", "--max-speed", "--frames", str(FRAMES), "--record", str(take)]
    subprocess.run(
        python("-c", "import sys; from realtime.cli import main; sys.exit(main())", *words),
        env=ENVIRONMENT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    return take


@contextmanager
def playing(session: Path, *outputs: str) -> Iterator[None]:
    """The session over and over, sent to `outputs`, for as long as the block lasts."""
    words = ["replay", str(session), "--headless", "--loop", *outputs]
    sender = subprocess.Popen(
        python("-c", "import sys; from realtime.cli import main; sys.exit(main())", *words),
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        sender.terminate()
        sender.wait(20)


def test_they_are_short_and_numbered() -> None:
    """No number is missing, none is longer than a screen, and each says what it is for."""
    files = sorted(EXAMPLES.glob("*.py"))
    assert [int(file.name[:2]) for file in files] == list(range(1, len(files) + 1))
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith('"""')
        assert len(lines) <= 60, file.name


@pytest.mark.models
def test_receive_poses(session: Path, tmp_path: Path) -> None:
    """01 prints frames while a sender runs; it is stopped like a user would stop it."""
    with playing(session, "--zmq", "tcp://127.0.0.1:5570"):
        receiver = subprocess.Popen(
            python(EXAMPLES / "01_receive_poses.py"), env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
        )
        assert receiver.stdout is not None
        lines = [receiver.stdout.readline() for _ in range(5)]
        receiver.kill()
        receiver.communicate()
    assert all(re.match(r" +\d+  person \d+ \w+ +left", line) for line in lines)


@pytest.mark.models
def test_render_picture(tmp_path: Path) -> None:
    """02 writes a picture of the demo clip."""
    if not store.is_pulled(store.CLIP):
        pytest.skip("the demo clip is not here (sealcap models pull)")
    example(2, tmp_path / "out.png", cwd=tmp_path)
    assert (tmp_path / "out.png").stat().st_size > 10_000


@pytest.mark.models
def test_receive_osc(session: Path, tmp_path: Path) -> None:
    """03 prints as many frames as it is asked for, with places of the wrist."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        try:
            free.bind(("127.0.0.1", 39570))
        except OSError:
            pytest.skip("another program has the OSC port")
    with playing(session, "--osc", "127.0.0.1:39570"):
        lines = example(3, 5, cwd=tmp_path).splitlines()
    assert len(lines) == 5
    assert "left wrist (" in lines[-1]


@pytest.mark.models
def test_pipeline_with_own_sink(session: Path, tmp_path: Path) -> None:
    """04 processes a source to its end; the synthetic figure's recording serves as video."""
    assert f"{FRAMES} frames" in example(4, session, cwd=tmp_path)


@pytest.mark.models
def test_convert_session(session: Path, tmp_path: Path) -> None:
    """05 writes a BVH with Mixamo's names and a GLB."""
    assert "frames" in example(5, session, tmp_path, cwd=tmp_path)
    (bvh,) = tmp_path.glob("*.bvh")
    assert "mixamorig:Hips" in bvh.read_text()
    assert (tmp_path / "take.glb").read_bytes()[:4] == b"glTF"


@pytest.mark.models
def test_read_session(session: Path, tmp_path: Path) -> None:
    """06 tells speeds that a person can reach."""
    text = example(6, session, cwd=tmp_path)
    fastest = [float(value) for value in re.findall(r"fastest ([\d.]+)", text)]
    assert len(fastest) == 2
    assert all(0.05 < value < 20 for value in fastest)


def test_train_tiny_lifter(tmp_path: Path) -> None:
    """07 trains, exports and uses a lifter, from a corpus of two made-up people."""
    pytest.importorskip("torch")
    for split in ("train", "val", "test"):
        np.savez(tmp_path / f"cmu_{split}.npz", **corpus_arrays())
    text = example(7, tmp_path, tmp_path / "run", cwd=tmp_path)
    assert "use it with" in text
    assert (tmp_path / "run" / "tiny.onnx").is_file()
