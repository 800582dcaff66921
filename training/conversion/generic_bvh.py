"""BVH files of any collection: joints by name, unit and up axis from the people themselves.

Limb joints are taken as they are. Spine and chest are put on the line of spine joints from the middle of the
hips to the neck, at the heights of L1 and T8, because every rig divides the spine differently. A rig's head
joint is the base of the skull at most, so the middle between the ears is estimated from the neck. Head and
foot frames come from the rig's rotations, levelled per person (`levelling`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lifting.errors import DataError
from training.conversion.bvh import Bvh, read_bvh
from training.conversion.layout import SIDES, ZUP_FROM_YUP
from training.conversion.levelling import foot_corrections, head_correction
from training.conversion.rigs import RigMap, match_rig
from training.conversion.rotations import FloatArray, unit
from training.conversion.take import Take

LEG_M = (0.5, 1.2)
"""Hip to ankle along the bones, from a child to a giant."""
USUAL_LEG_M = 0.84
UNITS_M = (1.0, 0.1, 0.01, 0.001, 0.0254, 0.3048, 0.0254 / 0.45)
"""Metres, decimetres, centimetres, millimetres, inches, feet, and CMU's unit."""

LEG_AND_TRUNK = 0.790
"""Hip to ankle plus middle of the hips to neck, in parts of stature (CMU's people)."""
SPINE_PART, CHEST_PART = 0.39, 0.61
"""Of the way from the hips to the neck."""
EARS_ABOVE_NECK, EARS_AHEAD = 0.088, 0.012
"""Parts of stature, from the neck joint along neck and head, and forward in the head's frame."""


def read_take(path: Path, name: str, rig_map: RigMap) -> Take:
    """One file as a Take whose head, feet and ears are not levelled yet.

    Raises DataError when the file is damaged, its joints are not known or its size is not a person's.
    """
    bvh = read_bvh(path)
    rig, source = match_rig(bvh.names, rig_map, path)
    position, rotation = bvh.forward_kinematics()
    index = {joint: i for i, joint in enumerate(bvh.names)}
    joints = {joint: position[:, index[there]] for joint, there in source.items()}
    joints["pelvis"] = (joints["l_hip"] + joints["r_hip"]) / 2
    joints = _spine(bvh, index[source["neck"]], position, joints) | joints
    axes = up_axis(joints, path) if rig_map.up is None else zup_from(rig_map.up)
    unit_m = guess_unit_m(joints, path) if rig_map.unit_m is None else rig_map.unit_m
    moving = {"head": "head", "l_foot": "l_ankle", "r_foot": "r_ankle"}
    return Take(
        name=name,
        action="",
        source=rig,
        fps=bvh.fps,
        joints={joint: value @ axes.T * unit_m for joint, value in joints.items()},
        segments={part: axes @ rotation[:, index[source[joint]]] for part, joint in moving.items()},
    )


def leg_length(joints: dict[str, FloatArray]) -> float:
    """Hip to knee to ankle, mean of both legs, in the unit of the joints."""
    bones = [
        np.linalg.norm(joints[f"{side}_{a}"] - joints[f"{side}_{b}"], axis=-1).mean()
        for side, _ in SIDES
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    return float(np.sum(bones)) / 2


def guess_unit_m(joints: dict[str, FloatArray], path: Path) -> float:
    """Metres per unit: the one that gives a leg nearest to 0.84 m. Raises DataError when none is human."""
    leg = leg_length(joints)
    best = min(UNITS_M, key=lambda metres: abs(np.log(max(leg, 1e-9) * metres / USUAL_LEG_M)))
    if not LEG_M[0] <= leg * best <= LEG_M[1]:
        raise DataError(
            f"{path}: legs of {leg:.3g} units are a person's in no usual unit. Pass --map FILE.yaml with "
            f"`unit_m:`, the metres per unit."
        )
    return best


def up_axis(joints: dict[str, FloatArray], path: Path) -> FloatArray:
    """(3,3) from the file's axes to Z up: up is where people's necks are, seen from their ankles."""
    standing = np.median(joints["neck"] - (joints["l_ankle"] + joints["r_ankle"]) / 2, axis=0)
    axis = int(np.argmax(np.abs(standing)))
    if abs(standing[axis]) < 0.8 * np.linalg.norm(standing):
        raise DataError(
            f"{path}: nobody stands, so up is unknown. Pass --map FILE.yaml with `up: y` or `up: z`."
        )
    return zup_from(("-" if standing[axis] < 0 else "") + "xyz"[axis])


def zup_from(up: str) -> FloatArray:
    """(3,3) proper rotation that takes the axis `up` (x, y, z, -x, -y, -z) to z."""
    if up == "y":
        return ZUP_FROM_YUP
    if up == "z":
        return np.eye(3)
    turned = np.zeros((3, 3))
    axis, sign = "xyz".index(up[-1]), -1.0 if up[0] == "-" else 1.0
    turned[2, axis] = sign
    turned[0, (axis + 1) % 3], turned[1, (axis + 2) % 3] = 1.0, sign
    return turned


def _spine(bvh: Bvh, neck: int, position: FloatArray, joints: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Spine and chest at fixed parts of the line pelvis, spine joints below the neck, neck."""
    chain = [neck]
    while bvh.parents[chain[0]] > 0:
        chain.insert(0, bvh.parents[chain[0]])
    line = np.stack([joints["pelvis"], *(position[:, j] for j in chain)], axis=1)
    lengths = np.linalg.norm(np.diff(line, axis=1), axis=-1).mean(axis=0)
    along = np.concatenate([[0.0], np.cumsum(lengths)]) / max(float(lengths.sum()), 1e-9)
    return {"spine": _at(line, along, SPINE_PART), "chest": _at(line, along, CHEST_PART)}


def _at(line: FloatArray, along: FloatArray, part: float) -> FloatArray:
    """(T,3) the point of a polyline (T,N,3) at a part of its length; `along` (N,) rises from 0 to 1."""
    i = min(max(int(np.searchsorted(along, part, side="right")) - 1, 0), len(along) - 2)
    weight = (part - along[i]) / max(along[i + 1] - along[i], 1e-9)
    result: FloatArray = (1 - weight) * line[:, i] + weight * line[:, i + 1]
    return result


def stature_m(takes: list[Take]) -> float:
    """Standing height of a person from leg and trunk; the median over their clips."""
    reach = [
        leg_length(take.joints) + np.linalg.norm(take.joints["neck"] - take.joints["pelvis"], axis=-1).mean()
        for take in takes
    ]
    return float(np.median(reach)) / LEG_AND_TRUNK


def level(takes: list[Take], height_m: float) -> list[Take]:
    """Takes of one person on one rig with level head and feet, and the head joint between the ears."""
    head, feet = head_correction(takes), foot_corrections(takes)
    levelled = []
    for take in takes:
        segments = {"head": take.segments["head"] @ head}
        segments |= {f"{side}_foot": take.segments[f"{side}_foot"] @ feet[side] for side, _ in SIDES}
        joints = take.joints | {"head": _ears(take.joints, segments["head"], height_m)}
        levelled.append(Take(take.name, take.action, take.source, take.fps, joints, segments))
    return levelled


def _ears(joints: dict[str, FloatArray], R_head: FloatArray, height_m: float) -> FloatArray:
    neck = joints["neck"]
    up = unit(unit(joints["head"] - neck) + R_head[..., :, 2])
    return neck + (EARS_ABOVE_NECK * up + EARS_AHEAD * R_head[..., :, 0]) * height_m
