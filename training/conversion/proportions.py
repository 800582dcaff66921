"""The bone lengths of one person of the CMU database, left and right averaged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lifting.errors import DataError
from training.conversion.acclaim import INCH_M, AcclaimSkeleton
from training.conversion.bvh import END, Bvh
from training.conversion.extremities import ANKLE_HEIGHT, EAR_HEIGHT, HEAD_BONE_END
from training.conversion.rotations import FloatArray, unit

UPPER_ARM_SHARE = 0.5115
"""Of the distance shoulder to wrist (de Leva, J. Biomechanics 29 (1996)); CMU's own elbows are unreliable."""

ASSUMED_STATURE_M = 1.72

_CENTRED = np.array([0.0, 1.0, 1.0])
_MIRROR = np.array([-1.0, 1.0, 1.0])

HEAD_BONE_ABOVE_EARS = HEAD_BONE_END - EAR_HEIGHT


@dataclass(frozen=True, eq=False)
class Proportions:
    """Rest-pose bones in metres, x left, y up, z forward; paired ones are the left's."""

    lowerback_m: FloatArray
    upperback_m: FloatArray
    thorax_m: FloatArray
    lowerneck_m: FloatArray
    upperneck_m: FloatArray
    head_m: FloatArray
    hip_m: FloatArray
    """From the root to the hip joint."""
    clavicle_m: FloatArray
    femur_m: float
    tibia_m: float
    upperarm_m: float
    forearm_m: float
    leg_direction: FloatArray
    foot_direction: FloatArray
    toe_direction: FloatArray

    @property
    def stature_m(self) -> float:
        """Standing height H: legs, trunk, neck and head bone reach from the ankles, 0.043 H, to 0.95 H."""
        lower = self.lowerback_m + self.upperback_m + self.thorax_m
        trunk = float((lower + self.lowerneck_m + self.upperneck_m + self.head_m)[1])
        above_ankle = self.femur_m + self.tibia_m - float(self.hip_m[1]) + trunk
        return above_ankle / (HEAD_BONE_END - ANKLE_HEIGHT)


def from_asf(skeleton: AcclaimSkeleton) -> Proportions:
    """A person's proportions from their ASF file. Raises DataError when it lacks one of CMU's bones."""
    try:
        return _measured({name: bone.vector_m for name, bone in skeleton.bones.items()})
    except KeyError as error:
        raise DataError(f"The skeleton has no bone {error}; CMU's bone names are needed.") from error


def from_mb(bvh: Bvh) -> Proportions:
    """A person's proportions from a MotionBuilder-friendly BVH, whose offsets are the Acclaim bones.

    Two bones are not in it: the thorax (taken as long as the upper back, as on CMU's skeletons) and the
    wrist (half the forearm, likewise).
    """
    index = {name: i for i, name in enumerate(bvh.names)}

    def offset(joint: str) -> FloatArray:
        metres: FloatArray = bvh.offsets[index[joint]] * INCH_M / 0.45
        return metres

    def given(first: FloatArray, otherwise: FloatArray) -> FloatArray:
        return first if np.linalg.norm(first) > 0.01 else otherwise

    vectors = {"lowerback": offset("Spine"), "upperback": offset("Spine1"), "lowerneck": offset("Neck1")}
    shoulders = given(offset("LeftShoulder"), vectors["upperback"])
    vectors["thorax"] = given(offset("Neck"), shoulders)
    vectors["upperneck"] = offset("Head")
    vectors["head"] = given(
        offset("Head" + END) if "Head" + END in index else np.zeros(3), vectors["upperneck"]
    )
    for side, word in (("l", "Left"), ("r", "Right")):
        vectors[side + "hipjoint"], vectors[side + "clavicle"] = offset(word + "UpLeg"), offset(word + "Arm")
        vectors[side + "femur"], vectors[side + "tibia"] = offset(word + "Leg"), offset(word + "Foot")
        vectors[side + "humerus"], vectors[side + "radius"] = offset(word + "ForeArm"), offset(word + "Hand")
        vectors[side + "wrist"] = given(offset(word + "FingerBase"), vectors[side + "radius"] / 2)
        vectors[side + "foot"] = offset(word + "ToeBase")
        toe_end = f"{word}ToeBase{END}"
        vectors[side + "toes"] = given(
            offset(toe_end) if toe_end in index else np.zeros(3), np.array([0, 0, 0.06])
        )
    return _measured(vectors)


def _measured(vectors: dict[str, FloatArray]) -> Proportions:
    def both(bone: str) -> FloatArray:
        mean: FloatArray = (vectors["l" + bone] + vectors["r" + bone] * _MIRROR) / 2
        return mean

    def length(bone: str) -> float:
        return float(np.linalg.norm(vectors["l" + bone]) + np.linalg.norm(vectors["r" + bone])) / 2

    arm = length("humerus") + length("radius") + length("wrist")
    body = Proportions(
        lowerback_m=vectors["lowerback"] * _CENTRED,
        upperback_m=vectors["upperback"] * _CENTRED,
        thorax_m=vectors["thorax"] * _CENTRED,
        lowerneck_m=vectors["lowerneck"] * _CENTRED,
        upperneck_m=vectors["upperneck"] * _CENTRED,
        head_m=vectors["head"] * _CENTRED,
        hip_m=both("hipjoint"),
        clavicle_m=both("clavicle"),
        femur_m=length("femur"),
        tibia_m=length("tibia"),
        upperarm_m=UPPER_ARM_SHARE * arm,
        forearm_m=(1 - UPPER_ARM_SHARE) * arm,
        leg_direction=unit(both("femur")),
        foot_direction=unit(both("foot")),
        toe_direction=unit(both("toes")),
    )
    if not 0.8 < body.stature_m < 2.4:
        raise DataError(
            f"The skeleton would stand {body.stature_m:.2f} m tall; its length unit must be wrong."
        )
    return body


def mean_proportions(stature_m: float = ASSUMED_STATURE_M) -> Proportions:
    """An average CMU person of a stature: for trials whose skeleton is not at hand.

    Means in parts of stature over 26 people of the database; their standard deviation is 0.3 % of stature for
    the trunk's bones and up to 1 % for the limbs.
    """
    H = stature_m
    return Proportions(
        lowerback_m=np.array([0, 0.0668, -0.0046]) * H,
        upperback_m=np.array([0, 0.0672, 0.0025]) * H,
        thorax_m=np.array([0, 0.0675, 0.0019]) * H,
        lowerneck_m=np.array([0, 0.0576, 0.0047]) * H,
        upperneck_m=np.array([0, 0.0555, 0.0]) * H,
        head_m=np.array([0, 0.0577, 0.0034]) * H,
        hip_m=np.array([0.0516, -0.0572, 0.0256]) * H,
        clavicle_m=np.array([0.0524, 0.0516, -0.0006]) * H,
        femur_m=0.2294 * H,
        tibia_m=0.2480 * H,
        upperarm_m=0.1656 * H,
        forearm_m=0.1581 * H,
        leg_direction=np.array([np.sin(np.deg2rad(20)), -np.cos(np.deg2rad(20)), 0.0]),
        foot_direction=unit([0.067, -0.184, 0.981]),
        toe_direction=np.array([0.0, 0.0, 1.0]),
    )
