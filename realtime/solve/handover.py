"""Seen again: from the pose that coasted through a gap to the new one without a pop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from realtime.solve.quaternions import length

Float64 = NDArray[np.float64]

QUICKNESS = 16.0
"""1/s: the difference is at a sixth after 0.2 s, a twentieth after 0.3 s."""
JUMP_M = 1.0
"""Whoever is seen again further away than this has not walked there: the pose is the new one at once."""
FADED_M = 1e-3


class Handover:
    """The difference between the pose shown and the pose seen, fading with (1 + ωt) exp(-ωt)."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Nothing to fade, as after a cut or with somebody new."""
        self._shown: tuple[Float64, Float64] | None = None
        self.cut()

    def cut(self) -> None:
        """Stop fading, as after a cut; what was shown while nobody was seen is still remembered."""
        self._away, self._speed = np.zeros((0, 3)), np.zeros((0, 3))

    def forgo(self) -> None:
        """Blend nothing in: the gap was too short to see."""
        self._shown = None

    @property
    def waiting(self) -> bool:
        """True when the next pose seen has to be blended in."""
        return self._shown is not None

    def leave(self, joints: Float64, root: Float64 | None) -> None:
        """Remember what is shown while nobody is seen: joints (26,3) metres and root (3,), camera axes."""
        self._shown = joints, np.full(3, np.nan) if root is None else root

    def arrive(self, joints: Float64, root: Float64 | None, dt_s: float) -> tuple[Float64, Float64 | None]:
        """What to show of the pose seen now, `dt_s` seconds after the last seen one."""
        now = np.vstack([joints, np.full(3, np.nan) if root is None else root])  # (27,3)
        if self._shown is not None:
            self._begin(np.vstack(self._shown) - now)
        elif len(self._away):
            self._fade(dt_s)
        if not len(self._away):
            return joints, root
        shown = now + self._away
        return shown[:-1], None if root is None else shown[-1]

    def _begin(self, away: Float64) -> None:
        self.reset()
        far = length(away[-1])
        if far >= JUMP_M:
            return
        away[-1] = np.where(np.isfinite(far), away[-1], 0.0)
        self._away, self._speed = away, np.zeros_like(away)

    def _fade(self, dt_s: float) -> None:
        decay, pull = np.exp(-QUICKNESS * dt_s), self._speed + QUICKNESS * self._away
        self._away = (self._away + pull * dt_s) * decay
        self._speed = (self._speed - QUICKNESS * pull * dt_s) * decay
        if np.abs(self._away).max() < FADED_M:
            self.reset()
