"""What joints of a body can do: limits on local rotations, soft so that motion stays continuous.

A local rotation is split into a twist about one axis of the bone and a swing of that axis. Elbows and knees
twist about their hinge; everything else about the bone itself. Each angle is left alone well inside its
range and bends smoothly towards the end of it outside: x → end - m + m·tanh((x - (end - m)) / m).

Ranges are the 0.1 and 99.9 percentiles of the CMU motion corpus, widened, with the textbook's range of
motion (AAOS) where the corpus does not reach it. How far an upper arm and a thigh may turn about themselves
depends on where they point and is decided with the bend planes in `rotations.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES
from realtime.solve.quaternions import any_true, conjugate, multiply

Float64 = NDArray[np.float64]

# Bone: axis of the left bone, twist from and to, margin of the twist, swing up to, its margin; degrees.
_LIMITS = {
    "Spine": ((0, 1, 0), -50, 50, 20, 75, 20),
    "Chest": ((0, 1, 0), -50, 50, 20, 50, 20),
    "Neck": ((0, 1, 0), -65, 65, 20, 75, 15),
    "Head": ((0, 1, 0), -65, 65, 20, 60, 15),
    "Shoulder": ((1, 0, 0), -20, 20, 10, 45, 15),
    "LowerArm": ((0, -1, 0), -5, 160, 5, 15, 5),
    "UpperLeg": ((0, 1, 0), -60, 95, 20, 150, 15),
    "LowerLeg": ((1, 0, 0), -5, 165, 5, 15, 5),
    "Foot": ((1, 0, 0), -75, 80, 20, 60, 15),
}  # fmt: skip


def _table() -> tuple[NDArray[np.intp], Float64, Float64]:
    """Bones with limits, their axes (L,3), and radians (L,5): twist lo, hi, margin, swing, margin."""
    bones, axes, ranges = [], [], []
    for bone, name in enumerate(BONES.joints):
        right = name.startswith("Right")
        row = _LIMITS.get(name.removeprefix("Left").removeprefix("Right"))
        if row is None:
            continue
        x, y, z = row[0]
        bones.append(bone)
        axes.append((x, -y, -z) if right else (x, y, z))  # a turn, seen in a mirror across X
        ranges.append(row[1:])
    return np.array(bones), np.array(axes, float), np.radians(np.array(ranges, float))


_BONES, _AXES, _RANGES = _table()
_LOW, _HIGH, _MARGIN, _SWING, _SWING_MARGIN = _RANGES.T
_FREE_LOW, _FREE_HIGH, _FREE_SWING = _LOW + _MARGIN, _HIGH - _MARGIN, _SWING - _SWING_MARGIN
"""Between and below these nothing is bent."""


def limit(local: Float64) -> tuple[Float64, bool]:
    """Local rotations (21,4) within the limits, and whether anything had to change.

    Where nothing does, the very array comes back. Only the limited bone changes: what hangs on it moves
    along, so joints must be placed anew (`forward.py`) for everything to agree.
    """
    q = local[_BONES]
    w, along = q[:, 3], np.vecdot(q[:, :3], _AXES)
    sign = np.where(w < 0, -1.0, 1.0)
    twist = 2 * np.arctan2(along * sign, w * sign)
    swing = 2 * np.arccos(np.minimum(np.sqrt(w * w + along * along), 1.0))
    near = (twist > _FREE_HIGH) | (twist < _FREE_LOW) | (swing > _FREE_SWING)
    if not any_true(near):
        return local, False
    new_twist = -_soft(-_soft(twist, _HIGH, _MARGIN), -_LOW, _MARGIN)
    new_swing = _soft(swing, _SWING, _SWING_MARGIN)
    changed = (new_twist != twist) | (new_swing != swing)
    if not any_true(changed):
        return local, False
    rows = np.flatnonzero(changed)
    out = local.copy()
    out[_BONES[rows]] = _compose(q[rows], _AXES[rows], twist[rows], new_twist[rows], new_swing[rows])
    return out, True


def _soft(angle: Float64, most: Float64, margin: Float64) -> Float64:
    """Angles below `most` - `margin` as they are, larger ones smoothly kept under `most`."""
    free = most - margin
    over = np.maximum(angle - free, 0.0)
    return np.where(over > 0, free + margin * np.tanh(over / margin), angle)


def _compose(q: Float64, axes: Float64, twist: Float64, new_twist: Float64, new_swing: Float64) -> Float64:
    """Rotations q (N,4) with other twist and swing angles, swinging the same way as before."""
    swing = multiply(q, conjugate(_turn(axes, twist)))
    swing *= np.where(swing[:, 3:] < 0, -1.0, 1.0)
    sine = np.sqrt(np.vecdot(swing[:, :3], swing[:, :3]))
    way = swing[:, :3] / np.maximum(sine, 1e-12)[:, None]
    return multiply(_turn(way, new_swing), _turn(axes, new_twist))


def _turn(axes: Float64, angles: Float64) -> Float64:
    """Quaternions (N,4) of turns by `angles` about unit axes (N,3)."""
    return np.concatenate([axes * np.sin(angles / 2)[:, None], np.cos(angles / 2)[:, None]], axis=1)
