"""GLB and BVH imported by real Blender: its armature's joints are the take's, frame by frame."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lifting.skeleton import BONES, SEALCAP26
from realtime.axes import BLENDER
from realtime.takes.bvh import write_bvh
from realtime.takes.glb import write_glb
from realtime.takes.take import Take
from tests.realtime.takes.gltf_reader import JOINT_AT
from tests.realtime.takes.made_takes import walking_take, wild_take

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = Path(__file__).with_name("inside_blender.py")
APPLICATION = os.environ.get("BLENDER") or shutil.which("blender")
MODULE = ROOT / ".venv-bpy" / "bin" / "python"
"""A Python with the bpy wheel, which is another Blender."""
NEAR_M = 0.01


def command(which: str) -> list[str]:
    """How to run a script in Blender; skips where there is none."""
    if which == "bpy":
        if not MODULE.is_file():
            pytest.skip("there is no .venv-bpy with the bpy wheel")
        return [str(MODULE), str(SCRIPT), "--"]
    if APPLICATION is None:
        pytest.skip("there is no Blender (apt install blender, or set BLENDER)")
    return [APPLICATION, "--background", "--factory-startup", "--python-exit-code", "1",
            "--python", str(SCRIPT), "--"]  # fmt: skip


def imported(which: str, file: Path, take: Take) -> Any:
    """What Blender says about the file."""
    answer = file.with_suffix(".json")
    arguments = [str(file), str(answer), f"{take.fps:g}", str(len(take))]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [*command(which), *arguments],
        capture_output=True,
        text=True,
        timeout=250,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(answer.read_text())


def worst_m(take: Take, bones: dict[str, NDArray[np.float64]]) -> float:
    """Metres between the armature's joints and the take's."""
    wanted = BLENDER.points(take.joints_world)
    return max(
        float(np.linalg.norm(np.array(bones[bone]) - wanted[:, SEALCAP26.index(joint)], axis=1).max())
        for bone, joint in JOINT_AT.items()
    )


def as_bvh(take: Take, path: Path) -> None:
    write_bvh(take, path, units="m")


def as_glb(take: Take, path: Path) -> None:
    write_glb([take], path)


@pytest.mark.real
@pytest.mark.parametrize("which", ["application", "bpy"])
@pytest.mark.parametrize("take", [walking_take(60), wild_take(45)], ids=["walking", "wild"])
@pytest.mark.parametrize(("name", "write"), [("a.glb", as_glb), ("a.bvh", as_bvh)], ids=["glb", "bvh"])
def test_the_armature_moves_as_the_take(
    which: str, take: Take, name: str, write: Callable[[Take, Path], None], tmp_path: Path
) -> None:
    """All 21 bones, at the take's rate, every joint within a centimetre in every frame."""
    write(take, tmp_path / name)
    answer = imported(which, tmp_path / name, take)
    ((_, bones),) = answer["places"].items()
    assert set(bones) == set(BONES.joints)
    assert answer["fps"] == pytest.approx(take.fps)
    assert worst_m(take, bones) < NEAR_M


@pytest.mark.real
@pytest.mark.parametrize("which", ["application", "bpy"])
def test_two_people_are_two_armatures_that_move(which: str, tmp_path: Path) -> None:
    """Both at once, each with a body."""
    takes = [walking_take(30), replace(wild_take(30, 30.0), person_id=8)]
    write_glb(takes, tmp_path / "two.glb")
    answer = imported(which, tmp_path / "two.glb", takes[0])
    assert {"Person 3 body", "Person 8 body"} <= set(answer["meshes"])
    for take in takes:
        assert worst_m(take, answer["places"][f"Person {take.person_id}"]) < NEAR_M
