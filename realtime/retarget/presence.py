"""Which limbs are seen, eased: one long out of sight moves to the robot's home, and back when it returns."""

from __future__ import annotations

import numpy as np

from lifting.skeleton import SEALCAP26
from realtime.data import BodyPose, State

PATIENCE_S = 0.5
"""For so long an unseen limb is believed as the solver guesses it."""
LEAVE_S, RETURN_S = 1.0, 0.5
"""How long the way home and the way back take."""
SEEN = 0.2
"""Confidence from which a joint counts as seen."""

LIMBS = {
    "left_arm": ("left_elbow", "left_wrist"), "right_arm": ("right_elbow", "right_wrist"),
    "left_leg": ("left_knee", "left_ankle"), "right_leg": ("right_knee", "right_ankle"),
}  # fmt: skip
_JOINTS = {limb: SEALCAP26.indices(*joints) for limb, joints in LIMBS.items()}


class Presence:
    """0..1 per limb: how much of its target is the person's, the rest is the robot's home."""

    def __init__(self) -> None:
        self._unseen_s: dict[str, float] = {}
        self._ramp: dict[str, float] = {}

    def reset(self) -> None:
        """The next pose is the first: what it shows is there at once, what not is not."""
        self._unseen_s, self._ramp = {}, {}

    def update(self, pose: BodyPose, dt_s: float) -> dict[str, float]:
        """The share of every limb. Somebody wholly out of sight changes nothing: that is the output's
        business."""
        first = not self._ramp
        for limb, joints in _JOINTS.items():
            seen = bool(pose.observed[joints].any() or (pose.confidence[joints] > SEEN).all())
            if first:
                self._ramp[limb], self._unseen_s[limb] = float(seen), 0.0
            elif seen:
                self._unseen_s[limb] = 0.0
                self._ramp[limb] = min(1.0, self._ramp[limb] + dt_s / RETURN_S)
            elif pose.state is State.TRACKING:
                self._unseen_s[limb] += dt_s
                if self._unseen_s[limb] > PATIENCE_S:
                    self._ramp[limb] = max(0.0, self._ramp[limb] - dt_s / LEAVE_S)
        return {limb: _smooth(u) for limb, u in self._ramp.items()}


def _smooth(u: float) -> float:
    return float(np.clip(u * u * (3 - 2 * u), 0.0, 1.0))
