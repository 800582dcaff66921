"""MOT: poses whose angles a physiotherapist would name, and the models' joints rebuilt from the columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lifting.skeleton import BONES
from realtime.axes import OPENSIM
from realtime.solve.forward import world_rotations
from realtime.solve.quaternions import multiply, to_matrix
from realtime.takes.load import load_takes
from realtime.takes.mot import PLACE, coordinates, write_mot
from tests.realtime.takes.made_takes import about, take_of, walking_take, wild_take

X, Y, Z = np.eye(3)  # left, up, forward
HANGING = {"LeftUpperArm": about(Z, -90), "RightUpperArm": about(Z, 90)}


def read(path: Path) -> tuple[dict[str, str], list[str], NDArray[np.float64]]:
    """Header, names and rows."""
    head, _, body = path.read_text().partition("endheader\n")
    lines = head.split("\n")
    assert lines[0] == "Coordinates"
    header = dict(line.split("=") for line in lines[1:] if line)
    names = body.split("\n")[0].split("\t")
    return header, names, np.array([line.split("\t") for line in body.split("\n")[1:] if line], float)


def angles(rotations: dict[str, NDArray[np.float64]]) -> dict[str, float]:
    """The angles of one pose that are not 0 when the arms hang, in whole thousandths of a degree."""
    names, table = coordinates(take_of({**HANGING, **rotations}))
    there = zip(names, table[0], strict=True)
    return {name: round(v, 3) for name, v in there if name not in PLACE and abs(v) > 1e-6}


@pytest.mark.parametrize(
    ("bone", "axis", "degrees", "name", "value"),
    [
        ("Hips", -X, 20, "pelvis_tilt", 20),  # leans back
        ("Hips", Z, 15, "pelvis_list", 15),  # leans to the right
        ("Hips", Y, 35, "pelvis_rotation", 35),  # turns left
        ("RightUpperLeg", -X, 40, "hip_flexion_r", 40),  # knee comes forward
        ("LeftUpperLeg", -X, 40, "hip_flexion_l", 40),
        ("RightUpperLeg", Z, 10, "hip_adduction_r", 10),  # knee goes to the left
        ("LeftUpperLeg", -Z, 10, "hip_adduction_l", 10),  # knee goes to the right
        ("RightUpperLeg", Y, 25, "hip_rotation_r", 25),  # toes turn to the left
        ("LeftUpperLeg", -Y, 25, "hip_rotation_l", 25),  # toes turn to the right
        ("RightLowerLeg", X, 70, "knee_angle_r", 70),  # heel goes back
        ("LeftLowerLeg", X, 70, "knee_angle_l", 70),
        ("RightFoot", -X, 12, "ankle_angle_r", 12),  # toes up
        ("LeftFoot", -X, 12, "ankle_angle_l", 12),
        ("RightLowerArm", Y, 80, "elbow_flex_r", 80),  # hand comes forward
        ("LeftLowerArm", -Y, 80, "elbow_flex_l", 80),
    ],
)  # fmt: skip
def test_one_joint_bent(
    bone: str, axis: NDArray[np.float64], degrees: float, name: str, value: float
) -> None:
    """Its coordinate has the angle, all others stay at 0."""
    assert angles({bone: about(axis, degrees)}) == {name: value}


@pytest.mark.parametrize(
    ("axis", "name"), [(-X, "lumbar_extension"), (Z, "lumbar_bending"), (Y, "lumbar_rotation")]
)
@pytest.mark.parametrize("bone", ["Spine", "Chest"])
def test_the_trunk(bone: str, axis: NDArray[np.float64], name: str) -> None:
    """Both bones of the back count for the lumbar joint; arms go with the chest."""
    assert angles({bone: about(axis, 18)}) == {name: 18}


@pytest.mark.parametrize(("side", "letter", "sign"), [("Left", "l", -1), ("Right", "r", 1)])
def test_arms(side: str, letter: str, sign: int) -> None:
    """Forward, across the body, turned inwards; a T-pose is 90 degrees of abduction."""
    bone, hanging = f"{side}UpperArm", about(sign * Z, 90)
    assert angles({bone: multiply(about(-X, 50), hanging)}) == {f"arm_flex_{letter}": 50}
    assert angles({bone: multiply(about(sign * Z, 20), hanging)}) == {f"arm_add_{letter}": 20}
    assert angles({bone: multiply(about(sign * Y, 30), hanging)}) == {f"arm_rot_{letter}": 30}
    assert angles({bone: about(Z, 0)}) == {f"arm_add_{letter}": -90}


def turn(axis: tuple[int, int, int], degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,3,3)."""
    return to_matrix(about(axis, degrees))


