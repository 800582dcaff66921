"""A character that real Blender made and exported: A-pose, Mixamo's names, automatic weights, a texture."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from lifting.skeleton import BONES
from realtime.avatar.model import read_model
from realtime.takes.bvh import bone_name
from realtime.web.avatar import AvatarRig
from tests.realtime.takes.made_takes import take_of
from tests.realtime.takes.test_blender import command

SCRIPT = Path(__file__).with_name("blender_character.py")


@pytest.mark.real
@pytest.mark.parametrize("program", ["blender", "bpy"])
def test_it_is_read_and_brought_into_the_t_pose(program: str, tmp_path: Path) -> None:
    """Bones where Blender had them, left side red, and arms straight out when the person's are."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    run = [*command(program, SCRIPT), str(tmp_path / "a.glb"), str(tmp_path / "a.json")]
    subprocess.run(run, check=True, timeout=280, env=environment)
    model, heads = read_model(tmp_path / "a.glb"), json.loads((tmp_path / "a.json").read_text())
    assert model.bones == BONES.joints
    # Mixamo's third bone of the spine has the shoulders, which CMU's two bones have not.
    names = ["Spine2" if bone == "Chest" else bone_name(bone, "cmu") for bone in BONES.joints]
    wanted = np.array([heads[name] for name in names])
    assert np.abs((model.heads - model.heads[0]) - (wanted - wanted[0])).max() < 1e-4
    assert sorted(model.palette.tolist()) == [[0, 255, 0], [255, 0, 0]]
    red = model.vertices[model.faces[model.face_color == model.palette[:, 0].argmax()]]
    assert red.mean(1)[:, 0].min() > -0.05
    assert (model.weights > 0.05).sum(1).max() > 1

    still = take_of({}).bone_rotations[0]
    R, posed = AvatarRig(model).pose(still, model.heads[0], model.heads[0, 1] / 0.5198)
    skinned = np.einsum("vb,bij,vbj->vi", model.weights, R, model.vertices[:, None] - model.heads)
    skinned += model.weights @ posed
    tip = skinned[skinned[:, 0].argmax()]
    shoulder = posed[model.bones.index("LeftUpperArm")]
    assert tip[0] - shoulder[0] > 0.5
    assert abs(tip[1] - shoulder[1]) < 0.12
