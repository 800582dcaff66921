"""Seen again: from the pose that coasted through a gap to the new one without a pop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from realtime.solve.arcs import FadingTurns, spring
from realtime.solve.quaternions import length
from realtime.solve.rest import ANCESTORS, PARENTS

Float64 = NDArray[np.float64]

QUICKNESS = 16.0
"""1/s: the difference is at a sixth after 0.2 s, a twentieth after 0.3 s."""
JUMP_M = 1.0
"""Whoever is seen again further away than this has not walked there: the pose is the new one at once."""
FADED_M = 1e-3


class Handover:
    """The difference between the pose shown and the pose seen, fading: links by turns, the root by way."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Nothing to fade, as after a cut or with somebody new."""
        self._shown: tuple[Float64, Float64 | None] | None = None
        self.cut()

    def cut(self) -> None:
        """Stop fading, as after a cut; what was shown while nobody was seen is still remembered."""
        self._links = FadingTurns(len(PARENTS))
        self._away, self._speed = np.zeros(3), np.zeros(3)

    def forgo(self) -> None:
        """Blend nothing in: the gap was too short to see."""
        self._shown = None

    @property
    def waiting(self) -> bool:
        """True when the next pose seen has to be blended in."""
        return self._shown is not None

    def leave(self, joints: Float64, root: Float64 | None) -> None:
        """Remember what is shown while nobody is seen: joints (26,3) metres and root (3,), camera axes."""
        self._shown = joints, root

    def arrive(self, joints: Float64, root: Float64 | None, dt_s: float) -> tuple[Float64, Float64 | None]:
        """What to show of the pose seen now, `dt_s` seconds after the last seen one: links as long as now."""
        if self._shown is not None:
            self._begin(*self._shown, joints, root)
        elif self._links or self._away.any():
            self._fade(dt_s)
        if self._links:
            directions, lengths = _links(joints)
            joints = joints[0] + ANCESTORS @ (self._links.apply(directions) * lengths)
        if root is not None and self._away.any():
            root = root + self._away
        return joints, root

    def _begin(
        self, shown: Float64, shown_root: Float64 | None, joints: Float64, root: Float64 | None
    ) -> None:
        self.reset()
        away = np.zeros(3) if root is None or shown_root is None else shown_root - root
        if length(away) >= JUMP_M:
            return
        self._away = away
        seen, every = _links(joints)[0], np.ones(len(PARENTS), bool)
        self._links.begin(every, seen, _links(shown)[0], np.zeros_like(seen), QUICKNESS)

    def _fade(self, dt_s: float) -> None:
        self._links.fade(dt_s)
        self._away, self._speed = spring(self._away, self._speed, QUICKNESS, dt_s)
        if np.abs(self._away).max() < FADED_M:
            self._away, self._speed = np.zeros(3), np.zeros(3)


def _links(joints: Float64) -> tuple[Float64, Float64]:
    """Unit directions (26,3) and lengths (26,1) of the links to each joint."""
    links = joints - joints[PARENTS]
    lengths = length(links)[:, None]
    return links / np.maximum(lengths, 1e-12), lengths
