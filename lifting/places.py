"""What was seen of people at each of many places, and of each person apart.

A place counts once however long somebody stands there: what is wrong with a posture does not average out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

MEMORY_S, FORGET_S = 10.0, 300.0
"""A place's mean follows with the first time constant once that was seen; evidence fades with the second."""
LEAST_S = 0.15
"""What a place needs to have seen to count."""
MOST_PEOPLE = 6


class Places:
    """Running means (places, entries) of measurements along one coordinate that is cut into equal places."""

    def __init__(self, count: int, width: float, entries: int) -> None:
        """Places of a `width` each, as many on either side of 0."""
        self._count, self._width = count, width
        self._mean, self._all_s = np.zeros((count, entries)), np.zeros(count)
        self._unfaded_s = 0.0

    def take(self, at: float, values: list[float], dt_s: float) -> None:
        """Take in `values` (entries,) seen at the coordinate `at`; they stand for `dt_s` seconds."""
        if dt_s <= 0 or not all(map(math.isfinite, (at, *values))):
            return
        place = math.floor(at / self._width) + self._count // 2
        if not 0 <= place < self._count:
            return
        self._fade(dt_s)
        self._all_s[place] = min(self._all_s[place] + dt_s, MEMORY_S)
        gain = min(dt_s / self._all_s[place], 1.0)
        self._mean[place] += gain * (np.array(values) - self._mean[place])

    def _fade(self, dt_s: float) -> None:
        self._unfaded_s += dt_s
        if self._unfaded_s > 1.0:
            self._all_s *= math.exp(-self._unfaded_s / FORGET_S)
            self._unfaded_s = 0.0

    @property
    def seen_s(self) -> float:
        """Seconds, up to `MEMORY_S` of each place."""
        return float(self._all_s.sum())

    def known(self) -> tuple[Float64, Float64]:
        """Means (N,entries) and seconds (N,) of the places of which enough was seen."""
        use = self._all_s >= LEAST_S
        return self._mean[use], self._all_s[use]


P = TypeVar("P", bound=Places)


class EachPerson(Generic[P]):
    """The places of several people, by their number."""

    def __init__(self, nothing: Callable[[], P]) -> None:
        self._nothing = nothing
        self._of: dict[int, P] = {}

    def of(self, person_id: int) -> P:
        """Those of one person; of too many, the one of whom least was seen is forgotten."""
        if person_id not in self._of and len(self._of) >= MOST_PEOPLE:
            del self._of[min(self._of, key=lambda i: self._of[i].seen_s)]
        return self._of.setdefault(person_id, self._nothing())

    def __iter__(self) -> Iterator[P]:
        """In the order in which they came."""
        return iter(self._of.values())
