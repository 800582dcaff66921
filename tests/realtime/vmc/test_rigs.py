"""What receivers are told of bones, judged by the kinematics of a receiver of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lifting.errors import ConfigError
from lifting.skeleton import BONES, SEALCAP26
from realtime.solve.forward import joints_from_rotations, world_rotations
from realtime.solve.quaternions import to_matrix, unit
from realtime.solve.rest import PELVIS_HEIGHT, REST_JOINTS
from realtime.vmc.presence import Figure
from realtime.vmc.presets import PRESETS
from realtime.vmc.rigs import OFFSETS, Rig, make_rig
from tests.realtime.sinks.evmc4u import PARENT, Avatar
from tests.realtime.sinks.motions import make_pose
from tests.realtime.vrm_files import HEADS, present_parent, write_vrm

RNG = np.random.default_rng(11)
HEIGHT = 1.8
FIGURE = Figure(unit(RNG.normal(size=(21, 4))), np.array([0.3, 0.9, -2.0]), HEIGHT)
STANDING = Figure(np.tile([0.0, 0, 0, 1], (21, 1)), np.array([0.5, PELVIS_HEIGHT * HEIGHT, -2.0]), HEIGHT)
JOINT = {
    "Hips": "pelvis", "Spine": "spine", "Chest": "chest", "Neck": "neck", "Head": "head",
    "LeftUpperArm": "left_shoulder", "LeftLowerArm": "left_elbow", "LeftHand": "left_wrist",
    "LeftUpperLeg": "left_hip", "LeftLowerLeg": "left_knee", "LeftFoot": "left_ankle",
    "RightUpperArm": "right_shoulder", "RightLowerArm": "right_elbow", "RightHand": "right_wrist",
    "RightUpperLeg": "right_hip", "RightLowerLeg": "right_knee", "RightFoot": "right_ankle",
}  # fmt: skip
UNITY_FROM_WORLD = np.array([-1.0, 1.0, 1.0])


def shown_by(rig: Rig, figure: Figure, avatar: Avatar) -> Avatar:
    """The avatar after a receiver obeyed."""
    for name, row in zip(rig.bones, rig.rows(figure), strict=True):
        avatar.position[name], avatar.rotation[name] = row[:3], row[3:]
    return avatar


def empty_avatar() -> Avatar:
    return Avatar({bone: np.zeros(3) for bone in PARENT})


def test_rest_offsets_rebuild_the_standard_body() -> None:
    """The receiver's kinematics put every joint where ours put it, mirrored into Unity's axes."""
    avatar = shown_by(make_rig("rest"), FIGURE, empty_avatar())
    ours = joints_from_rotations(FIGURE.rotations, REST_JOINTS * HEIGHT, FIGURE.pelvis)
    for bone, joint in JOINT.items():
        expected = ours[SEALCAP26.index(joint)] * UNITY_FROM_WORLD
        assert np.allclose(avatar.world(bone)[0], expected, atol=1e-6), bone


def test_measured_offsets_rebuild_the_person() -> None:
    """Whatever the person's proportions are."""
    rest = REST_JOINTS * RNG.uniform(0.8, 1.2, (26, 1)) * HEIGHT
    rest[0] = REST_JOINTS[0] * HEIGHT
    joints = joints_from_rotations(FIGURE.rotations, rest, FIGURE.pelvis)
    pose = make_pose(np.random.default_rng(1))
    for field, value in (("joints_world", joints), ("bone_rotations", FIGURE.rotations)):
        object.__setattr__(pose, field, value)
    rig = make_rig("measured")
    rig.learn(pose)
    avatar = shown_by(rig, FIGURE, empty_avatar())
    for bone, joint in JOINT.items():
        assert np.allclose(avatar.world(bone)[0], joints[SEALCAP26.index(joint)] * UNITY_FROM_WORLD), bone


def test_zero_offsets_move_the_hips_alone() -> None:
    """For receivers that want no places of bones."""
    rows = make_rig("zero").rows(FIGURE)
    assert np.allclose(rows[0, :3], FIGURE.pelvis * UNITY_FROM_WORLD)
    assert not rows[1:, :3].any()


