"""Head and foot frames of a rig whose local axes are unknown: constants per person that make them canonical.

A rig's head turns with the head, but its axes may point anywhere. People who walk look where they go, so the
mean of the trunk's heading as seen from the head joint is the missing constant. A planted foot is level,
and points from the ankle to the ball.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.conversion.calibration import planted_up
from training.conversion.layout import SIDES
from training.conversion.rotations import (
    FloatArray,
    axis_rotation,
    frame_from_forward_up,
    mean_rotation,
    rotate,
    transpose,
    unit,
)
from training.conversion.take import Take, heading_frame, speed_mps, tilt_deg

GAZE_PITCH_DEG = -4.0
GOING_MPS = 0.5
MIN_GOING_S = 2.0
MIN_PLANTED = 20


def head_correction(takes: Sequence[Take]) -> FloatArray:
    """(3,3): R_head · correction has x forward and z up, looking 4° down on average.

    Averaged over frames in which an upright person goes somewhere; where there are less than two seconds of
    these, over upright frames, and for somebody never upright over all.
    """
    seen = np.concatenate([transpose(take.segments["head"]) @ heading_frame(take.joints) for take in takes])
    upright = np.concatenate([tilt_deg(take.joints) < 20 for take in takes])
    going = upright & np.concatenate([_goes(take) for take in takes])
    enough = going.sum() > MIN_GOING_S * takes[0].fps
    chosen = going if enough else upright if upright.any() else np.ones_like(upright)
    return mean_rotation(seen[chosen]) @ axis_rotation("y", -GAZE_PITCH_DEG)


def _goes(take: Take) -> NDArray[np.bool_]:
    """(T,) frames in which the pelvis travels over the ground."""
    return np.asarray(speed_mps(take.joints["pelvis"] * (1, 1, 0), take.fps) > GOING_MPS)


def foot_corrections(takes: Sequence[Take]) -> dict[str, FloatArray]:
    """(3,3) per side: R_foot · correction has z normal to the sole and x along the foot."""
    return {side: _foot_correction(takes, side) for side, _ in SIDES}


def _foot_correction(takes: Sequence[Take], side: str) -> FloatArray:
    planted = np.concatenate([planted_up(take, side) for take in takes])
    forward = np.median(np.concatenate([_toes_in_foot(take, side) for take in takes]), axis=0)
    if len(planted) >= MIN_PLANTED:
        return frame_from_forward_up(forward, np.median(planted, axis=0))
    # Never on the ground: the normal of the sole is at right angles to toes and body's left.
    left = np.median(np.concatenate([_axis_in_foot(take, side, 1) for take in takes]), axis=0)
    return frame_from_forward_up(forward, np.cross(forward, left))


def _toes_in_foot(take: Take, side: str) -> FloatArray:
    """(T,3) ankle → ball in the foot's frame; where the rig has no ball, the way the trunk faces."""
    if f"{side}_ball" not in take.joints:
        return _axis_in_foot(take, side, 0)
    along = unit(take.joints[f"{side}_ball"] - take.joints[f"{side}_ankle"])
    return rotate(transpose(take.segments[f"{side}_foot"]), along)


def _axis_in_foot(take: Take, side: str, axis: int) -> FloatArray:
    heading = heading_frame(take.joints)[:, :, axis]
    return rotate(transpose(take.segments[f"{side}_foot"]), heading)
