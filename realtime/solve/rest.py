"""The rest pose: a standing T-pose of SEALCAP26, in which every bone rotation is the identity.

World axes (X the person's left, Y up, Z forward), feet on y = 0, in units of the stature. Proportions are
medians over the subjects of the CMU motion corpus.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import SEALCAP26

Float64 = NDArray[np.float64]

# Joint: offset from its parent (left, up, forward). Right-hand joints are mirrored from the left.
_OFFSETS = {
    "spine": (0.0, 0.1236, -0.0225), "chest": (0.0, 0.0670, 0.0003), "neck": (0.0, 0.1243, -0.0050),
    "head": (0.0, 0.0834, 0.0200), "nose": (0.0, -0.0115, 0.0681), "left_eye": (0.0182, 0.0127, 0.0496),
    "left_ear": (0.0427, 0.0, 0.0), "left_shoulder": (0.1058, 0.1035, -0.0004),
    "left_elbow": (0.1653, 0.0, 0.0), "left_wrist": (0.1579, 0.0, 0.0), "left_hip": (0.0515, 0.0, 0.0),
    "left_knee": (0.0, -0.2298, 0.0), "left_ankle": (0.0, -0.2472, 0.0),
    "left_heel": (0.0, -0.0330, -0.0320), "left_toe": (0.0, -0.0350, 0.1079),
}  # fmt: skip

PARENTS = np.maximum(SEALCAP26.parents, 0)
"""(26,) parent of every joint; the pelvis is its own."""
LINKS = np.arange(1, len(SEALCAP26))
"""Every joint but the pelvis is the far end of one link."""

ANCESTORS = np.zeros((len(SEALCAP26), len(SEALCAP26)))
"""(26,26) row j marks the joints on the way from the pelvis to j: joints = ANCESTORS @ offsets."""
for _j, _parent in enumerate(SEALCAP26.parents):
    ANCESTORS[_j] = ANCESTORS[_parent] if _parent >= 0 else 0.0
    ANCESTORS[_j, _j] = 1.0


def _rest_offsets() -> Float64:
    out = np.zeros((len(SEALCAP26), 3))
    for name, offset in _OFFSETS.items():
        out[SEALCAP26.index(name)] = offset
        twin = SEALCAP26.mirrored[SEALCAP26.index(name)]
        if twin != SEALCAP26.index(name):
            out[twin] = offset * np.array([-1, 1, 1])
    return out


OFFSETS = _rest_offsets()
"""(26,3) from parent to joint in the rest pose, in statures; 0 for the pelvis."""

PELVIS_HEIGHT = 0.5198
"""Of mid-hip above the sole, in statures: the leg's joints and 0.043 below the ankle."""

REST_JOINTS: Float64 = ANCESTORS @ OFFSETS + (0.0, PELVIS_HEIGHT, 0.0)
"""(26,3) the rest pose of a person of stature 1."""

REST_LENGTHS: Float64 = np.sqrt((OFFSETS**2).sum(axis=1))
"""(26,) link lengths in statures; 0 for the pelvis."""


def rest_joints(lengths_m: Float64) -> Float64:
    """The rest pose with a person's own link lengths (26,): (26,3) metres, feet on y = 0."""
    directions = OFFSETS / np.maximum(REST_LENGTHS, 1e-12)[:, None]
    joints = ANCESTORS @ (directions * lengths_m[:, None])
    soles = SEALCAP26.indices("left_heel", "right_heel", "left_toe", "right_toe")
    joints[:, 1] -= joints[soles, 1].min() - 0.009 * stature_from_lengths(lengths_m)
    return np.asarray(joints)


_STATURE_LINKS = SEALCAP26.indices(
    "left_knee", "right_knee", "left_ankle", "right_ankle", "spine", "chest", "neck", "head"
)
_STATURE_WEIGHTS = np.array([0.5, 0.5, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0])
STATURE_FACTOR = 1.130


def stature_from_lengths(lengths_m: Float64) -> float:
    """Stature in metres from link lengths (26,).

    1.130 × (thigh + shank + pelvis-spine + spine-chest + chest-neck + neck-head), left and right
    averaged: what is missing is the foot, the skull above the ears and the curvature of the back. Over
    the CMU subjects the factor varies by 0.3 %.
    """
    return float(STATURE_FACTOR * (lengths_m[_STATURE_LINKS] @ _STATURE_WEIGHTS))
