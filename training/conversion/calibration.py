"""What all clips of one person together reveal about their marker set: knees, soles and head.

Marker sets are placed by hand, so a head or foot frame is turned by a constant from person to person, and
CMU's knee centres sit too far forward. Each correction below is one constant per person, estimated where
the truth is known: a planted foot is level, a standing leg is nearly straight, people look ahead.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.conversion.acclaim import AcclaimMotion
from training.conversion.layout import SIDES, ZUP_FROM_YUP
from training.conversion.rotations import (
    FloatArray,
    angle_between_deg,
    angle_deg,
    axis_rotation,
    frame_from_forward_up,
    from_rotvec,
    transpose,
    unit,
)
from training.conversion.take import Take, heading_frame, speed_mps, tilt_deg

STANDING_FLEXION_DEG = 4.0
MAX_KNEE_BIAS_DEG = 24.0
DEFAULT_KNEE_BIAS_DEG = 10.0
FADED_FLEXION_DEG = 75.0
"""Beyond this flexion knees are left as they are."""
STRAIGHT_LEFT_DEG = 3.0
"""Flexion left over of one just above the bias."""
STANDING_PELVIS = 0.41
"""Of stature: a pelvis higher than this above the ankle belongs to a standing leg."""
GAZE_PITCH_DEG = -5.0
MIN_SAMPLES = 200
MIN_SOLE_SAMPLES = 100
ASSUMED_SOLE = np.array([-0.06, -0.32, 0.945])
"""Sole normal in CMU's left foot frame; the feet of its skeletons are rolled by 20°."""


