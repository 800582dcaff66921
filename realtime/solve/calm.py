"""Calm poses: what is shown of legs that are out of the picture for long, and of a person lost for good.

They are told in upright axes: the pelvis' heading, but never its lean (left, up, forward).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import SEALCAP26
from realtime.solve.quaternions import frame, length, unit
from realtime.solve.rest import ANCESTORS, OFFSETS, PARENTS

Float64 = NDArray[np.float64]
Legs = Literal["auto", "seated", "standing"]

OUT_OF_PICTURE_S = 1.5
"""Legs unseen for so long are out of the picture, not just covered."""
BACK_S = 0.5
"""Legs seen for so long are back; a shorter sight only interrupts."""
CHANGE_S = 1.0
"""How long the change to calm legs takes."""
SEATED_BELOW, STANDING_ABOVE = 0.75, 0.85
"""Pelvis height in leg lengths below and above which one sits or stands; between, as before."""
FOLDED = 0.5
"""Cosine between thigh and straight down below which the legs last seen were those of somebody seated."""
SEAT_DROP = 0.17
"""How far knees of somebody seated lie below the hips, in thigh lengths, where the floor is not known."""
KNEE_IN_FRONT = 0.02
SPREAD = 0.06
LEG = ("knee", "ankle", "heel", "toe")
"""Ends of a leg's links."""
_PELVIS = SEALCAP26.index("pelvis")
HIPS = np.array(SEALCAP26.indices("left_hip", "right_hip"))
_LEFT_UP_BACK, _BACK_TO_FORWARD = np.array([1, 0, 2]), np.array([1.0, 1.0, -1.0])
_RIGHT_TO_LEFT = np.array([-1.0, 1.0, 1.0])
_HANGING = {"elbow": (0.14, -1.0, -0.03), "wrist": (0.02, -1.0, 0.22)}


def upright_axes(joints: Float64, up: Float64) -> Float64:
    """(3,3) columns left, up, forward of a figure (26,3), all in its axes; `up` is a unit vector (3,)."""
    left_hip, right_hip = joints[HIPS]
    return upright(frame(up, left_hip - right_hip))


def upright(turned: Float64) -> Float64:
    """Columns left, up, forward of a frame (3,3) whose are up, left, up × left = -forward."""
    return np.asarray(turned[:, _LEFT_UP_BACK] * _BACK_TO_FORWARD)


def _standing() -> Float64:
    directions = unit(OFFSETS)
    for side, mirror in (("left", 1.0), ("right", _RIGHT_TO_LEFT)):
        for joint, direction in _HANGING.items():
            directions[SEALCAP26.index(f"{side}_{joint}")] = unit(np.array(direction) * mirror)
    return directions


STANDING: Float64 = _standing()
"""(26,3) direction of the link to each joint of somebody who stands at ease, upright axes."""


def toward_standing(joints: Float64, up: Float64, share: float) -> Float64:
    """The figure (26,3) turned link by link towards standing at ease: not at all at 0, wholly at 1.

    Link lengths and the pelvis stay.
    """
    links = joints - joints[PARENTS]
    lengths = length(links)[:, None]
    calm = STANDING @ upright_axes(joints, up).T
    directions = unit((1.0 - share) * unit(links) + share * calm)
    return np.asarray(ANCESTORS @ (directions * lengths) + joints[_PELVIS])


class CalmLegs:
    """Whether legs count as out of the picture, and how they are then held."""

    def __init__(self, choice: Legs = "auto") -> None:
        self._choice = choice
        self.reset()

    def reset(self) -> None:
        """Forget everything; legs unseen from the start are out of the picture at once."""
        self._unseen_s, self._seen_s = 0.0, 0.0
        self._started, self._seated, self._drop = False, True, SEAT_DROP
        self._out = False
        self.share = 0.0
        """0..1 how far legs are the calm ones, where they are not seen."""

    @property
    def seated(self) -> bool:
        """What legs out of the picture are taken for."""
        return self._seated if self._choice == "auto" else self._choice == "seated"

    def update(self, seen: bool, thigh_drop: float, height: float | None, dt_s: float) -> None:
        """One frame. `seen`: any joint of the legs; `thigh_drop`: how far knees lie below the hips in thigh
        lengths, as far as can be told; `height`: of the pelvis above the floor in leg lengths, None where the
        floor is not known."""
        if not self._started:
            self._started, self._out = True, not seen
            self.share = float(self._out)
        self._unseen_s = 0.0 if seen and self._seen_s > BACK_S else self._unseen_s + dt_s * (not seen)
        self._seen_s = self._seen_s + dt_s if seen else 0.0
        self._out = self._unseen_s > OUT_OF_PICTURE_S or (self._out and self._seen_s <= BACK_S)
        step = dt_s / CHANGE_S
        self.share = min(self.share + step, 1.0) if self._out else max(self.share - step, 0.0)
        self._judge(seen, thigh_drop, height)

    def _judge(self, seen: bool, thigh_drop: float, height: float | None) -> None:
        """Seated or standing: by the height above the floor, else as when last seen."""
        if seen:
            self._seated = thigh_drop < FOLDED
        elif height is not None and (height < SEATED_BELOW or height > STANDING_ABOVE):
            self._seated = height < SEATED_BELOW
        # Upright shanks, half a leg long, put the knees of somebody seated half a leg above the floor.
        self._drop = SEAT_DROP if height is None else min(max(2.0 * height - 1.0, -0.1), 0.6)

    def directions(self) -> Float64:
        """(8,3) left and right `LEG`, in upright axes."""
        drop = self._drop if self.seated else 1.0
        thigh = (SPREAD, -drop, np.sqrt(max(1.0 - drop * drop, 0.0)) + KNEE_IN_FRONT)
        left = unit(
            np.array([thigh, (0.0, -1.0, -0.03), *(OFFSETS[SEALCAP26.index(f"left_{j}")] for j in LEG[2:])])
        )
        return np.stack([left, left * _RIGHT_TO_LEFT], axis=1).reshape(8, 3)
