"""About which axis elbows and knees bend: what the plane of the limb says, and where it says nothing.

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

from realtime.solve.quaternions import carry, cross, length, unit

Float64 = NDArray[np.float64]

STRAIGHT, BENT = 0.12, 0.42
"""Sine of the elbow's or knee's angle below and above which the bend plane counts not at all or fully."""
RELAX_S = 1.6
"""Time in which an arm that stays straight gives up the twist it had."""
FRAME_S = 1 / 30
"""The step for which the shares above are meant."""
ARM_RANGE_DEG, LEG_RANGE_DEG = (100.0, 150.0), (60.0, 110.0)
"""Turns from the usual axis: up to the first an axis is believed, beyond the second not at all."""

_SIDE = np.array([1.0, -1.0])
_OUTWARDS = _SIDE[:, None] * (1.0, 0.0, 0.0)
"""Left and right upper arm in the rest pose, chest axes."""
_ELBOWS = _SIDE[:, None] * (0.0, -1.0, 0.0)
"""Their elbows' axes: forearms come forward."""
_BELIEVED, _NEVER = np.cos(np.radians([ARM_RANGE_DEG] * 2 + [LEG_RANGE_DEG] * 2)).T


class BendPlanes:
    """Axes of both elbows and both knees; those of the elbows are remembered relative to the chest."""

    def __init__(self) -> None:
        self._last: tuple[Float64, Float64] | None = None

    def reset(self) -> None:
        """Forget the last frame."""
        self._last = None

    def update(self, near: Float64, far: Float64, feet: Float64, hips: Float64, dt_s: float) -> Float64:
        """Unit axes (4,3): elbows in chest axes, knees in world axes, left before right.

        `near` and `far` (4,3) are unit directions in the same axes of upper arms and thighs, forearms and
        shanks; `feet` (2,3) and the pelvis (3,3) are in world axes.
        """
        usual, kept = self._without_bend(near, far, feet, hips, dt_s)
        bend = cross(near, far)
        sine = length(bend)
        bend = bend / np.maximum(sine, 1e-9)[:, None]
        cosine = np.vecdot(usual, bend)
        bent, possible = _smoothstep(
            np.array([(sine - STRAIGHT) / (BENT - STRAIGHT), (cosine - _NEVER) / (_BELIEVED - _NEVER)])
        )
        # With an arm across the body there is no telling how it came there, nor what is usual.
        telling = np.minimum(np.maximum((1.0 + _SIDE * near[:2, 0]) / 0.3, 0.0), 1.0)
        possible[:2] = 1.0 - telling * (1.0 - possible[:2])
        share = bent * possible
        if self._last is not None and dt_s != FRAME_S:
            share[:2] = 1.0 - (1.0 - share[:2]) ** (dt_s / FRAME_S)
        axes = unit(kept + share[:, None] * (bend - kept))
        self._last = near[:2], axes[:2].copy()  # the caller may turn the axes
        return axes

    def _without_bend(
        self, near: Float64, far: Float64, feet: Float64, hips: Float64, dt_s: float
    ) -> tuple[Float64, Float64]:
        """Usual axes (4,3), and what to take while limbs are straight (4,3)."""
        before, axes = (near[:2], _ELBOWS) if self._last is None else self._last
        down, across, arms = -hips[None, :, 1], hips[None, :, 0], near[:2]
        moved = carry(
            np.concatenate([_OUTWARDS, _OUTWARDS, before, down, down]),
            np.concatenate([arms, arms, arms, near[2:]]),
            np.concatenate([_ELBOWS, _turned_outwards(arms), axes, across, across]),
        )
        untwisted, usual_arms, last, from_hips = moved[:2], moved[2:4], moved[4:6], moved[6:]
        legs = unit(cross(feet, far[2:]) + from_hips)
        relaxed = -math.expm1(-dt_s / RELAX_S)
        kept = untwisted if self._last is None else unit(last + relaxed * (untwisted - last))
        return np.concatenate([usual_arms, legs]), np.concatenate([kept, legs])


def _turned_outwards(arms: Float64) -> Float64:
    """Elbow axes (2,3) in the rest pose of arms turned as people usually turn them that point along (2,3).

    Turned outwards relative to the smallest turn from the T-pose, the more the higher the arm: medians of
    the CMU corpus are 0° for a hanging arm, 50° for a level one, 115° for a raised one.
    """
    up = arms[:, 1]
    outwards = np.radians(52.0 + 62.0 * up + 10.0 * up * up)
    axes = np.zeros((2, 3))
    axes[:, 1] = -_SIDE * np.cos(outwards)
    axes[:, 2] = _SIDE * np.sin(outwards)
    return axes


def _smoothstep(x: Float64) -> Float64:
    x = np.minimum(np.maximum(x, 0.0), 1.0)
    return np.asarray(x * x * (3 - 2 * x))
