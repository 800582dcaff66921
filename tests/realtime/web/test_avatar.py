"""A character moves as the person does, whatever its proportions and rest pose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lifting.skeleton import BONES, SEALCAP26
from realtime.avatar.model import AvatarModel, read_model
from realtime.cli import main
from realtime.solve.forward import world_rotations
from realtime.solve.quaternions import swing, to_matrix
from realtime.solve.rest import PELVIS_HEIGHT
from realtime.takes.glb import write_glb
from realtime.web.avatar import AvatarRig
from tests.realtime.avatar.made_avatar import rest_offsets, write_avatar
from tests.realtime.takes.made_takes import take_of, walking_take, wild_take
from tests.realtime.takes.test_bvh import JOINT_AT

Float64 = NDArray[np.float64]


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> AvatarModel:
    """With bone axes that lie any way."""
    path = tmp_path_factory.mktemp("avatar") / "robot.vrm"
    write_avatar(path)
    return read_model(path)


def down(degrees: float, side: float) -> Float64:
    """(3,3) lowers a left arm (side 1) or a right one (-1)."""
    angle = -side * np.radians(degrees)
    return swing(np.array([1.0, 0, 0]), np.array([np.cos(angle), np.sin(angle), 0]))


def lowered(model: AvatarModel, bone: str, degrees: float, side: float) -> AvatarModel:
    """The model with this bone, and all that hangs on it, turned down at rest."""
    R = down(degrees, side)
    heads, moved = model.heads.copy(), [model.bones.index(bone)]
    for i, name in enumerate(model.bones):
        parent = BONES.parents[BONES.index(name)]
        if parent >= 0 and model.bones.index(BONES.joints[parent]) in moved:
            moved.append(i)
            heads[i] = heads[moved[0]] + R @ (heads[i] - heads[moved[0]])
    return replace(model, heads=heads)


def test_with_a_persons_own_bones_it_is_the_person(tmp_path: Path) -> None:
    """Our GLB of a take as character: its bones begin at the take's joints."""
    take = wild_take(20)
    write_glb([take], tmp_path / "a.glb")
    rig = AvatarRig(model := read_model(tmp_path / "a.glb"))
    height = model.heads[0, 1] / PELVIS_HEIGHT
    for frame in range(len(take)):
        _, heads = rig.pose(take.bone_rotations[frame], take.joints_world[frame, 0], height)
        for bone, joint in JOINT_AT.items():
            error = heads[model.bones.index(bone)] - take.joints_world[frame, SEALCAP26.index(joint)]
            assert np.linalg.norm(error) < 1e-4


def test_bones_point_as_the_persons_do(robot: AvatarModel) -> None:
    """Each is the T-pose's, turned; lengths are the character's own; hips go their share of the way."""
    take = wild_take(20)
    world = to_matrix(world_rotations(take.bone_rotations))
    for frame in range(len(take)):
        R, heads = AvatarRig(robot).pose(take.bone_rotations[frame], take.joints_world[frame, 0], 1.7)
        assert np.abs(R - world[frame]).max() < 1e-9
        assert heads[0] == pytest.approx(
            take.joints_world[frame, 0] * robot.heads[0, 1] / (1.7 * PELVIS_HEIGHT)
        )
        for bone, parent in list(enumerate(BONES.parents))[1:]:
            expected = world[frame, parent] @ rest_offsets()[bone]
            assert np.abs(heads[bone] - heads[parent] - expected).max() < 1e-6


def test_an_a_pose_is_no_other_motion(robot: AvatarModel) -> None:
    """Arms that hang at 45 degrees at rest point where the T-pose's would; hands follow."""
    bent = lowered(lowered(robot, "LeftUpperArm", 45, 1), "RightUpperArm", 45, -1)
    take = walking_take(10)
    for frame in range(len(take)):
        args = take.bone_rotations[frame], take.joints_world[frame, 0], 1.7
        (R, straight), (R_bent, heads) = AvatarRig(robot).pose(*args), AvatarRig(bent).pose(*args)
        assert np.abs(straight - heads).max() < 1e-6
        for bone, side in (("LeftHand", 1), ("RightHand", -1), ("LeftLowerArm", 1)):
            i = robot.bones.index(bone)
            assert np.abs(R_bent[i] @ down(45, side) - R[i]).max() < 1e-6


def test_small_bends_at_rest_are_the_characters_own(robot: AvatarModel) -> None:
    """Five degrees stay."""
    bent = lowered(robot, "LeftUpperArm", 5, 1)
    R, _ = AvatarRig(bent).pose(take_of({}).bone_rotations[0], np.array([0, 0.9, 0.0]), 1.7)
    assert np.abs(R - np.eye(3)).max() < 1e-9


def test_bones_that_a_character_lacks(robot: AvatarModel) -> None:
    """Without spine, chest and shoulders the arms turn all the same."""
    kept = [i for i, b in enumerate(robot.bones) if not b.endswith(("Spine", "Chest", "Shoulder", "Neck"))]
    bones = tuple(robot.bones[i] for i in kept)
    small = replace(robot, bones=bones, heads=robot.heads[kept], weights=robot.weights[:, kept])
    take = wild_take(5)
    world = to_matrix(world_rotations(take.bone_rotations))
    R, heads = AvatarRig(small).pose(take.bone_rotations[3], take.joints_world[3, 0], 1.7)
    arm, fore = bones.index("LeftUpperArm"), bones.index("LeftLowerArm")
    expected = world[3, BONES.index("LeftUpperArm")] @ rest_offsets()[BONES.index("LeftLowerArm")]
    assert np.abs(R[arm] - world[3, BONES.index("LeftUpperArm")]).max() < 1e-9
    assert heads[fore] - heads[arm] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--avatar", "no.vrm"], "There is no file"), (["--avatar", "a.vrm", "--headless"], "Leave one")],
)
def test_a_run_without_its_character_does_not_begin(
    options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is read before the camera is opened; without a page there is nowhere to show it."""
    assert main(["run", "synthetic", "--frames", "2", "--web-port", "8093", *options]) == 2
    assert words in capsys.readouterr().err
