"""The add-on in Blender with a real window, under Xvfb: timer, panel, recording, undo."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.sinks.osc import OscSink
from tests.realtime.clients.blender.senders import motion_at, on_the_spot
from tests.realtime.clients.blender.test_in_blender import APPLICATION, ROOT, free_port, until
from tests.realtime.takes.made_takes import walking_take

SCRIPT = Path(__file__).with_name("inside_window.py")
XVFB = shutil.which("xvfb-run")
RATE = 30.0


@pytest.mark.real
def test_a_window_shows_and_records(tmp_path: Path) -> None:
    """Blender's own timer takes in every frame while software GL draws as slowly as it likes; the panel is
    seen, the take has its length, and one undo takes the keyframes away and leaves the armatures."""
    if APPLICATION is None or XVFB is None:
        pytest.skip("there is no Blender or no Xvfb: apt install blender python3-numpy xvfb libgl1-mesa-dri")
    archive = tmp_path / "sealcap-blender.zip"
    pack = ROOT / "realtime" / "clients" / "blender" / "pack.py"
    subprocess.run([sys.executable, str(pack), str(archive)], check=True, capture_output=True)
    paths = {name: str(tmp_path / name) for name in ("ready", "set", "answer")}
    job = {"zip": str(archive), "port": free_port(), "record_s": 4.0,
           "screenshot": str(tmp_path / "panel.png"), **paths}  # fmt: skip
    (tmp_path / "job.json").write_text(json.dumps(job))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment |= {f"BLENDER_USER_{n}": str(tmp_path / n.lower()) for n in ("CONFIG", "SCRIPTS")}
    command = [XVFB, "-a", "-s", "-screen 0 1280x800x24", APPLICATION, "--factory-startup",
               "--enable-event-simulate", "--window-geometry", "0", "0", "1280", "800",
               "--python", str(SCRIPT), "--", str(tmp_path / "job.json")]  # fmt: skip
    with (tmp_path / "log").open("w") as log:
        blender = subprocess.Popen(command, stdout=log, stderr=log, text=True, env=environment)
        try:
            until(blender, tmp_path / "ready")
            _walk_until_done(blender, int(job["port"]))  # type: ignore[call-overload]
        finally:
            blender.kill()
            blender.wait()
    answer = json.loads((tmp_path / "answer").read_text())
    assert answer["lost"] == 0
    assert answer["drawn"] == ["characters", "missing_bones"]
    assert answer["frames"] > 4 * RATE
    for first, last in answer["actions"].values():
        assert first == 1
        assert last - first >= answer["seconds"] * 24 - 1  # what waited while it was drawing comes on top
    assert sorted(answer["actions"]) == ["Take 1 Sealcap", "Take 1 metarig"]
    assert answer["undone"] == []
    assert sorted(answer["armatures"]) == ["Sealcap", "metarig"]
    picture = cv2.imread(job["screenshot"])  # type: ignore[call-overload]
    assert picture is not None
    assert np.std(picture.astype(float)) > 5


def _walk_until_done(blender: subprocess.Popen[str], port: int) -> None:
    """Somebody walks in place of a camera until Blender ends, for two minutes at most."""
    take, sink, pause = on_the_spot(walking_take(3600, RATE)), OscSink("127.0.0.1", port), threading.Event()
    sink.open()
    for index in range(len(take)):
        if blender.poll() is not None:
            break
        sink.write(motion_at([take], index))
        pause.wait(1 / RATE)
    sink.close()
