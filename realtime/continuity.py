"""Is this still the same figure? Jumps and left/right swaps between frames of one person.

A detector that mistakes the front of a person for the back exchanges left and right joints, of the upper
body, the legs or both. Bodies do not: from one frame to the next the true sides stay near where they were
or where they were heading. A swap that lasts for a moment is therefore repaired; one that stays is
believed, and the figure starts anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
MAX_SWAP_NS = 500_000_000
"""A swap that lasts longer than this is the truth."""
MIN_COMMON = 4
"""Joints that must be seen in both frames before anything can be said."""
_SIDED = [i for i, twin in enumerate(BODY21.mirrored) if twin != i]
_FIRST_LEG = BODY21.index("left_hip")
UPPER = np.array([i for i in _SIDED if i < _FIRST_LEG])
"""Face and arms: a detector exchanges them together."""
LEGS = np.array([i for i in _SIDED if i >= _FIRST_LEG])
"""Hips to toes."""


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """Joints of one person at one time."""

    points_px: Float32
    """(21,2) pixels."""
    confidence: Float32
    """(21,) in 0..1."""
    time_ns: int

    def swapped(self, joints: NDArray[np.intp]) -> Figure:
        """The same figure with left and right of `joints` exchanged."""
        order = np.arange(len(BODY21))
        order[joints] = BODY21.mirrored[joints]
        return Figure(self.points_px[order], self.confidence[order], self.time_ns)


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


def distance(a: Figure, b: Figure, joints: NDArray[np.intp]) -> float:
    """Mean distance of those `joints` that both figures show, pixels; 0 where they are too few."""
    common = joints[(a.confidence[joints] > SEEN) & (b.confidence[joints] > SEEN)]
    if len(common) < MIN_COMMON:
        return 0.0
    return float(np.linalg.norm(a.points_px[common] - b.points_px[common], axis=1).mean())


def upper_swapped(reference: Figure, now: Figure) -> bool:
    """True when face and arms continue `reference` clearly better with their sides exchanged."""
    straight = distance(reference, now, UPPER)
    return straight > SWAP_MOVE * _size(reference) and _crossed(reference, now, UPPER) < SWAP_RATIO * straight


def legs_swapped(reference: Figure, heading: Figure, now: Figure, upper: bool) -> bool:
    """True when the legs continue `reference` better with their sides exchanged.

    `heading` is where the figure should be if it went on moving: legs that cross quickly end where the
    other leg was, but that is where they were heading. Where the `upper` body is swapped, the legs
    usually are too, and being nearer is enough.
    """
    straight = distance(reference, now, LEGS)
    crossed = _crossed(reference, now, LEGS)
    if upper:
        return crossed < straight
    straight = min(straight, distance(heading, now, LEGS))
    return straight > SWAP_MOVE * _size(reference) and crossed < SWAP_RATIO * straight


def _crossed(reference: Figure, now: Figure, joints: NDArray[np.intp]) -> float:
    return distance(reference, now.swapped(joints), joints)


def _size(figure: Figure) -> float:
    return size_of(figure.points_px[figure.confidence > SEEN])


class Continuity:
    """Follows one figure; says when it was broken and puts exchanged sides back."""

    def __init__(self) -> None:
        self._last: Figure | None = None
        self._before: Figure | None = None
        self._reference: Figure | None = None
        self._swapped_since: int | None = None

    def follow(self, now: Figure) -> tuple[Figure, bool]:
        """The figure to use for `now`, and whether it is a new start instead of a continuation."""
        last, reference = self._last, self._reference
        if last is None or reference is None or jumped(last, now):
            return self._restart(now), True
        upper = upper_swapped(reference, now)
        legs = legs_swapped(reference, self._heading(last, now.time_ns), now, upper)
        if not upper and not legs:
            self._swapped_since = None
        elif self._swapped_since is None:
            self._swapped_since = now.time_ns
        elif now.time_ns - self._swapped_since > MAX_SWAP_NS:
            return self._restart(now), True
        repaired = now.swapped(UPPER) if upper else now
        repaired = repaired.swapped(LEGS) if legs else repaired
        self._before, self._last, self._reference = last, repaired, _blend(reference, repaired)
        return repaired, False

    def forget(self) -> None:
        """Whatever comes next is a new start."""
        self._last = self._before = self._reference = None
        self._swapped_since = None

    def _restart(self, now: Figure) -> Figure:
        self._before, self._last, self._reference = None, now, now
        self._swapped_since = None
        return now

    def _heading(self, last: Figure, time_ns: int) -> Figure:
        """The last figure, moved on at its speed to `time_ns`."""
        before = self._before
        if before is None or last.time_ns <= before.time_ns:
            return last
        share = (time_ns - last.time_ns) / (last.time_ns - before.time_ns)
        moved = last.points_px + np.float32(share) * (last.points_px - before.points_px)
        return Figure(moved, np.minimum(last.confidence, before.confidence), time_ns)


def _blend(reference: Figure, now: Figure) -> Figure:
    """Half way from `reference` to `now`: one frame with both sides drawn together must not be believed."""
    weight = np.where(now.confidence > SEEN, np.where(reference.confidence > SEEN, 0.5, 1), 0)[:, None]
    points = (reference.points_px + weight * (now.points_px - reference.points_px)).astype(np.float32)
    return Figure(points, np.where(weight[:, 0] > 0, now.confidence, reference.confidence * 0.5), now.time_ns)
