"""What is shown while nobody is seen: the last pose, then standing at ease; never silence, never a pop."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES
from realtime.data import BodyPose, State
from realtime.sinks.wire import sendable
from realtime.solve.quaternions import IDENTITY, same_sign, unit
from realtime.solve.rest import PELVIS_HEIGHT

Float64 = NDArray[np.float64]

TO_REST_S = 1.0
"""Time in which the figure eases into standing."""
BACK_S = 0.3
"""Time in which it eases out of it when somebody is seen again, and from one person to another."""
ARMS_DOWN_RAD = math.radians(75.0)
"""From the T-pose."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A pose as far as bones go. World axes, metres."""

    rotations: Float64
    """(21,4) xyzw local, of `BONES`; row 0 relative to the world."""
    pelvis: Float64
    """(3,) mid-hip."""
    height_m: float


@dataclass(frozen=True)
class Shown:
    """What to show now."""

    figure: Figure
    tracking: bool


class Presence:
    """Follows one person through losses."""

    def __init__(self, rest_after_s: float = 3.0) -> None:
        """`rest_after_s`: how long since the last sight before the pose eases into standing."""
        self._rest_after_s = rest_after_s
        self._last: Figure | None = None
        self._seen_s = self._now_s = 0.0
        self._rest_share = 0.0
        """0 = as seen, 1 = at rest."""
        self._person_id: int | None = None
        self._shown: Figure | None = None
        self._left: tuple[Figure, float] | None = None
        """What was shown of somebody else, and how much of it still is."""

    def update(self, pose: BodyPose | None, now_s: float) -> Shown | None:
        """The person of this frame, None when not there; what to show, None before anybody was there.

        `now_s`: seconds that rise. A pose with numbers that are not finite counts as not there.
        """
        step_s, self._now_s = max(now_s - self._now_s, 0.0), now_s
        state = pose.state if pose is not None and sendable(pose) else State.LOST
        if pose is not None and state is not State.LOST:
            self._meet(pose.person_id)
            self._last = _figure(pose)
        if self._last is None:
            return None
        if state is State.TRACKING:
            self._seen_s = now_s
        tracking, unseen_s = state in (State.TRACKING, State.PREDICTED), now_s - self._seen_s
        change = (
            -step_s / BACK_S if tracking else step_s / TO_REST_S if unseen_s > self._rest_after_s else 0.0
        )
        self._rest_share = min(max(self._rest_share + change, 0.0), 1.0)
        self._shown = self._fade(_toward_rest(self._last, self._rest_share), step_s)
        return Shown(self._shown, tracking)

    def _meet(self, person_id: int) -> None:
        """Whose figure is shown from here on."""
        if self._person_id not in (None, person_id) and self._shown is not None:
            self._left, self._rest_share = (self._shown, 1.0), 0.0
        self._person_id = person_id

    def _fade(self, figure: Figure, step_s: float) -> Figure:
        """The figure, on the way to it from somebody else's."""
        if self._left is None:
            return figure
        old, share = self._left[0], self._left[1] - step_s / BACK_S
        self._left = (old, share) if share > 0 else None
        return _mixed(figure, old, max(share, 0.0))


def _figure(pose: BodyPose) -> Figure:
    return Figure(
        pose.bone_rotations.astype(np.float64), pose.root_world.astype(np.float64), float(pose.height_m)
    )


def heading(q: Float64) -> float:
    """Radians by which a rotation (4,) turns +Z about the vertical, towards +X."""
    x, y, z, w = q
    return math.atan2(2 * (x * z + y * w), 1 - 2 * (x * x + y * y))


def about_vertical(angle_rad: float) -> Float64:
    """(4,) the rotation about +Y."""
    return np.array([0.0, math.sin(angle_rad / 2), 0.0, math.cos(angle_rad / 2)])


def _standing(figure: Figure) -> tuple[Float64, Float64]:
    """Rotations and pelvis of the same person, upright in the same place, arms hanging."""
    rotations = np.tile(IDENTITY, (len(BONES), 1))
    rotations[0] = about_vertical(heading(figure.rotations[0]))
    for side, sign in (("Left", -1.0), ("Right", 1.0)):
        half = sign * ARMS_DOWN_RAD / 2
        rotations[BONES.index(f"{side}UpperArm")] = (0.0, 0.0, math.sin(half), math.cos(half))
    pelvis = figure.pelvis.copy()
    pelvis[1] = PELVIS_HEIGHT * figure.height_m
    return rotations, pelvis


def _toward_rest(figure: Figure, share: float) -> Figure:
    if share == 0.0:
        return figure
    rotations, pelvis = _standing(figure)
    return _mixed(figure, replace(figure, rotations=rotations, pelvis=pelvis), share)


def _mixed(a: Figure, b: Figure, share: float) -> Figure:
    """From a at 0 to b at 1, with rest at both ends."""
    if share == 0.0:
        return a
    smooth = share * share * (3 - 2 * share)
    rotations = (1 - smooth) * a.rotations + smooth * same_sign(b.rotations, a.rotations)
    pelvis = (1 - smooth) * a.pelvis + smooth * b.pelvis
    return Figure(unit(rotations), pelvis, (1 - smooth) * a.height_m + smooth * b.height_m)
