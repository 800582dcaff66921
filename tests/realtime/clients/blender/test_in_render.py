"""A take recorded through the add-on is rendered without a window or a graphics card."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from realtime.sinks.osc import OscSink
from tests.realtime.clients.blender import test_in_blender
from tests.realtime.clients.blender.senders import motion_at
from tests.realtime.clients.blender.test_in_blender import ROOT, free_port, running, until
from tests.realtime.takes.made_takes import walking_take

SCRIPT = Path(__file__).with_name("inside_render.py")
RATE, FRAMES = 60.0, 90


@pytest.mark.real
@pytest.mark.parametrize("which", ["blender", "bpy"])
def test_moments_are_rendered(which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blue, violet and orange figures stand side by side in the picture, before a light floor."""
    monkeypatch.setattr(test_in_blender, "SCRIPT", SCRIPT)
    archive = tmp_path / "sealcap-blender.zip"
    pack = ROOT / "realtime" / "clients" / "blender" / "pack.py"
    subprocess.run([sys.executable, str(pack), str(archive)], check=True, capture_output=True)
    paths = {name: str(tmp_path / name) for name in ("ready", "set", "answer")}
    port, picture = free_port(), tmp_path / "picture.jpg"
    job = {"zip": str(archive), "port": port, "picture": str(picture), "samples": 2, "size": [240, 120],
           "moments": 3, **paths}  # fmt: skip
    takes, sink = [walking_take(FRAMES, RATE)], OscSink("127.0.0.1", port)
    sink.open()
    with running(which, job, tmp_path) as blender:
        until(blender, tmp_path / "ready")
        until(blender, tmp_path / "set", sink, takes)
        for index in range(FRAMES):
            sink.write(motion_at(takes, index))
        assert blender.wait(timeout=200) == 0, (tmp_path / "log").read_text()[-3000:]
    sink.close()
    assert json.loads((tmp_path / "answer").read_text())["frames"][1] >= FRAMES / RATE * 30 - 2
    image = cv2.imread(str(picture)).astype(int)
    blue, _, red = image[..., 0], image[..., 1], image[..., 2]
    for third, wanted in ((slice(0, 80), blue - red), (slice(160, 240), red - blue)):
        assert (wanted[:, third] > 40).sum() > 100
