"""Limbs that nobody sees: where they are taken to be, and the way back when they are seen again.

The lifting network answers for every joint, seen or not. Measured on motion with known truth: in the first
moments after a limb disappears that answer jumps away, and the limb's last motion, braking, is the better
guess; after a second the answer is better than a limb held still by far, and better than a calm pose; where
the detector still guesses (a low confidence) it is nearly as good as ever, but shakes.

So the direction x of a hidden link follows the network's direction like a critically damped spring

    x'' = ω² (network - x) - 2 ω x'

that starts with the place and speed the link had when last seen: slow where nothing is seen, quicker where
the detector guesses. When the link is seen again the turn between both fades by the same law, quickly. Place
and speed are continuous throughout, whatever flickers. Links are turned in the body's axes (arms: the
trunk's, legs: upright ones with the pelvis' heading), so they move with the body.

Legs out of the picture for long are drawn to a calm pose in place of the network's, see `calm`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import SEALCAP26
from realtime.solve.arcs import FadingTurns, spring
from realtime.solve.calm import HIPS, LEG, CalmLegs, Legs, upright
from realtime.solve.quaternions import any_true, frame, length, unit

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

HIDDEN_BELOW, SEEN_ABOVE = 0.25, 0.35
"""Confidence of the best joint at or beyond a link's end."""
BLIND, GUESS, RETURN = 3.0, 20.0, 12.0
"""ω in 1/s: nothing seen, the detector guesses, seen again. It settles within about 4 / ω seconds."""
GUESS_CONFIDENCE = 0.15
"""Confidence from which the detector guesses."""
LEGS_BACK = 9.0
"""ω with which calm legs give way to seen ones: half a second."""
RATE_MEMORY_S = 0.1
FASTEST = 6.0
"""Radians per second that a link may have when it disappears."""

_SIDES = ("left", "right")
_LEVELS = (("elbow", "knee"), ("wrist", "ankle"), ("heel", "toe"))
_ENDS = [f"{side}_{joint}" for level in _LEVELS for joint in level for side in _SIDES]
END = np.array(SEALCAP26.indices(*_ENDS))
START = np.array([SEALCAP26.parents[j] for j in END])
LEVELS = (slice(0, 4), slice(4, 8), slice(8, 12))
"""Links from the body outward: every level hangs on the one before."""
IS_LEG = np.array([name.split("_")[1] in LEG for name in _ENDS])
_AXES_OF = IS_LEG.astype(int)
_LEG_ORDER = np.array([_ENDS.index(f"{side}_{joint}") for joint in LEG for side in _SIDES])
_CALM_ORDER = np.argsort(_LEG_ORDER)
_KNEES = np.array([_ENDS.index(f"{side}_knee") for side in _SIDES])
_ANKLES = np.array([_ENDS.index(f"{side}_ankle") for side in _SIDES])
RETURNED = 0.05
"""Radians: a link this near to where it is seen is there."""

_NECK, _PELVIS = SEALCAP26.indices("neck", "pelvis")
_SHOULDERS = np.array(SEALCAP26.indices("left_shoulder", "right_shoulder"))


def _beyond() -> Bools:
    """(12,26) the joints at a link's end and further out. Heel and toe count together."""
    out = np.zeros((len(END), len(SEALCAP26)), bool)
    for row, j in enumerate(END):
        out[row] = [_hangs_on(k, int(j)) for k in range(len(SEALCAP26))]
        if "heel" in _ENDS[row] or "toe" in _ENDS[row]:
            side = _ENDS[row].split("_")[0]
            out[row, SEALCAP26.indices(f"{side}_heel", f"{side}_toe")] = True
    return out


def _hangs_on(joint: int, ancestor: int) -> bool:
    while joint not in (-1, ancestor):
        joint = SEALCAP26.parents[joint]
    return joint == ancestor


BEYOND = _beyond()