@pytest.mark.parametrize("take", [walking_take(60), wild_take(60)], ids=["walking", "wild"])
@pytest.mark.parametrize(
    ("joint", "names", "axes"),
    [
        ("", ("pelvis_tilt", "pelvis_list", "pelvis_rotation"), ((0, 0, 1), (1, 0, 0), (0, 1, 0))),
        (
            "RightUpperLeg",
            ("hip_flexion_r", "hip_adduction_r", "hip_rotation_r"),
            ((0, 0, 1), (1, 0, 0), (0, 1, 0)),
        ),
        (
            "LeftUpperLeg",
            ("hip_flexion_l", "hip_adduction_l", "hip_rotation_l"),
            ((0, 0, 1), (-1, 0, 0), (0, -1, 0)),
        ),
    ],
)
def test_the_models_joints_rebuild_the_pose(take, joint, names, axes) -> None:  # type: ignore[no-untyped-def]
    """The models' axes, turned by the columns one after the other, give the bones' rotations."""
    columns, table = coordinates(take)
    value = {n: table[:, i] for i, n in enumerate(columns)}
    rebuilt = turn(axes[0], value[names[0]]) @ turn(axes[1], value[names[1]]) @ turn(axes[2], value[names[2]])
    local = take.bone_rotations[:, BONES.index(joint or "Hips")]
    assert np.abs(rebuilt - to_matrix(OPENSIM.rotations(local))).max() < 1e-6


@pytest.mark.parametrize(("side", "letter", "sign"), [("Left", "l", -1), ("Right", "r", 1)])
def test_the_models_arms_point_where_ours_do(side: str, letter: str, sign: int) -> None:
    """A hanging arm, turned about the models' axes by the columns, has the upper arm's direction."""
    take = wild_take(60)
    columns, table = coordinates(take)
    value = {n: table[:, i] for i, n in enumerate(columns)}
    R = turn((0, 0, 1), value[f"arm_flex_{letter}"]) @ turn((sign, 0, 0), value[f"arm_add_{letter}"])
    world = to_matrix(world_rotations(take.bone_rotations))
    arm, chest = world[:, BONES.index(f"{side}UpperArm")], world[:, BONES.index("Chest")]
    ours = np.swapaxes(chest, 1, 2) @ arm @ (-sign * X)
    assert np.abs(R @ [0.0, -1.0, 0.0] - OPENSIM.points(ours)).max() < 1e-6


def test_the_file(tmp_path: Path, session_file: Path) -> None:
    """Header, rising time, degrees without jumps, metres; every frame of a recorded session has numbers."""
    (take,) = load_takes(session_file)
    write_mot(take, tmp_path / "a.mot")
    header, names, rows = read(tmp_path / "a.mot")
    assert header == {"version": "1", "nRows": str(len(take)), "nColumns": "28", "inDegrees": "yes"}
    assert rows.shape == (len(take), len(names)) == (len(take), 28)
    assert names[0] == "time"
    assert np.allclose(np.diff(rows[:, 0]), 1 / 30, atol=2e-6)
    place = rows[:, [names.index(f"pelvis_t{axis}") for axis in "xyz"]]
    assert np.abs(OPENSIM.points_to_world(place) - take.joints_world[:, 0]).max() < 1e-6
    knee = rows[:, names.index("knee_angle_l")]
    assert -1 < knee.min() < knee.max() < 160
    assert np.abs(rows[:, 1:] - coordinates(take)[1]).max() < 1e-6
