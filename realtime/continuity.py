"""Is this still the same figure? Jumps and left/right swaps between two frames of one person.

A detector that mistakes the front of a person for the back exchanges all left and right joints at once.
Bodies do not: between two frames the true sides lie close to where they were. A swap that lasts for a few
frames is therefore repaired; one that stays is believed, and the figure starts anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lifting.skeleton import BODY21
from realtime.data import Float32

SEEN = 0.2
JUMP = 0.3
"""Share of the figure's size that its centre may move, or its scale change, between two frames."""
JUMP_STEP_NS = 100_000_000
"""Frames further apart than this may differ more, in proportion."""
SWAP_RATIO = 0.5
"""Swapped points must lie this much closer to the last figure than the unswapped ones do."""
SWAP_MOVE = 0.06
"""Share of the figure's size that joints must seem to have moved before a swap is suspected."""
MAX_SWAP_NS = 150_000_000
"""A swap that lasts longer than this is the truth."""
MIN_COMMON = 6
"""Joints that must be seen in both frames before anything can be said."""


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """Joints of one person at one time."""

    points_px: Float32
    """(21,2) pixels."""
    confidence: Float32
    """(21,) in 0..1."""
    time_ns: int

    def swapped(self) -> Figure:
        """The same figure with left and right exchanged."""
        twin = BODY21.mirrored
        return Figure(self.points_px[twin], self.confidence[twin], self.time_ns)


def size_of(points_px: Float32) -> float:
    """Longer side of the box around the points (J,2), pixels, at least one."""
    return max(float(np.ptp(points_px, axis=0).max()), 1.0) if len(points_px) else 1.0


def jumped(last: Figure, now: Figure) -> bool:
    """True when centre or scale of the joints seen in both differ by more than a body can move."""
    common = (last.confidence > SEEN) & (now.confidence > SEEN)
    if common.sum() < MIN_COMMON:
        return False
    a, b = last.points_px[common], now.points_px[common]
    limit = JUMP * max(1.0, (now.time_ns - last.time_ns) / JUMP_STEP_NS)
    if np.linalg.norm(a.mean(0) - b.mean(0)) > limit * size_of(a):
        return True
    ratio = np.std(b, axis=0).sum() / max(float(np.std(a, axis=0).sum()), 1e-6)
    return not 1 / (1 + limit) < ratio < 1 + limit


def swapped(last: Figure, now: Figure) -> bool:
    """True when `now` with its sides exchanged is a clear continuation of `last`, and as it is, is not."""
    straight, crossed = _distance(last, now), _distance(last, now.swapped())
    size = size_of(last.points_px[last.confidence > SEEN])
    return straight > SWAP_MOVE * size and crossed < SWAP_RATIO * straight


def _distance(last: Figure, now: Figure) -> float:
    """Mean distance of the sided joints seen in both figures, pixels; 0 where there are too few."""
    sided = BODY21.mirrored != np.arange(len(BODY21))
    common = (last.confidence > SEEN) & (now.confidence > SEEN) & sided
    if common.sum() < MIN_COMMON:
        return 0.0
    return float(np.linalg.norm(last.points_px[common] - now.points_px[common], axis=1).mean())


class Continuity:
    """Follows one figure; says when it was broken and puts exchanged sides back."""

    def __init__(self) -> None:
        self._last: Figure | None = None
        self._swapped_since: int | None = None

    def follow(self, now: Figure) -> tuple[Figure, bool]:
        """The figure to use for `now`, and whether it is a new start instead of a continuation."""
        last, self._last = self._last, now
        if last is None:
            return now, True
        if jumped(last, now):
            self._swapped_since = None
            return now, True
        if not swapped(last, now):
            self._swapped_since = None
            return now, False
        return self._repair(now)

    def _repair(self, now: Figure) -> tuple[Figure, bool]:
        if self._swapped_since is None:
            self._swapped_since = now.time_ns
        if now.time_ns - self._swapped_since > MAX_SWAP_NS:
            self._swapped_since = None
            return now, True
        self._last = now.swapped()
        return self._last, False