def flexion_deg(joints: dict[str, FloatArray], side: str) -> FloatArray:
    """(T,) angle between thigh and shank; 0 = straight."""
    hip, knee, ankle = (joints[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
    return angle_between_deg(knee - hip, ankle - knee)


def knee_bias_deg(takes: Sequence[Take], stature_m: float) -> dict[str, float]:
    """By how many degrees each knee shows too much flexion, 0 to 24.

    The tenth percentile of flexion over frames in which the leg is planted and the person upright should be
    4°. A leg without such frames takes the other's bias, and 10° when neither has any.
    """
    found: dict[str, float] = {}
    for side, _ in SIDES:
        samples = np.concatenate([_standing_flexion(take, side, stature_m) for take in takes])
        if len(samples) > MIN_SAMPLES:
            excess = float(np.percentile(samples, 10)) - STANDING_FLEXION_DEG
            found[side] = min(max(excess, 0.0), MAX_KNEE_BIAS_DEG)
    usual = float(np.mean(list(found.values()))) if found else DEFAULT_KNEE_BIAS_DEG
    return {side: found.get(side, usual) for side, _ in SIDES}


def _standing_flexion(take: Take, side: str, stature_m: float) -> FloatArray:
    ankle = take.joints[f"{side}_ankle"]
    planted = speed_mps(ankle, take.fps) < 0.3
    planted &= ankle[:, 2] < np.percentile(ankle[:, 2], 20) + 0.03
    upright = tilt_deg(take.joints) < 20
    upright &= take.joints["pelvis"][:, 2] - ankle[:, 2] > STANDING_PELVIS * stature_m
    result: FloatArray = flexion_deg(take.joints, side)[planted & upright]
    return result


def without_bias_deg(flexion: FloatArray, bias: float) -> FloatArray:
    """Corrected flexion: rises from 0 to 3° at bias + 3°, then straight to 75° at 75°, and is the same above.

    Continuous and increasing, so that no two different knees become the same one.
    """
    bend = bias + STRAIGHT_LEFT_DEG
    result: FloatArray = np.interp(
        flexion,
        [0.0, bend, FADED_FLEXION_DEG, 180.0],
        [0.0, STRAIGHT_LEFT_DEG, FADED_FLEXION_DEG, 180.0],
    )
    return result


def straighten_knees(
    motion: AcclaimMotion, joints: dict[str, FloatArray], bias_deg: dict[str, float]
) -> AcclaimMotion:
    """The motion with that much less flexion: half turns the thigh, half the shank, about the knee.

    For equally long thigh and shank the ankle stays on the line from the hip through where it was.
    """
    rotation = dict(motion.rotation)
    for side, _ in SIDES:
        hip, knee, ankle = (joints[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
        axis = unit(np.cross(knee - hip, ankle - knee)) @ ZUP_FROM_YUP
        flexion = flexion_deg(joints, side)
        half = np.deg2rad(flexion - without_bias_deg(flexion, bias_deg[side])) / 2
        rotation[f"{side}femur"] = from_rotvec(axis * half[:, None]) @ rotation[f"{side}femur"]
        rotation[f"{side}tibia"] = from_rotvec(-axis * half[:, None]) @ rotation[f"{side}tibia"]
    return AcclaimMotion(rotation, motion.root_m)


def planted_up(take: Take, side: str) -> FloatArray:
    """(N,3) the vertical, in the foot's frame, of every frame in which the foot is planted.

    Planted: the ankle is low and slow (0.12 m/s over 0.1 s), and the foot does not turn (25°/s).
    """
    ankle, R = take.joints[f"{side}_ankle"], take.segments[f"{side}_foot"]
    half = max(1, round(take.fps * 0.05))
    if len(ankle) <= 2 * half:
        return np.zeros((0, 3))
    rate = take.fps / (2 * half)
    slow = np.linalg.norm(ankle[2 * half :] - ankle[: -2 * half], axis=-1) * rate < 0.12
    still = angle_deg(R[2 * half :], R[: -2 * half]) * rate < 25
    low = ankle[half:-half, 2] < np.percentile(ankle[:, 2], 10) + 0.03
    result: FloatArray = R[half:-half][slow & still & low][:, 2, :]
    return result


def sole_correction(takes: Sequence[Take]) -> dict[str, FloatArray]:
    """(3,3) per side: R_foot · correction has z normal to the sole; the foot's heading is kept.

    The median vertical over planted frames, mirrored and averaged over both feet, within what marker sets of
    the database can do (pitch 7°, roll 9 to 27°).
    """
    normals = []
    for side, sign in SIDES:
        samples = np.concatenate([planted_up(take, side) for take in takes])
        enough = len(samples) > MIN_SOLE_SAMPLES
        mirror = np.array([1.0, sign, 1.0])
        normals.append(unit(np.median(samples, axis=0)) * mirror if enough else unit(ASSUMED_SOLE))
    mean = unit(normals[0] + normals[1])
    normal = unit([np.clip(mean[0], -0.12, 0.12), np.clip(mean[1], -0.45, -0.15), mean[2]])
    return {side: frame_from_forward_up((1, 0, 0), normal * (1, sign, 1)) for side, sign in SIDES}


def head_correction(takes: Sequence[Take]) -> FloatArray:
    """(3,3): R_head · correction looks 5° down and is not tilted sideways, on average over upright walking.

    Where nobody walks, half of the correction over all upright frames: what they do may need another gaze.
    """
    level, part = _head_in_heading([take for take in takes if _walks(take)]), 1.0
    if len(level) < MIN_SAMPLES:
        level, part = _head_in_heading(takes), 0.5
    if len(level) < MIN_SAMPLES:
        return np.eye(3)
    pitch, roll = (np.rad2deg(np.arcsin(np.clip(np.median(level[:, 2, k]), -1, 1))) for k in (0, 1))
    # About y (left) a positive angle looks down; about x (forward) it raises the left side.
    return axis_rotation("y", part * (pitch - GAZE_PITCH_DEG)) @ axis_rotation("x", -part * roll)


def _walks(take: Take) -> bool:
    words = take.action.lower()
    return any(word in words for word in ("walk", "run", "jog")) and "uneven" not in words


def _head_in_heading(takes: Sequence[Take]) -> FloatArray:
    """(N,3,3) head frames as seen from where the trunk faces, upright frames only."""
    found = [np.zeros((0, 3, 3))]
    for take in takes:
        upright = tilt_deg(take.joints) < 15
        found.append((transpose(heading_frame(take.joints)) @ take.segments["head"])[upright])
    return np.concatenate(found)
