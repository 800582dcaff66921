"""The rest pose that bone rotations are relative to: a T-pose of a standard body 1.70 m tall.

Lengths follow the usual body-segment proportions (Drillis and Contini 1966, as fractions of stature), with
the joint centres of hips and shoulders drawn in from the outer width of the body. World axes, metres.
"""

from __future__ import annotations

import numpy as np

from lifting.skeleton import BONES
from realtime.data import Float32

REST_HEIGHT_M = 1.70
"""Stature of the body below; scale offsets by `height / REST_HEIGHT_M` for another one."""

_CENTRE = (
    ("Hips", 0.0, 0.90, 0.0),
    ("Spine", 0.0, 0.10, 0.0),
    ("Chest", 0.0, 0.15, 0.0),
    ("Neck", 0.0, 0.28, 0.0),
    ("Head", 0.0, 0.09, 0.0),
)
_LEFT = (
    ("LeftShoulder", 0.03, 0.23, 0.0),
    ("LeftUpperArm", 0.15, 0.01, 0.0),
    ("LeftLowerArm", 0.31, 0.0, 0.0),
    ("LeftHand", 0.25, 0.0, 0.0),
    ("LeftUpperLeg", 0.09, 0.0, 0.0),
    ("LeftLowerLeg", 0.0, -0.42, 0.0),
    ("LeftFoot", 0.0, -0.40, 0.0),
    ("LeftToes", 0.0, -0.06, 0.13),
)


def _table() -> Float32:
    offsets = {name: xyz for name, *xyz in (*_CENTRE, *_LEFT)}
    offsets |= {name.replace("Left", "Right"): [-x, y, z] for name, x, y, z in _LEFT}
    return np.array([offsets[bone] for bone in BONES.joints], np.float32)


REST_OFFSETS_M: Float32 = _table()
"""(21,3) from each bone's parent to the bone, order of `BONES`; the Hips' row is from the floor below them."""
REST_OFFSETS_M.flags.writeable = False