def test_an_unlearned_person_has_the_standard_body() -> None:
    """Never zeros, which collapse an avatar."""
    rig = make_rig("measured")
    assert np.array_equal(rig.rows(FIGURE), make_rig("rest").rows(FIGURE))
    rig.learn(make_pose(np.random.default_rng(0)))
    assert not np.array_equal(rig.rows(FIGURE), make_rig("rest").rows(FIGURE))
    rig.forget()
    assert np.array_equal(rig.rows(FIGURE), make_rig("rest").rows(FIGURE))


def unity_avatar(nodes: dict, version: int, heads: dict[str, np.ndarray]) -> Avatar:
    """As UniVRM loads the file: VRM 0 flips Z, VRM 1 flips X."""
    point = np.array([1.0, 1, -1]) if version == 0 else np.array([-1.0, 1, 1])
    spin = np.array([-1.0, -1, 1, 1]) if version == 0 else np.array([1.0, -1, -1, 1])
    parent = {name: present_parent(name, heads) or "Armature" for name in heads} | {"Armature": None}
    return Avatar(
        {name: node["translation"] * point for name, node in nodes.items()},
        parent,
        {name: node["rotation"] * spin for name, node in nodes.items()},
    )


OPTIONAL = ("Chest", "Neck", "LeftShoulder", "RightShoulder", "LeftToes", "RightToes")


@pytest.mark.parametrize("without", [(), OPTIONAL, ("Neck",)], ids=["all", "few", "no neck"])
@pytest.mark.parametrize("raw", [False, True], ids=["normalised", "raw"])
@pytest.mark.parametrize("version", [0, 1])
def test_an_avatar_turns_as_the_person_and_keeps_its_shape(
    version: int, raw: bool, without: tuple[str, ...], tmp_path: Path
) -> None:
    """Every bone turns from its rest as ours does in the world, and begins where the avatar's own bones
    put it; also where bones are missing, have axes of their own, or hang on a turned node."""
    heads = {name: head for name, head in HEADS.items() if name not in without}
    rotations = {name: unit(RNG.normal(size=4)) for name in heads} if raw else {}
    armature = (
        np.array([0.1, 0.02, 0.0]),
        unit(RNG.normal(size=4)) if raw else np.array([0.0, 0, 0, 1]),
        1.0,
    )
    nodes = write_vrm(tmp_path / "a.vrm", version, heads, rotations, armature)
    avatar = unity_avatar(nodes, version, heads)
    rest = {name: avatar.world(name) for name in heads}
    rig = make_rig(str(tmp_path / "a.vrm"))
    shown_by(rig, FIGURE, avatar)
    turned = world_rotations(FIGURE.rotations) * (1, -1, -1, 1)
    for name in heads:
        delta = to_matrix(turned[BONES.index(name)])
        place, q = avatar.world(name)
        assert np.allclose(to_matrix(q), delta @ to_matrix(rest[name][1]), atol=1e-6), name
        above = present_parent(name, heads)
        if above is not None:
            spin = to_matrix(turned[BONES.index(above)])
            expected = avatar.world(above)[0] + spin @ (rest[name][0] - rest[above][0])
            assert np.allclose(place, expected, atol=1e-6), name


@pytest.mark.parametrize("version", [0, 1])
def test_an_avatar_stands_where_the_person_stands_with_its_feet_on_the_floor(
    version: int, tmp_path: Path
) -> None:
    """A doll of 1.1 m moved by somebody of 1.8 m neither floats nor sinks."""
    nodes = write_vrm(tmp_path / "a.vrm", version)
    avatar = unity_avatar(nodes, version, HEADS)
    floor = {name: avatar.world(name)[0][1] for name in HEADS}
    shown_by(make_rig(str(tmp_path / "a.vrm")), STANDING, avatar)
    for name in HEADS:
        assert avatar.world(name)[0][1] == pytest.approx(floor[name], abs=1e-6), name
    scale = HEADS["LeftUpperLeg"][1] / STANDING.pelvis[1]
    assert avatar.world("Hips")[0][0] == pytest.approx(-0.5 * scale)


def test_presets_name_offsets_that_exist_and_never_collapse() -> None:
    """Zeros are only sent where the user asks for them."""
    assert all(preset.offsets in OFFSETS and preset.offsets != "zero" for preset in PRESETS.values())


def test_a_word_that_is_no_file_is_refused() -> None:
    """A typing mistake is told as a file that cannot be read."""
    with pytest.raises(ConfigError, match="mesured"):
        make_rig("mesured")
