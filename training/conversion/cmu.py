"""The CMU Graphics Lab database in its three public forms, brought to one: rotations of the Acclaim bones.

* `amc`: CMU's own ASF + AMC files.
* `mb`: B. Hahne's "MotionBuilder-friendly" BVH: one joint per Acclaim bone under another name, same rest
  pose, same length unit; its first frame is an added T-pose.
* `daz`: his "Daz-friendly" BVH: retargeted to the Daz figure, whose rest pose has arms and legs in other
  directions. Constant rotations lead back, R_acclaim = R_daz · exp(v), with v measured on trials that exist
  in both forms (about 1° remains). Bones that the Daz figure lacks are put half way between neighbours. The
  retargeting needs some frames after the added T-pose to settle; they are left out too.

`pose` puts these rotations on a person's own bone lengths (`Proportions`). All of it in Acclaim's axes:
x left, y up, z forward; the answer in the corpus's.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lifting.errors import DataError
from training.conversion.acclaim import INCH_M, AcclaimMotion
from training.conversion.bvh import Bvh
from training.conversion.extremities import HAND_LENGTH
from training.conversion.layout import SIDES, ZUP_FROM_YUP
from training.conversion.proportions import Proportions
from training.conversion.rotations import (
    FloatArray,
    between,
    from_rotvec,
    rotate,
    shortest_rotation,
    unit,
)

CMU_UNIT_M = INCH_M / 0.45
"""Length unit of CMU's own files and of the MotionBuilder-friendly ones."""

SETTLING_FRAMES = {"mb": 1, "daz": 8}

MB_BONES: Mapping[str, str] = {
    "root": "Hips", "lowerback": "LowerBack", "upperback": "Spine", "thorax": "Spine1",
    "lowerneck": "Neck", "upperneck": "Neck1", "head": "Head",
} | {
    f"{prefix}{bone}": f"{side}{joint}"
    for prefix, side in (("l", "Left"), ("r", "Right"))
    for bone, joint in (
        ("clavicle", "Shoulder"), ("humerus", "Arm"), ("radius", "ForeArm"), ("wrist", "Hand"),
        ("hand", "FingerBase"), ("femur", "UpLeg"), ("tibia", "Leg"), ("foot", "Foot"), ("toes", "ToeBase"),
    )
}  # fmt: skip

# Bone → Daz joint and v of exp(v) in degrees; left side, the right one is its mirror image.
_DAZ_TRUNK: Mapping[str, tuple[str, tuple[float, float, float]]] = {
    "root": ("hip", (0, 0, 0)), "upperback": ("abdomen", (0, 0, 0)), "thorax": ("chest", (0, 0, 0)),
    "lowerneck": ("neck", (-15.9, 0, 0)), "head": ("head", (16.1, 0, 0)),
}  # fmt: skip
_DAZ_LEFT: Mapping[str, tuple[str, tuple[float, float, float]]] = {
    "clavicle": ("Collar", (0, 0, 0)), "humerus": ("Shldr", (0, 0, -8.25)),
    "radius": ("ForeArm", (0, 0, -8.25)), "wrist": ("Hand", (0, 0, -8.25)),
    "femur": ("Thigh", (5.2, 0.65, -20.4)), "tibia": ("Shin", (5.0, 1.0, -20.4)),
    "foot": ("Foot", (0, 0, -20.9)),
}  # fmt: skip
_DAZ_PELVIS = ("lButtock", "lThigh", "rButtock", "rThigh")

_BONE_OF_SEGMENT = {
    "pelvis": "root", "spine": "lowerback", "chest": "thorax", "neck": "lowerneck", "head": "head",
}  # fmt: skip
_BONE_OF_SIDE = {
    "clavicle": "clavicle", "upperarm": "humerus", "forearm": "radius", "hand": "hand", "thigh": "femur",
    "shank": "tibia", "foot": "foot", "toes": "toes",
}  # fmt: skip


def form_of(bvh: Bvh) -> str | None:
    """ "mb", "daz", or None where the joints are not those of a CMU conversion."""
    names = set(bvh.names)
    if {*MB_BONES.values(), "LHipJoint"} <= names:
        return "mb"
    daz = {joint for joint, _ in _DAZ_TRUNK.values()} | {
        side + joint for joint, _ in _DAZ_LEFT.values() for side in "lr"
    }
    return "daz" if {*daz, *_DAZ_PELVIS} <= names else None


def from_bvh(bvh: Bvh, form: str, body: Proportions) -> AcclaimMotion:
    """A conversion of either form as rotations of Acclaim's bones, without its added frames.

    Raises DataError when nothing is left.
    """
    first = SETTLING_FRAMES[form]
    if len(bvh) <= first:
        raise DataError(f"Only {len(bvh)} frames, of which the first {first} are no motion.")
    position, rotation = (values[first:] for values in bvh.forward_kinematics())
    index = {name: i for i, name in enumerate(bvh.names)}
    if form == "mb":
        bones = {bone: rotation[:, index[joint]] for bone, joint in MB_BONES.items()}
        return AcclaimMotion(bones, position[:, 0] * CMU_UNIT_M)
    bones = _bones_from_daz(rotation, index)
    # The Daz root lies elsewhere in the pelvis, so go by the middle of the hips, and by leg length for scale.
    middle = sum(bvh.offsets[index[joint]] for joint in _DAZ_PELVIS) / 2
    figure_leg = np.linalg.norm(bvh.offsets[index["lShin"]]) + np.linalg.norm(bvh.offsets[index["lFoot"]])
    middle_m = (position[:, 0] + rotate(rotation[:, 0], middle)) * (body.femur_m + body.tibia_m) / figure_leg
    return AcclaimMotion(bones, middle_m - rotate(bones["root"], body.hip_m * (0, 1, 1)))


