"""MOT: the joint angles of OpenSim's gait models over time.

The coordinates are those of the full-body models of Rajagopal (2015) and Lai and Uhlrich (2022), by name and
sign, in degrees and metres. In OpenSim's axes (X forward, Y up, Z right) with the arms hanging down at 0:

    body against           angles about Z, then X, then Y, positive towards
    pelvis   the ground    tilt backwards, list to the right, rotation to the left
    thigh    the pelvis    hip flexion, adduction, internal rotation
    shank    the thigh     knee flexion (the older gait2392 counts it negative)
    foot     the shank     ankle dorsiflexion
    chest    the pelvis    lumbar extension, bending to the right, rotation to the left
    upper arm the chest    arm flexion, adduction, internal rotation
    forearm  the upper arm elbow flexion

On the left the X and Y angles change their signs, so that both sides mean the same. Our bones have the
collarbones besides, whose motion goes into the arm's; ankles and elbows turn in ways that the models'
hinges do not, which is left out. `pelvis_tx`, `_ty`, `_tz` are the middle of the hips: the models' pelvis
begins some centimetres in front of it and above.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES
from realtime.axes import OPENSIM
from realtime.solve.forward import world_rotations
from realtime.solve.quaternions import to_matrix
from realtime.takes.euler import euler_angles, rotation_about
from realtime.takes.take import Take
from realtime.takes.whole_file import whole_file

Float64 = NDArray[np.float64]


class Coordinates(NamedTuple):
    """The angles of one bone against another."""

    bone: str
    against: str
    """Another bone, or nothing for the ground."""
    names: tuple[str, ...]
    """Of the angles about Z, X, Y, as many as the models' joint has."""
    signs: tuple[int, ...]


def _side(letter: str, side: str, mirrored: int) -> tuple[tuple[Coordinates, ...], tuple[Coordinates, ...]]:
    """(leg, arm) of one side."""
    three = (1, mirrored, mirrored)
    hip = tuple(f"hip_{word}_{letter}" for word in ("flexion", "adduction", "rotation"))
    arm = tuple(f"arm_{word}_{letter}" for word in ("flex", "add", "rot"))
    return (
        Coordinates(f"{side}UpperLeg", "Hips", hip, three),
        Coordinates(f"{side}LowerLeg", f"{side}UpperLeg", (f"knee_angle_{letter}",), (-1,)),
        Coordinates(f"{side}Foot", f"{side}LowerLeg", (f"ankle_angle_{letter}",), (1,)),
    ), (
        Coordinates(f"{side}UpperArm", "Chest", arm, three),
        Coordinates(f"{side}LowerArm", f"{side}UpperArm", (f"elbow_flex_{letter}",), (1,)),
    )


_RIGHT_LEG, _RIGHT_ARM = _side("r", "Right", 1)
_LEFT_LEG, _LEFT_ARM = _side("l", "Left", -1)
PELVIS = Coordinates("Hips", "", ("pelvis_tilt", "pelvis_list", "pelvis_rotation"), (1, 1, 1))
PLACE = ("pelvis_tx", "pelvis_ty", "pelvis_tz")
LUMBAR = Coordinates("Chest", "Hips", ("lumbar_extension", "lumbar_bending", "lumbar_rotation"), (1, 1, 1))
JOINTS = (*_RIGHT_LEG, *_LEFT_LEG, LUMBAR, *_RIGHT_ARM, *_LEFT_ARM)

_HANGING = {
    side: rotation_about("X", np.array(angle)) for side, angle in (("Left", -np.pi / 2), ("Right", np.pi / 2))
}
"""From the T-pose to arms that hang down, in OpenSim's axes."""


def write_mot(take: Take, path: Path) -> None:
    """Write the coordinates of one take, gaps as interpolated motion. Raises SinkError."""
    names, table = coordinates(take)
    with whole_file(path) as temporary, temporary.open("w", encoding="ascii", newline="\n") as file:
        file.write(f"Coordinates\nversion=1\nnRows={len(table)}\nnColumns={len(names) + 1}\n")
        file.write("inDegrees=yes\nendheader\n" + "\t".join(["time", *names]) + "\n")
        file.writelines(_rows(take.times_s, table))


def coordinates(take: Take) -> tuple[list[str], Float64]:
    """Names of the columns (C) and the table (N,C): angles in degrees, places in metres."""
    joints = (PELVIS, *JOINTS)
    R = np.stack([_between(take, joint) for joint in joints], axis=1)
    angles = np.degrees(euler_angles(R, "ZXY"))  # (N,joints,3)
    columns = [angles[:, i, : len(joint.names)] * joint.signs for i, joint in enumerate(joints)]
    columns.insert(1, OPENSIM.points(take.joints_world[:, 0]))
    names = [*PELVIS.names, *PLACE, *(name for joint in JOINTS for name in joint.names)]
    return names, np.concatenate(columns, axis=1)


def _between(take: Take, joint: Coordinates) -> Float64:
    """(N,3,3) OpenSim's axes: how the bone is turned against the other one."""
    R = _from_hanging(take, joint.bone)
    return np.swapaxes(_from_hanging(take, joint.against), -1, -2) @ R if joint.against else R


def _from_hanging(take: Take, bone: str) -> Float64:
    """(N,3,3) OpenSim's axes: how a bone is turned from where it is when the arms hang down."""
    world = OPENSIM.rotations(world_rotations(take.bone_rotations)[:, BONES.index(bone)])
    R = to_matrix(world)
    side = next((s for s in _HANGING if bone.startswith(s) and bone.endswith("Arm")), None)
    return R if side is None else R @ _HANGING[side].T


def _rows(times_s: Float64, table: Float64) -> Iterator[str]:
    pattern = "%.6f\t" + "\t".join(["%.6f"] * table.shape[1]) + "\n"
    for time_s, row in zip(times_s, np.round(table, 6) + 0.0, strict=True):
        yield pattern % (time_s, *row)
