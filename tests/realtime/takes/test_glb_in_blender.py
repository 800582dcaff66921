"""Real Blender opens our GLB files, and its armatures' joints are the takes', frame by frame."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lifting.skeleton import BONES, SEALCAP26
from realtime.axes import BLENDER
from realtime.takes.glb import write_glb
from realtime.takes.take import Take
from tests.realtime.takes.made_takes import walking_take, wild_take
from tests.realtime.takes.test_blender import command
from tests.realtime.takes.test_bvh import JOINT_AT

SCRIPT = Path(__file__).with_name("blender_glb.py")
NEAR_M = 0.001


def imported(program: str, file: Path, takes: list[Take]) -> Any:
    """What Blender says about a file of these takes."""
    run = command(program, SCRIPT)
    write_glb(takes, file)
    answer = file.with_suffix(".json")
    options = [str(file), str(answer), f"{takes[0].fps:g}", str(len(takes[0]))]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    subprocess.run([*run, *options], check=True, timeout=280, env=environment)
    return json.loads(answer.read_text())


def worst_m(take: Take, bones: dict[str, NDArray[np.float64]]) -> float:
    """Metres between the armature's joints and the take's."""
    wanted = BLENDER.points(take.joints_world)
    return max(
        float(np.linalg.norm(np.array(bones[bone]) - wanted[:, SEALCAP26.index(joint)], axis=1).max())
        for bone, joint in JOINT_AT.items()
    )


@pytest.mark.real
@pytest.mark.parametrize("program", ["blender", "bpy"])
@pytest.mark.parametrize("take", [walking_take(60), wild_take(45)], ids=["walking", "wild"])
def test_the_armature_moves_as_the_take(program: str, take: Take, tmp_path: Path) -> None:
    """All 21 bones and nothing else, in every frame, in a scene of the take's rate."""
    answer = imported(program, tmp_path / "a.glb", [take])
    ((_, bones),) = answer["places"].items()
    assert set(bones) == set(BONES.joints)
    assert worst_m(take, bones) < NEAR_M


@pytest.mark.real
@pytest.mark.parametrize("program", ["blender", "bpy"])
def test_two_people_are_two_armatures_that_move(program: str, tmp_path: Path) -> None:
    """Both at once, each with a body."""
    takes = [walking_take(30), replace(wild_take(30, 30.0), person_id=8)]
    answer = imported(program, tmp_path / "two.glb", takes)
    assert {"Person 3 body", "Person 8 body"} <= set(answer["meshes"])
    for take in takes:
        assert worst_m(take, answer["places"][f"Person {take.person_id}"]) < NEAR_M
