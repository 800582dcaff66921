"""About which axis an elbow or a knee bends: what the plane of the limb says, and where it says nothing.

A bent limb shows its axis: across upper and lower part. A straight one does not, and one that is nearly
straight shows mostly noise. And an axis that would need an upper arm or a thigh to turn further about itself
than it can is no axis: there the elbow or knee is bent the wrong way, by an error in depth.

So the axis shown counts by how far the limb is bent and by how possible it is, and the rest comes from

* the last frame, for an arm, slowly going back to no twist,
* hips and foot, for a leg.

The limb itself is not changed here; a bend the wrong way becomes a hinge beyond its limit (`limits.py`).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from realtime.solve.quaternions import cross, length, swing, unit

Float64 = NDArray[np.float64]

STRAIGHT, BENT = 0.12, 0.42
"""Sine of the elbow's or knee's angle below and above which the bend plane counts not at all or fully."""
RELAX_S = 1.6
"""Time in which an arm that stays straight gives up the twist it had."""
ARM_RANGE_DEG, LEG_RANGE_DEG = (100.0, 150.0), (60.0, 110.0)
"""Turns from the usual axis: up to the first an axis is believed, beyond the second not at all."""
_FRAME_S = 1 / 30

_OUTWARDS = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
"""Left and right upper arm in the rest pose, chest axes."""
_SIDE = np.array([1.0, -1.0])


class ArmPlanes:
    """Axes of both elbows, remembered relative to the chest."""

    def __init__(self) -> None:
        self._last: tuple[Float64, Float64] | None = None

    def reset(self) -> None:
        """Forget the last frame."""
        self._last = None

    def update(self, upper: Float64, fore: Float64, dt_s: float) -> Float64:
        """Unit axes (2,3) for unit directions (2,3) of upper arms and forearms, left first; chest axes."""
        smallest_turn = swing(_OUTWARDS, upper)
        usual, rest = _turned(smallest_turn, usual_twist(upper)), _turned(smallest_turn, np.zeros(2))
        kept = rest if self._last is None else self._carried(upper, rest, dt_s)
        bend = cross(upper, fore)
        # With the arm across the body there is no telling how it came there, nor what is usual.
        telling = np.clip((1.0 + _SIDE * upper[:, 0]) / 0.3, 0.0, 1.0)
        share = _bent(bend) * (1.0 - telling * (1.0 - _possible(usual, bend, ARM_RANGE_DEG)))
        if self._last is not None and dt_s != _FRAME_S:
            share = 1.0 - (1.0 - share) ** (dt_s / _FRAME_S)
        axis = _mix(kept, bend, share)
        self._last = upper, axis
        return axis

    def _carried(self, upper: Float64, rest: Float64, dt_s: float) -> Float64:
        """The last axes, swung along with the upper arms and a little nearer to those without twist."""
        assert self._last is not None
        before, axis = self._last
        carried = np.einsum("bij,bj->bi", swing(before, upper), axis)
        return unit(carried + -math.expm1(-dt_s / RELAX_S) * (rest - carried))


def usual_twist(upper: Float64) -> Float64:
    """Turn outwards (2,) in radians of people whose upper arms point along (2,3), chest axes.

    Relative to the smallest turn from the T-pose; medians of the CMU corpus are 0° for a hanging arm, 50° for
    a level one, 115° for a raised one.
    """
    up = upper[:, 1]
    return np.asarray(np.radians(52.0 + 62.0 * up + 10.0 * up * up))


def _turned(smallest_turn: Float64, outwards: Float64) -> Float64:
    """Elbow axes (2,3) of arms turned outwards by (2,) from the rest pose and then along (2,3,3)."""
    axes = np.zeros((2, 3))
    axes[:, 1] = -_SIDE * np.cos(outwards)
    axes[:, 2] = _SIDE * np.sin(outwards)
    return np.asarray(np.einsum("bij,bj->bi", smallest_turn, axes))


def leg_axes(thighs: Float64, shanks: Float64, feet: Float64, hips: Float64) -> Float64:
    """Unit axes (2,3) of both knees from unit directions (2,3) and the pelvis (3,3), world axes."""
    from_hips = np.einsum(
        "bij,bj->bi", swing(np.stack([-hips[:, 1]] * 2), thighs), np.stack([hips[:, 0]] * 2)
    )
    usual = unit(cross(feet, shanks) + from_hips)
    bend = cross(thighs, shanks)
    return _mix(usual, bend, _bent(bend) * _possible(usual, bend, LEG_RANGE_DEG))


def _bent(bend: Float64) -> Float64:
    """0..1 how much a bend plane counts whose normals (2,3) are as long as the sine of the angle."""
    return _smoothstep((length(bend) - STRAIGHT) / (BENT - STRAIGHT))


def _possible(usual: Float64, bend: Float64, range_deg: tuple[float, float]) -> Float64:
    """0..1 how possible axes `bend` (2,3) of any length are, given the usual unit ones."""
    believed, never = (math.cos(math.radians(a)) for a in range_deg)
    cosine = np.einsum("bi,bi->b", usual, bend) / np.maximum(length(bend), 1e-9)
    return _smoothstep((cosine - never) / (believed - never))


def _smoothstep(x: Float64) -> Float64:
    x = np.minimum(np.maximum(x, 0.0), 1.0)
    return np.asarray(x * x * (3 - 2 * x))


def _mix(known: Float64, bend: Float64, share: Float64) -> Float64:
    """Unit axes between `known` (2,3) and the direction of `bend` (2,3)."""
    s = share[:, None]
    return unit((1 - s) * known + s * bend / np.maximum(length(bend), 1e-9)[:, None])
