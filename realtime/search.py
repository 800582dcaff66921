"""When the picture is searched for people, and which part of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import Enum

from realtime.data import Image
from realtime.detectors import Detector, Region
from realtime.tracks import Track, distance

FIRST_SEARCHES = 10
"""Frames without anybody that are all searched; afterwards only every SEARCH_NS."""
SEARCH_NS = 100_000_000
MISSING_NS = 60_000_000
"""Time between searches for somebody just lost: every second frame at 30 fps, looks lie between."""
AROUND = 2.5
"""A search around somebody covers a square of so many times their region's size."""
SMALLEST_PX = 64
EXPLAINED = 0.5
"""A search's region within this share of a figure's size is that figure: searches are coarse."""


class Company(Enum):
    """How near others are to those who are followed; each has its time between searches, nanoseconds."""

    NONE = 500_000_000
    AROUND = 250_000_000
    """In the picture."""
    NEAR = 100_000_000
    TOUCHING = 0
    """Joints are taken for each other's: only the search shows reliably who is where."""


class Searches:
    """Decides when a search is due and carries it out."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._without = 0
        self._count = 0
        self._last_ns: int | None = None

    def due(self, now: int, tracks: Sequence[Track], places: int, company: Company) -> bool:
        """Every frame at first, then at a rate; a clock that runs backwards is no reason to wait."""
        seen = any(not t.missed for t in tracks)
        if seen:
            self._without = 0
        elif not tracks and self._without < FIRST_SEARCHES:
            return True
        wait = self._wait(tracks, places, company)
        return wait is not None and (self._last_ns is None or not 0 <= now - self._last_ns < wait)

    def _wait(self, tracks: Sequence[Track], places: int, company: Company) -> int | None:
        if not tracks:
            return SEARCH_NS
        if any(t.missed for t in tracks) and company is not Company.TOUCHING:
            return MISSING_NS if self._without < FIRST_SEARCHES else SEARCH_NS
        if not self._detector.finds_all:
            return Company.NONE.value if places > 0 else None
        return company.value

    def turn(self, needy: Sequence[Track], now: int) -> Region | None:
        """The place to search around: of those who need it one after the other, then the whole picture."""
        turn = self._count % (len(needy) + 1)
        return needy[turn].expected(now) if turn < len(needy) else None

    def search(self, image: Image, now: int, near: Region | None) -> list[Region]:
        """Regions of the people in the picture, or in its part around `near`."""
        self._last_ns = now
        self._without += 1
        self._count += 1
        part = None if near is None else _window(image, near)
        if part is None:
            return self._detector.search(image)
        x, y, side = part
        found = self._detector.search(image[y : y + side, x : x + side])
        return [replace(r, cx=r.cx + x, cy=r.cy + y) for r in found]


def explained(regions: Iterable[Region], figures: Iterable[Region]) -> list[Region]:
    """Those regions of a search that belong to none of the figures; each figure explains one at most."""
    rest = list(regions)
    for figure in figures:
        near = [r for r in rest if distance(r, figure) < EXPLAINED * min(r.size, figure.size)]
        if near:
            rest.remove(min(near, key=lambda r: distance(r, figure)))
    return rest


def _window(image: Image, near: Region) -> tuple[int, int, int] | None:
    """(x, y, side) of the square to search, or None where that is hardly less than the picture."""
    height, width = image.shape[:2]
    side = round(AROUND * near.size)
    if side < SMALLEST_PX or side > 0.8 * max(height, width):
        return None
    x, y = (
        min(max(round(c - side / 2), 0), max(limit - side, 0))
        for c, limit in ((near.cx, width), (near.cy, height))
    )
    return x, y, side
