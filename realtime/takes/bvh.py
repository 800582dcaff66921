"""BVH: a hierarchy with offsets, and for every frame the place of the hips and Euler angles of all bones.

Y up, facing +Z, rest pose the T-pose with all angles 0, so a bone's angles are those of its local rotation.
The matrix of a bone is the product of its channels in the order listed. The format knows no unit:
centimetres for Maya, MotionBuilder and the like, metres for Blender. The floor is y = 0. Heels and face are
no bones and are not in the file; ends of head, hands and feet are drawn for the eye. The format has no
standard; this is what its readers agree on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES, SEALCAP26
from realtime.solve.quaternions import to_matrix
from realtime.takes.euler import ORDERS, euler_angles
from realtime.takes.take import Take
from realtime.takes.whole_file import whole_file

Float64 = NDArray[np.float64]

Order = Literal["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"]
Names = Literal["unity", "mixamo", "cmu"]
PER_METRE = {"cm": 100.0, "m": 1.0}

_CMU = {
    "Chest": "Spine1", "UpperArm": "Arm", "LowerArm": "ForeArm", "UpperLeg": "UpLeg", "LowerLeg": "Leg",
    "Toes": "ToeBase",
}  # fmt: skip
_HAND = 0.108
"""From wrist to finger tips, in statures (Winter, Biomechanics and Motor Control of Human Movement)."""
_SMALLEST_HEAD_M = 0.08


def _depth_first(bone: int = 0) -> list[int]:
    return [bone, *(row for child in _children(bone) for row in _depth_first(child))]


def _children(bone: int) -> list[int]:
    return [child for child, parent in enumerate(BONES.parents) if parent == bone]


_FILE_ORDER = _depth_first()
"""Rows of BONES as the hierarchy lists them; channels come in the same order."""


def write_bvh(
    take: Take,
    path: Path,
    *,
    order: Order = "ZXY",
    units: Literal["cm", "m"] = "cm",
    names: Names = "unity",
) -> None:
    """Write one take, gaps as interpolated motion.

    `names`: `unity` as VRM has them too, `mixamo` with mixamorig: before each, `cmu` as in the CMU
    library's files. Raises SinkError when the file cannot be written, ValueError for an unknown order.
    """
    if order not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(ORDERS)}, not {order!r}")
    scale = PER_METRE[units]
    with whole_file(path) as temporary, temporary.open("w", encoding="ascii", newline="\n") as file:
        file.write("HIERARCHY\n")
        file.writelines(_joint(take, 0, order, scale, names))
        file.write(f"MOTION\nFrames: {len(take)}\nFrame Time: {1 / take.fps!r}\n")
        file.writelines(_frames(take, order, scale))


def bone_name(bone: str, names: Names) -> str:
    """What `bone` of BONES is called in a file with these names."""
    if names == "unity":
        return bone
    side = next((s for s in ("Left", "Right") if bone.startswith(s)), "")
    part = bone.removeprefix(side)
    return ("mixamorig:" if names == "mixamo" else "") + side + _CMU.get(part, part)


def _joint(take: Take, bone: int, order: str, scale: float, names: Names, depth: int = 0) -> Iterator[str]:
    parent = BONES.parents[bone]
    offset = take.rest_heads[bone] - take.rest_heads[parent] if parent >= 0 else np.zeros(3)
    channels = [f"{axis}rotation" for axis in order]
    if parent < 0:
        channels = ["Xposition", "Yposition", "Zposition", *channels]
    tab, word = "\t" * depth, "ROOT" if parent < 0 else "JOINT"
    yield f"{tab}{word} {bone_name(BONES.joints[bone], names)}\n{tab}{{\n"
    yield f"{tab}\tOFFSET {_numbers(offset * scale)}\n"
    yield f"{tab}\tCHANNELS {len(channels)} {' '.join(channels)}\n"
    for child in _children(bone):
        yield from _joint(take, child, order, scale, names, depth + 1)
    if not _children(bone):
        end = _numbers(_tip(take, BONES.joints[bone]) * scale)
        yield f"{tab}\tEnd Site\n{tab}\t{{\n{tab}\t\tOFFSET {end}\n{tab}\t}}\n"
    yield f"{tab}}}\n"


def _tip(take: Take, bone: str) -> Float64:
    """(3,) metres from the head of an outermost bone to its end: crown, finger tips, toe tip."""
    head = take.rest_heads[BONES.index(bone)]
    if bone == "Head":
        crown = take.height_m - take.rest_pelvis_height_m
        return np.array([0.0, max(crown - head[1], _SMALLEST_HEAD_M), 0.0])
    if bone.endswith("Hand"):
        return np.array([_HAND * take.height_m * (1 if bone.startswith("Left") else -1), 0.0, 0.0])
    toe = take.rest_joints[SEALCAP26.index("left_toe" if bone.startswith("Left") else "right_toe")]
    return np.asarray(toe - head)


def _frames(take: Take, order: str, scale: float) -> Iterator[str]:
    angles = np.degrees(euler_angles(to_matrix(take.bone_rotations[:, _FILE_ORDER]), order))
    rows = np.concatenate([take.joints_world[:, 0] * scale, angles.reshape(len(take), -1)], axis=1)
    for row in rows:
        yield _numbers(row) + "\n"


def _numbers(values: Float64) -> str:
    """Six decimals: a micrometre and a millionth of a degree; 0.0 for -0.0."""
    return " ".join(["%.6f"] * len(values)) % tuple(np.round(values, 6) + 0.0)
