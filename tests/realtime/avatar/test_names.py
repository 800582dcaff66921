"""Names of bones as programs give them."""

from __future__ import annotations

import pytest

from lifting.skeleton import BONES
from realtime.avatar.names import bones_by_name
from realtime.takes.bvh import bone_name


@pytest.mark.parametrize(
    "style",
    [
        lambda bone: bone,
        lambda bone: bone[0].lower() + bone[1:],
        lambda bone: bone_name(bone, "mixamo"),
        lambda bone: bone_name(bone, "mixamo").replace(":", ""),
        lambda bone: bone_name(bone, "cmu"),
        lambda bone: f"{bone.removeprefix('Left')}.L" if bone.startswith("Left") else bone,
        lambda bone: f"J_Bip_R_{bone[5:]}" if bone.startswith("Right") else f"J_Bip_C_{bone}",
    ],
)  # fmt: skip
def test_every_style_finds_every_bone(style: object) -> None:
    """All 21, each at its place."""
    names = ["Root", "Armature", *map(style, BONES.joints), "LeftHandThumb1", "HeadTop_End"]  # type: ignore[call-overload]
    assert bones_by_name(names) == {bone: 2 + i for i, bone in enumerate(BONES.joints)}


def test_mixamos_third_spine_bone_is_the_chest() -> None:
    """Shoulders hang there."""
    found = bones_by_name(["mixamorig:Spine", "mixamorig:Spine1", "mixamorig:Spine2"])
    assert found == {"Spine": 0, "Chest": 2}


def test_strangers_are_no_bones() -> None:
    """Nothing is guessed."""
    assert bones_by_name(["Cube", "", "l", "Left", "::", "Camera.L"]) == {}
