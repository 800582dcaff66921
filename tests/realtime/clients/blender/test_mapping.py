"""Bones are found by the names that rigs really have."""

from __future__ import annotations

import pytest

from lifting.skeleton import BONES
from realtime.clients.blender.sealcap_blender.body import PARENTS
from realtime.clients.blender.sealcap_blender.mapping import find_bones, read_name

LIMBS = ("Shoulder", "UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot", "Toes")


def sided(limbs: str, trunk: str, pattern: str, sides: tuple[str, str]) -> dict[str, str]:
    """Names by bone, from words in the order of LIMBS and of the trunk upwards."""
    trunk_bones = [bone for bone in PARENTS if not bone.startswith(("Left", "Right"))]
    names = {bone: word for bone, word in zip(trunk_bones, trunk.split(), strict=True) if word != "-"}
    for side, mark in zip(("Left", "Right"), sides, strict=True):
        words = zip(LIMBS, limbs.split(), strict=True)
        names |= {side + bone: pattern.format(side=mark, bone=word) for bone, word in words}
    return names


UNITY = "Shoulder UpperArm LowerArm Hand UpperLeg LowerLeg Foot Toes"
MIXAMO = "Shoulder Arm ForeArm Hand UpLeg Leg Foot ToeBase"
RIGS = {
    "unity": sided(UNITY, "Hips Spine Chest UpperChest Neck Head", "{side}{bone}", ("Left", "Right")),
    "mixamo": {
        bone: "mixamorig:" + name
        for bone, name in sided(
            MIXAMO, "Hips Spine Spine1 Spine2 Neck Head", "{side}{bone}", ("Left", "Right")
        ).items()
    },
    "vroid": sided(
        "Shoulder UpperArm LowerArm Hand UpperLeg LowerLeg Foot ToeBase",
        "J_Bip_C_Hips J_Bip_C_Spine J_Bip_C_Chest J_Bip_C_UpperChest J_Bip_C_Neck J_Bip_C_Head",
        "J_Bip_{side}_{bone}", ("L", "R"),
    ),
    "vrm1": sided(
        "Shoulder UpperArm LowerArm Hand UpperLeg LowerLeg Foot Toes",
        "hips spine chest upperChest neck head", "{side}{bone}", ("left", "right"),
    ),
    "rigify": sided(
        "shoulder upper_arm forearm hand thigh shin foot toe",
        "spine spine.001 spine.002 spine.003 spine.004 spine.006", "{bone}.{side}", ("L", "R"),
    ),
    "rigify generated": sided(
        "shoulder upper_arm_fk forearm_fk hand_fk thigh_fk shin_fk foot_fk toe_fk",
        "torso spine_fk.002 spine_fk.003 - neck head", "{bone}.{side}", ("L", "R"),
    ),
    "unreal": sided(
        "clavicle upperarm lowerarm hand thigh calf foot ball",
        "pelvis spine_01 spine_02 spine_03 neck_01 head", "{bone}_{side}", ("l", "r"),
    ),
    "biped": sided(
        "Clavicle UpperArm Forearm Hand Thigh Calf Foot Toe0",
        "Bip01\tPelvis Bip01\tSpine Bip01\tSpine1 Bip01\tSpine2 Bip01\tNeck Bip01\tHead".replace("\t", "_"),
        "Bip01 {side} {bone}", ("L", "R"),
    ),
    "vrchat": sided(
        "shoulder arm elbow wrist leg knee ankle toe", "Hips Spine Chest - Neck Head",
        "{side} {bone}", ("Left", "Right"),
    ),
    "exported rigify": sided(
        "DEF-shoulder DEF-upper_arm DEF-forearm DEF-hand DEF-thigh DEF-shin DEF-foot DEF-toe",
        "DEF-spine DEF-spine.001 DEF-spine.002 DEF-spine.003 DEF-spine.004 DEF-spine.006",
        "{bone}.{side}", ("L", "R"),
    ),
}  # fmt: skip
OTHERS = [
    "root", "Root", "LeftHandThumb1", "mixamorig:HeadTop_End", "mixamorig:LeftToe_End", "J_Sec_L_Bust1",
    "f_index.01.L", "upper_arm.L.001", "ORG-upper_arm.L", "MCH-spine.003", "upper_arm_ik.L", "eye.L",
    "pelvis.L", "breast.R", "hand_ik.R", "VIS_thigh_ik_pole.L", "spine.005", "heel.02.L", "LeftEye", "jaw",
]  # fmt: skip


@pytest.mark.parametrize("rig", sorted(RIGS))
def test_every_bone_is_found_among_others(rig: str) -> None:
    """Every bone, on its own side, though fingers, helpers and twist bones stand between them."""
    names = RIGS[rig]
    for order in (list(names.values()) + OTHERS, OTHERS + list(reversed(names.values()))):
        assert find_bones(order) == names


def test_deforming_bones_of_a_generated_rig_are_left_to_it() -> None:
    """Rigify's own controls are driven, not the bones that follow them."""
    names = RIGS["rigify generated"]
    machinery = list(RIGS["exported rigify"].values())
    assert find_bones([*machinery, *names.values()]) == names


def test_what_is_missing_is_left_out() -> None:
    """A rig without toes and shoulders has the rest found; one of other beings has nothing."""
    names = {b: n for b, n in RIGS["mixamo"].items() if not b.endswith(("Toes", "Shoulder"))}
    assert find_bones(names.values()) == names
    assert find_bones(["Wheel.FL", "Wheel.FR", "Body"]) == {}
    assert find_bones([]) == {}


def test_names_are_the_contract() -> None:
    """The add-on's bones are the sender's, in an order with parents first."""
    assert set(PARENTS) == set(BONES.joints) | {"UpperChest"}
    seen: set[str | None] = {None}
    for bone, parent in PARENTS.items():
        assert parent in seen
        seen.add(bone)


@pytest.mark.parametrize(
    ("name", "side", "word"),
    [
        ("mixamorig1:RightForeArm", "Right", "forearm"),
        ("CC_Base_L_Upperarm", "Left", "upperarm"),
        ("LForearm", "Left", "forearm"),
        ("Bip001 L Toe0", "Left", "toe0"),
        ("upper_arm.R", "Right", "upperarm"),
        ("ハンド.L", "Left", ""),
        ("", "", ""),
    ],
)
def test_sides_are_told_apart(name: str, side: str, word: str) -> None:
    """Side and word of single names."""
    assert read_name(name)[:2] == (side, word)
