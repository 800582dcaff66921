"""One recorded clip on its way through the conversion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.conversion.rotations import FloatArray, unit


@dataclass(frozen=True, eq=False)
class Take:
    """Joints and segments of one person over T frames, metres, Z up (see `layout` for names and axes)."""

    name: str
    action: str
    """What the collection says is done in it; empty if it says nothing."""
    source: str
    """Which form it was read from: cmu-amc, cmu-mb, cmu-daz or the rig of a BVH file."""
    fps: float
    joints: dict[str, FloatArray]
    """(T,3) each."""
    segments: dict[str, FloatArray]
    """(T,3,3) each: from the segment's own frame to the world."""

    def __len__(self) -> int:
        return len(self.joints["l_hip"])


def heading_frame(joints: dict[str, FloatArray]) -> FloatArray:
    """(T,3,3) where the trunk faces: x forward, y left, z straight up, from hips and shoulders."""
    left = unit(joints["l_hip"] - joints["r_hip"]) + unit(joints["l_shoulder"] - joints["r_shoulder"])
    up = np.broadcast_to([0.0, 0.0, 1.0], left.shape)
    forward = unit(np.cross(left, up))
    return np.stack([forward, np.cross(up, forward), up], axis=-1)


def tilt_deg(joints: dict[str, FloatArray]) -> FloatArray:
    """(T,) angle of the trunk, pelvis to neck, with the vertical."""
    trunk = unit(joints["neck"] - joints["pelvis"])
    result: FloatArray = np.rad2deg(np.arccos(np.clip(trunk[:, 2], -1, 1)))
    return result


def speed_mps(positions: FloatArray, fps: float) -> FloatArray:
    """(T,3) → (T,) the slower of the speeds before and after a frame: a foot rests from its first frame."""
    if len(positions) < 2:
        return np.zeros(len(positions))
    step = np.linalg.norm(np.diff(positions, axis=0), axis=-1) * fps
    result: FloatArray = np.minimum(np.append(step, step[-1]), np.insert(step, 0, step[0]))
    return result
