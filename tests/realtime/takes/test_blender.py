"""Real Blender opens our BVH files, and its bones are where the take's joints are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from lifting.skeleton import SEALCAP26
from realtime.axes import BLENDER
from realtime.takes.bvh import write_bvh
from realtime.takes.load import load_takes
from realtime.takes.take import Take
from tests.realtime.takes.made_takes import walking_take, wild_take
from tests.realtime.takes.test_bvh import JOINT_AT

SCRIPT = Path(__file__).with_name("blender_bvh.py")
BPY_PYTHON = Path(os.environ.get("SEALCAP_BPY", Path(__file__).parents[3] / ".venv-bpy")) / "bin" / "python"


def command(program: str, script: Path = SCRIPT) -> list[str]:
    """How to run a script in that Blender; skips where it is absent."""
    if program == "bpy":
        if not BPY_PYTHON.exists():
            pytest.skip("no bpy: python3.11 -m venv .venv-bpy && .venv-bpy/bin/pip install bpy==5.0.1")
        return [str(BPY_PYTHON), str(script), "--"]
    found = shutil.which("blender")
    if found is None:
        pytest.skip("no Blender: apt install blender python3-numpy")
    return [
        found,
        "--background",
        "--factory-startup",
        "--python-exit-code",
        "9",
        "--python",
        str(script),
        "--",
    ]


@pytest.mark.real
@pytest.mark.parametrize("program", ["blender", "bpy"])
@pytest.mark.parametrize("motion", ["walking", "wild", "recorded"])
def test_bones_are_where_the_joints_are(
    tmp_path: Path, session_file: Path, program: str, motion: str
) -> None:
    """Every joint in every frame within a centimetre (far less, in fact), at the take's rate."""
    run = command(program)
    makers = {"walking": walking_take, "wild": wild_take, "recorded": lambda: load_takes(session_file)[0]}
    take: Take = makers[motion]()
    write_bvh(take, tmp_path / "a.bvh", units="m")
    subprocess.run([*run, str(tmp_path / "a.bvh"), str(tmp_path / "a.json")], check=True, timeout=280)
    answer = json.loads((tmp_path / "a.json").read_text())
    assert answer["fps"] == pytest.approx(take.fps, rel=1e-4)
    assert answer["frames"] == [1, len(take)]
    for bone, joint in JOINT_AT.items():
        wanted = BLENDER.points(take.joints_world[:, SEALCAP26.index(joint)])
        assert np.abs(np.array(answer["heads"][bone]) - wanted).max() < 1e-3, bone
