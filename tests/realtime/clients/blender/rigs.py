"""Characters of other makers, as data that Blender builds armatures from."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.axes import BLENDER
from realtime.clients.blender.sealcap_blender.body import PARENTS
from realtime.clients.blender.sealcap_blender.person import rest_heads
from tests.realtime.clients.blender.test_mapping import RIGS

Float64 = NDArray[np.float64]
ARM, LEG = ("UpperArm", "LowerArm", "Hand"), ("UpperLeg", "LowerLeg", "Foot", "Toes", "ToesTip")


def _about(axis: int, degrees: float) -> Float64:
    a = np.radians(degrees)
    rotation = np.eye(3)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    rotation[i, i] = rotation[j, j] = np.cos(a)
    rotation[i, j], rotation[j, i] = -np.sin(a), np.sin(a)
    return rotation


def _bend(
    heads: dict[str, Float64], pivot: str, bones: list[str], rotation: Float64, scale: float = 1.0
) -> None:
    for bone in bones:
        heads[bone] = heads[pivot] + scale * rotation @ (heads[bone] - heads[pivot])


def _a_pose() -> dict[str, Float64]:
    """The standard body with arms hanging and bent, legs apart, feet turned out, and shorter arms."""
    legs = rest_heads(None)
    heads = {bone: np.array(head) for bone, head in legs.items()}
    for side, sign in (("Left", 1), ("Right", -1)):
        _bend(heads, side + "UpperArm", [side + b for b in ARM[1:]], _about(2, -48 * sign), 0.8)
        _bend(heads, side + "LowerArm", [side + "Hand"], _about(1, -14 * sign))
        _bend(heads, side + "UpperLeg", [side + b for b in LEG[1:]], _about(2, 6 * sign))
        _bend(heads, side + "LowerLeg", [side + b for b in LEG[2:]], _about(0, 3))
        _bend(heads, side + "Foot", [side + b for b in LEG[3:]], _about(1, 15 * sign))
    return heads


def _tail(bone: str, heads: dict[str, Float64]) -> Float64:
    """Towards the next bone of a limb; upwards in the trunk."""
    if bone.endswith("Toes"):
        return heads[bone + "Tip"]
    for chain in (ARM, LEG):
        for upper, lower in pairwise(chain):
            if bone.endswith(upper):
                return heads[bone.replace(upper, lower)]
    side = bone.removesuffix("Shoulder") if bone.endswith("Shoulder") else None
    return heads[f"{side}UpperArm"] if side else heads[bone] + (0, 0.1, 0)


def _rows(names: dict[str, str], heads: dict[str, Float64], to_rig: Any, seed: int) -> list[dict[str, Any]]:
    """Bones with rolls at random."""
    rng = np.random.default_rng(seed)
    rows = []
    for bone, name in names.items():
        tail = _tail(bone, heads)
        if np.linalg.norm(tail - heads[bone]) < 1e-3 or bone.endswith("Hand"):
            tail = heads[bone] + 0.5 * (heads[bone] - heads[PARENTS[bone] or bone]) + (0, 0.01, 0)
        parent = PARENTS[bone]
        while parent is not None and parent not in names:
            parent = PARENTS[parent]
        rows.append(
            {"name": name, "head": list(to_rig(heads[bone])), "tail": list(to_rig(tail)),
             "roll": float(rng.uniform(-3, 3)), "parent": names[parent] if parent else ""}
        )  # fmt: skip
    return rows


def a_pose_rig() -> dict[str, Any]:
    """As a Mixamo file comes into Blender: centimetres, Y up; the object is turned upright and placed."""
    heads = _a_pose()
    lowest = min(heads[b][1] for b in ("LeftFoot", "LeftToes", "LeftToesTip"))
    for bone in heads:
        heads[bone] = heads[bone] - (0, lowest, 0)
    yaw = np.eye(4)
    yaw[:3, :3] = _about(2, 35)
    upright = np.eye(4)
    upright[:3, :3] = 0.01 * _about(0, 90)
    matrix = yaw @ upright
    matrix[:3, 3] = (1.5, -0.5, 0.0)
    return {
        "name": "Mixamo", "bones": _rows(RIGS["mixamo"], heads, lambda p: 100 * p, 3),
        "matrix": matrix.tolist(), "unit": 100.0, "z_up": False,
        "hips_height": float(heads["LeftUpperLeg"][1]),
    }  # fmt: skip


def rolled_rig() -> dict[str, Any]:
    """Unity names, Z up, a T-pose with wild rolls, smaller, below a root bone, with bones between others."""
    size = 0.7
    heads = {bone: size * np.array(head) for bone, head in rest_heads(None).items()}
    lowest = heads["LeftToesTip"][1]
    for bone in heads:
        heads[bone] = heads[bone] - (0, lowest, 0)
    rows = _rows(RIGS["unity"], heads, BLENDER.points, 5)
    root = {"name": "Root", "head": [0, 0, 0], "tail": [0, 0.3, 0], "roll": 0.0, "parent": ""}
    for row in rows:
        row["parent"] = row["parent"] or "Root"
    twist = dict(next(row for row in rows if row["name"] == "LeftUpperArm"))
    twist |= {"name": "ArmRoll_helper", "parent": "LeftUpperArm", "roll": 1.0}
    lower = next(i for i, row in enumerate(rows) if row["name"] == "LeftLowerArm")
    rows[lower]["parent"] = twist["name"]
    rows.insert(lower, twist)
    return {
        "name": "Unity", "bones": [root, *rows], "matrix": np.eye(4).tolist(), "unit": 1.0, "z_up": True,
        "hips_height": float(heads["LeftUpperLeg"][1]),
    }  # fmt: skip
