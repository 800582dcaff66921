"""Frames in which capture failed, and the good stretches between them.

Arrays (T,31,3) in metres at `fps`. The limits lie beyond what people do in front of a capture system, so that
only errors are cut.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.conversion.layout import INDEX, SEGMENTS, SIDES
from training.conversion.rotations import FloatArray, angle_between_deg, to_quaternion, transpose, unit

MAX_PELVIS_MPS = 9.0
MAX_JOINT_MPS = 16.0
MAX_LIMB_DEG_PER_S = 2400.0
MAX_KNEE_BACKWARD_DEG = 35.0
MAX_THIGH_TWIST_DEG = 110.0
MAX_SHANK_TWIST_DEG = 60.0
MARGIN_FRAMES = 2
"""Cut away on both sides of a bad frame."""

_LIMBS = (
    *((f"{side}_{a}", f"{side}_{b}") for side, _ in SIDES for a, b in (
        ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))),
    ("pelvis", "neck"), ("neck", "head"),
)  # fmt: skip


def bad_frames(positions: FloatArray, fps: float) -> NDArray[np.bool_]:
    """(T,) frames with NaN, beside a teleport or a limb's flip, or with a knee bent backwards."""
    bad: NDArray[np.bool_] = np.asarray(~np.isfinite(positions).all(axis=(1, 2)))
    known = np.nan_to_num(positions)
    jump = _jumps(known, fps)
    bad[1:] |= jump
    bad[:-1] |= jump
    result: NDArray[np.bool_] = bad | (knee_backward_deg(known).max(axis=1) > MAX_KNEE_BACKWARD_DEG)
    return result


def _jumps(positions: FloatArray, fps: float) -> NDArray[np.bool_]:
    """(T-1,) steps from a frame to the next that nobody can make."""
    speed = np.linalg.norm(np.diff(positions, axis=0), axis=-1) * fps
    jump = (speed[:, INDEX["pelvis"]] > MAX_PELVIS_MPS) | (speed > MAX_JOINT_MPS).any(axis=1)
    for a, b in _LIMBS:
        limb = positions[:, INDEX[b]] - positions[:, INDEX[a]]
        jump |= angle_between_deg(limb[1:], limb[:-1]) * fps > MAX_LIMB_DEG_PER_S
    result: NDArray[np.bool_] = jump
    return result


def knee_backward_deg(positions: FloatArray) -> FloatArray:
    """(T,2) how far the left and the right knee are bent the wrong way, seen along the hips."""
    across = unit(positions[:, INDEX["l_hip"]] - positions[:, INDEX["r_hip"]])
    found = []
    for side, _ in SIDES:
        hip, knee, ankle = (positions[:, INDEX[f"{side}_{name}"]] for name in ("hip", "knee", "ankle"))
        thigh, shank = unit(knee - hip), unit(ankle - knee)
        hinge = np.cross(thigh, shank)
        sideways = np.sum(unit(hinge) * across, axis=-1)  # 1: bends backwards as knees do, -1: forwards
        found.append(angle_between_deg(thigh, shank) * np.maximum(-sideways, 0))
    return np.stack(found, axis=1)


def twisted_legs(segments: FloatArray) -> NDArray[np.bool_]:
    """(T,) frames in which a thigh or shank has flipped about its long axis; segments (T,21,3,3)."""
    bad = np.zeros(len(segments), dtype=bool)
    at = {name: segments[:, i] for i, name in enumerate(SEGMENTS)}
    for side, _ in SIDES:
        thigh, shank = at[f"{side}_thigh"], at[f"{side}_shank"]
        bad |= np.abs(twist_deg(transpose(at["pelvis"]) @ thigh)) > MAX_THIGH_TWIST_DEG
        bad |= np.abs(twist_deg(transpose(thigh) @ shank)) > MAX_SHANK_TWIST_DEG
    return bad


def twist_deg(R: FloatArray) -> FloatArray:
    """(…,) the part of a rotation that turns about z, the legs' long axis: 2 atan2(q_z, q_w)."""
    q = to_quaternion(R)  # w ≥ 0, so the angle is -180 … 180
    result: FloatArray = np.rad2deg(2 * np.arctan2(q[..., 2], q[..., 3]))
    return result


def good_runs(bad: NDArray[np.bool_], min_frames: int) -> list[tuple[int, int]]:
    """Stretches [begin, end) without bad frames or their neighbours, at least `min_frames` long."""
    near = np.convolve(bad, np.ones(2 * MARGIN_FRAMES + 1), mode="full")[MARGIN_FRAMES:-MARGIN_FRAMES] > 0
    edges = np.flatnonzero(np.diff(np.concatenate([[True], near, [True]])))
    pairs = edges.reshape(-1, 2).tolist()
    return [(begin, end) for begin, end in pairs if end - begin >= min_frames]