def _bones_from_daz(rotation: FloatArray, index: Mapping[str, int]) -> dict[str, FloatArray]:
    bones = {
        bone: rotation[:, index[joint]] @ from_rotvec(np.deg2rad(v))
        for bone, (joint, v) in _DAZ_TRUNK.items()
    }
    for side, sign in SIDES:
        mirror = np.array([1.0, sign, sign])  # of an axial vector, across the plane x = 0
        for bone, (joint, v) in _DAZ_LEFT.items():
            bones[side + bone] = rotation[:, index[side + joint]] @ from_rotvec(np.deg2rad(v * mirror))
        bones[side + "hand"], bones[side + "toes"] = bones[side + "wrist"], bones[side + "foot"]
    bones["lowerback"] = between(bones["root"], bones["upperback"], 0.5)
    bones["upperneck"] = between(bones["lowerneck"], bones["head"], 0.5)
    return bones


def pose(motion: AcclaimMotion, body: Proportions) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Joints (T,3) in metres and segment rotations (T,3,3), both in the corpus's axes.

    The head joint is still the end of the head bone, and head and feet have the marker set's own frames
    until `calibration` levels them.
    """
    joints = _trunk(motion, body)
    for side, sign in SIDES:
        joints |= _limbs(motion, body, side, np.array([sign, 1.0, 1.0]), joints["_thorax_end"])
    joints["pelvis"] = (joints["l_hip"] + joints["r_hip"]) / 2
    del joints["_thorax_end"]
    return {name: value @ ZUP_FROM_YUP.T for name, value in joints.items()}, _segments(motion, body)


def _trunk(motion: AcclaimMotion, body: Proportions) -> dict[str, FloatArray]:
    R = motion.rotation
    spine = motion.root_m + rotate(R["lowerback"], body.lowerback_m)
    chest = spine + rotate(R["upperback"], body.upperback_m)
    top = chest + rotate(R["thorax"], body.thorax_m)
    neck = top + rotate(R["lowerneck"], body.lowerneck_m)
    head = neck + rotate(R["upperneck"], body.upperneck_m) + rotate(R["head"], body.head_m)
    return {"spine": spine, "chest": chest, "_thorax_end": top, "neck": neck, "head": head}


def _limbs(
    motion: AcclaimMotion, body: Proportions, side: str, mirror: FloatArray, thorax_end: FloatArray
) -> dict[str, FloatArray]:
    def along(bone: str, vector: FloatArray) -> FloatArray:
        return rotate(motion.rotation[side + bone], vector * mirror)

    hip = motion.root_m + rotate(motion.rotation["root"], body.hip_m * mirror)
    knee = hip + along("femur", body.leg_direction * body.femur_m)
    arm = np.array([1.0, 0.0, 0.0])
    shoulder = thorax_end + along("clavicle", body.clavicle_m)
    elbow = shoulder + along("humerus", arm * body.upperarm_m)
    wrist = elbow + along("radius", arm * body.forearm_m)
    limb = {
        "hip": hip, "knee": knee, "ankle": knee + along("tibia", body.leg_direction * body.tibia_m),
        "shoulder": shoulder, "elbow": elbow, "wrist": wrist,
        "hand": wrist + along("hand", arm * HAND_LENGTH * body.stature_m),
    }  # fmt: skip
    return {f"{side}_{name}": value for name, value in limb.items()}


def _segments(motion: AcclaimMotion, body: Proportions) -> dict[str, FloatArray]:
    """Rotations from the canonical T-pose: a bone's rest direction is taken to the segment's axis first."""
    segments = {name: motion.rotation[bone] for name, bone in _BONE_OF_SEGMENT.items()}
    for side, sign in SIDES:
        mirror = np.array([sign, 1.0, 1.0])
        flat = np.array([sign, 0.0, 1.0])  # only the heading of a foot; pitch and roll are calibrated
        rest = {
            "thigh": shortest_rotation((0, -1, 0), body.leg_direction * mirror),
            "shank": shortest_rotation((0, -1, 0), body.leg_direction * mirror),
            "foot": shortest_rotation((0, 0, 1), unit(body.foot_direction * flat)),
            "toes": shortest_rotation((0, 0, 1), unit(body.toe_direction * flat)),
        }
        for part, bone in _BONE_OF_SIDE.items():
            segments[f"{side}_{part}"] = motion.rotation[side + bone] @ rest.get(part, np.eye(3))
    return {name: ZUP_FROM_YUP @ R @ ZUP_FROM_YUP.T for name, R in segments.items()}
