"""Armatures that follow anyone keep their person through pauses, in real Blender."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.realtime.clients.blender.test_in_blender import APPLICATION, ROOT

SCRIPT = Path(__file__).with_name("inside_pauses.py")


@pytest.mark.real
def test_nobody_is_exchanged_by_a_pause(tmp_path: Path) -> None:
    """Blender busy for a second, a silent network: A has 0 and B has 1 as before, and nothing else is in the
    take. When 1 goes both have 0; when 2 comes it is B, the last to come, who takes them."""
    if APPLICATION is None:
        pytest.skip("there is no Blender: apt install blender python3-numpy, or set BLENDER")
    command = [APPLICATION, "--background", "--factory-startup", "--python-exit-code", "1", "--python"]
    addons, answer = ROOT / "realtime" / "clients" / "blender", tmp_path / "answer.json"
    done = subprocess.run(
        [*command, str(SCRIPT), "--", str(addons), str(answer)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert json.loads(answer.read_text()) == {
        "begin": [0, 1],
        "busy": [0, 1],
        "silence": [0, 1],
        "recorded": [[0], [1]],
        "one went": [0, 0],
        "another came": [0, 2],
    }
