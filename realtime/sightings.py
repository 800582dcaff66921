"""Everything that one frame shows, each person once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from realtime.appearance import clothes
from realtime.continuity import SEEN
from realtime.data import Image
from realtime.detectors import Estimate, Region
from realtime.search import explained
from realtime.tracks import Sighting, Track, apart

KEEP_SCORE = 0.5
"""Probability of a person below which a frame counts as a miss."""
MIN_JOINTS = 6
"""Joints that must be seen: whoever has all but left the picture is a miss as well."""
SAME = 0.25
"""Two figures whose regions are closer than this share of the smaller one's size may be the same,"""
SAME_JOINTS = 0.06
"""and are if their joints are closer than this."""


def somebody(estimate: Estimate) -> bool:
    """True when the estimate shows a person."""
    return estimate.score >= KEEP_SCORE and int((estimate.confidence > SEEN).sum()) >= MIN_JOINTS


def same_figure(a: Estimate, b: Estimate) -> bool:
    """True when two looks show the same person."""
    both = (a.confidence > SEEN) & (b.confidence > SEEN)
    if apart(a.region, b.region) > SAME or not both.any():
        return False
    gap = np.linalg.norm(a.points_px[both] - b.points_px[both], axis=1).mean()
    return bool(gap < SAME_JOINTS * min(a.region.size, b.region.size))


def gather(
    image: Image, looks: dict[Track, Estimate], regions: list[Region]
) -> tuple[list[Sighting], dict[Track, int]]:
    """Every person seen, once; and which of them each track's own look shows."""
    seen: list[Sighting] = []
    own: dict[Track, int] = {}
    for track, e in looks.items():
        same = (j for j, s in enumerate(seen) if s.estimate and same_figure(s.estimate, e))
        j = next(same, len(seen))
        if j == len(seen):
            seen.append(Sighting(e.region, e, clothes(image, e.region)))
        own[track] = j
    rest = explained(regions, [s.region for s in seen])
    return [*seen, *(Sighting(r, None, clothes(image, r)) for r in rest)], own


def different(sightings: Iterable[Sighting], known: Sequence[Sighting] = ()) -> list[Sighting]:
    """The sightings, best first, that are neither on the `known` ones nor on one another.

    A search that sees but half of a body often finds it twice.
    """
    out: list[Sighting] = []
    for s in sightings:
        if not any(apart(s.region, k.region) < SAME for k in (*known, *out)):
            out.append(s)
    return out