class HiddenLimbs:
    """Arms and legs of one person, frame after frame."""

    def __init__(self, legs: Legs = "auto") -> None:
        self.legs = CalmLegs(legs)
        self.reset()

    def forget(self) -> None:
        """Forget everything, as after a cut."""
        self.legs.reset()
        self.reset()

    def reset(self) -> None:
        """Forget the motion, as after a pause: hidden limbs start as the network says."""
        self._x: Float64 | None = None
        self._v = np.zeros((len(END), 3))
        self._return = FadingTurns(len(END))
        self._hidden = np.zeros(len(END), bool)

    @property
    def legs_return(self) -> bool:
        """Whether a leg just seen again is still on its way to where it is seen."""
        return bool(self._return) and bool((self._return.left()[IS_LEG] > RETURNED).any())

    def update(
        self, joints: Float64, confidence: Floats, up: Float64, height_m: float | None, dt_s: float
    ) -> Float64:
        """The figure (26,3) with hidden links where they are taken to be; links seen for long do not change.

        `joints` relative to mid-hip in axes in which `up` (3,) is straight up; `confidence` (26,) of this
        frame; `height_m` of mid-hip above the floor, None where unknown; lengths are kept.
        """
        links = joints[END] - joints[START]
        lengths = length(links)
        axes = _axes(joints, up)  # (12,3,3)
        said = ((links / np.maximum(lengths, 1e-12)[:, None])[:, None] @ axes)[:, 0]
        best = (BEYOND * confidence).max(axis=1)
        was, self._hidden = self._hidden, best < np.where(self._hidden, SEEN_ABOVE, HIDDEN_BELOW)
        self._update_legs(said, best, lengths, height_m, dt_s)
        if not any_true(self._hidden) and not any_true(was) and not self._return:
            self._v, self._x = self._rate(said, dt_s), said
            return joints
        target = self._target(said)
        if self._x is None:
            self._x = np.where(self._hidden[:, None], target, said)
        x = self._x = self._follow(said, target, best, was, dt_s)
        return _rebuilt(joints, (axes @ x[:, :, None])[:, :, 0] * lengths[:, None])

    def _update_legs(
        self, said: Float64, best: Float64, lengths: Float64, height_m: float | None, dt_s: float
    ) -> None:
        """Legs at which the detector guesses are hidden, but not out of the picture."""
        out_of_sight = 0 not in self._hidden[IS_LEG].tobytes()
        seen = not out_of_sight or max(best[IS_LEG].tolist()) > GUESS_CONFIDENCE
        leg_m = (sum(lengths[_KNEES].tolist()) + sum(lengths[_ANKLES].tolist())) / 2
        height = None if height_m is None else height_m / max(leg_m, 1e-6)
        self.legs.update(seen, -sum(said[_KNEES, 1].tolist()) / 2, height, dt_s)

    def _target(self, said: Float64) -> Float64:
        """(12,3) what hidden links are drawn to: the network's word, or a calm pose for legs out of view."""
        share = self.legs.share
        if share == 0.0:
            return said
        target = said.copy()
        target[IS_LEG] = unit((1.0 - share) * said[IS_LEG] + share * self.legs.directions()[_CALM_ORDER])
        return target

    def _follow(self, said: Float64, target: Float64, best: Float64, was: Bools, dt_s: float) -> Float64:
        """(12,3) directions: hidden links on their spring, seen ones fading back to what is seen."""
        assert self._x is not None
        hidden = self._hidden[:, None]
        omega = BLIND + (GUESS - BLIND) * np.minimum(best / GUESS_CONFIDENCE, 1.0)[:, None]
        y, v = spring(self._x - target, self._v, omega, dt_s)
        back = was & ~self._hidden
        if any_true(back):
            quickness = np.where(IS_LEG & (self.legs.share > 0.5), LEGS_BACK, RETURN)
            self._return.begin(back, said, self._x, self._v, quickness)
        self._return.end(self._hidden)
        self._return.fade(dt_s)
        x = unit(np.where(hidden, target + y, self._return.apply(said)))
        self._v = np.where(hidden, v, self._rate(x, dt_s))
        return x

    def _rate(self, x: Float64, dt_s: float) -> Float64:
        """Velocity of seen links (12,3), smoothed over a few frames and never wild."""
        if dt_s <= 0 or self._x is None:
            return np.zeros_like(x)
        gain = -math.expm1(-dt_s / RATE_MEMORY_S)
        rate: Float64 = self._v + gain * ((x - self._x) / dt_s - self._v)
        slowed: Float64 = rate * np.minimum(1.0, FASTEST / np.maximum(length(rate), 1e-9))[:, None]
        return slowed


def _axes(joints: Float64, up: Float64) -> Float64:
    """(12,3,3) axes each link is told in: the trunk's for arms, upright ones for legs."""
    left, right = joints[_SHOULDERS]
    left_hip, right_hip = joints[HIPS]
    both = frame(
        np.array([left - right, up]), np.array([joints[_NECK] - joints[_PELVIS], left_hip - right_hip])
    )
    both[1] = upright(both[1])
    return np.asarray(both[_AXES_OF])


def _rebuilt(joints: Float64, links: Float64) -> Float64:
    """The figure (26,3) with these limb links (12,3), from the body outward."""
    out = joints.copy()
    for level in LEVELS:
        out[END[level]] = out[START[level]] + links[level]
    return out
