"""Head and foot frames of a rig whose local axes are unknown: constants per person that make them canonical.

A rig's head turns with the head, but its axes may point anywhere. People look straight ahead on average, so
the mean of the trunk's heading as seen from the head joint is the missing constant. A planted foot is level,
and points from the ankle to the ball.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
from training.conversion.take import Take, heading_frame, tilt_deg

GAZE_PITCH_DEG = -4.0
MIN_PLANTED = 20


def head_correction(takes: Sequence[Take]) -> FloatArray:
    """(3,3): R_head · correction has x forward and z up, looking 4° down on average over upright frames.

    Somebody who is never upright is averaged over all frames.
    """
    seen, upright = [], []
    for take in takes:
        seen.append(transpose(take.segments["head"]) @ heading_frame(take.joints))
        upright.append(tilt_deg(take.joints) < 20)
    frames, standing = np.concatenate(seen), np.concatenate(upright)
    chosen = frames[standing] if standing.any() else frames
    return mean_rotation(chosen) @ axis_rotation("y", -GAZE_PITCH_DEG)


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
