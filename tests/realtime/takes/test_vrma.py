"""VRMA read back by pygltflib: what the specification asks for, and the take's motion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lifting.skeleton import BONES
from realtime.takes.take import Take
from realtime.takes.vrma import write_vrma
from tests.realtime.takes.gltf_reader import GltfReader, assert_same_motion
from tests.realtime.takes.made_takes import gappy, walking_take, wild_take

REQUIRED = {
    "hips", "spine", "head",
    *(
        f"{side}{bone}"
        for side in ("left", "right")
        for bone in ("UpperLeg", "LowerLeg", "Foot", "UpperArm", "LowerArm", "Hand")
    ),
}  # fmt: skip
OPTIONAL = {
    "chest", "upperChest", "neck",
    *(f"{side}{bone}" for side in ("left", "right") for bone in ("Shoulder", "Toes")),
}  # fmt: skip
"""VRM 1.0's names of bones that a body has; leftEye and rightEye are forbidden in an animation."""


def bones_of(reader: GltfReader) -> dict[str, int]:
    """Node of each bone by the extension, under our name."""
    bones = reader.gltf.extensions["VRMC_vrm_animation"]["humanoid"]["humanBones"]
    ours = {bone.lower(): bone for bone in BONES.joints}
    return {ours[name.lower()]: bone["node"] for name, bone in bones.items()}


@pytest.mark.parametrize(
    "take", [walking_take(40), gappy(wild_take(60), slice(10, 20))], ids=["walk", "wild"]
)
def test_the_motion_comes_back(take: Take, tmp_path: Path) -> None:
    """Joints, rotations and times; through gaps, too."""
    write_vrma(take, tmp_path / "a.vrma")
    reader = GltfReader(tmp_path / "a.vrma")
    assert np.abs(reader.times() - take.times_s).max() < 1e-6
    assert_same_motion(take, reader, bones_of(reader))


def test_it_is_what_the_specification_asks_for(tmp_path: Path) -> None:
    """Version, all required bones by their names, one animation, T-pose, nothing scaled, only hips moved."""
    write_vrma(walking_take(5), tmp_path / "a.vrma")
    gltf = GltfReader(tmp_path / "a.vrma").gltf
    assert "VRMC_vrm_animation" in gltf.extensionsUsed
    extension = gltf.extensions["VRMC_vrm_animation"]
    assert extension["specVersion"] == "1.0"
    bones = extension["humanoid"]["humanBones"]
    assert set(bones) >= REQUIRED
    assert set(bones) <= REQUIRED | OPTIONAL
    assert len({bone["node"] for bone in bones.values()}) == len(bones)
    assert all(node.rotation is None and node.scale is None for node in gltf.nodes)
    (animation,) = gltf.animations
    moved = [channel.target for channel in animation.channels]
    assert [target.node for target in moved if target.path != "rotation"] == [bones["hips"]["node"]]
    assert {target.path for target in moved} == {"translation", "rotation"}
    assert not gltf.meshes


def test_hips_stand_as_high_as_the_legs_are_long(tmp_path: Path) -> None:
    """Players scale the way of the hips by this height."""
    take = walking_take(2)
    write_vrma(take, tmp_path / "a.vrma")
    reader = GltfReader(tmp_path / "a.vrma")
    hips = reader.matrices(np.nan)[bones_of(reader)["Hips"], :3, 3]
    assert hips == pytest.approx([0, take.rest_pelvis_height_m, 0])
