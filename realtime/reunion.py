"""Whoever was missed and is the only one there is taken up again, whatever they look like.

Clothes tell people apart who are in view together. They are poor evidence that somebody is not who was just
there: against the light, from behind or upside down the same person shows other colours. So, where nobody
else is near, place and size alone decide. Strangers who turned up while the person was missed are no
rivals: they may be that person.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from realtime.appearance import difference
from realtime.detectors import Region
from realtime.tracks import LIMIT, NEAR, SIMILAR, STRANGER_NS, Sighting, Track, apart, distance

CROWD = 0.6
"""People closer than this share of a region's size may be mistaken for one another."""
ALIEN = 0.6
"""Clothes that differ by more after a jump belong to somebody else,"""
PATIENCE_S = 0.4
"""who may hide the person; somebody who is still alone there after this time is the person."""
ALIKE = 0.5
"""Clothes that differ by more do not excuse another size."""
FARTHEST_S = 1.0
"""The circle in which somebody may turn up grows for so long."""
RECENT_S = 0.2
"""Somebody seen so lately is still in view, although not every search shows them."""


def alien(track: Track, sighting: Sighting, now: int) -> bool:
    """True when, after a jump, the clothes say that this is somebody else."""
    unlike = difference(track.clothes, sighting.clothes)
    jumped = track.cost(Sighting(sighting.region, sighting.estimate), now) >= LIMIT / 2
    return jumped and unlike is not None and unlike > ALIEN


def reunite(
    followed: Sequence[Track],
    others: Sequence[Track],
    given: list[int | None],
    sightings: Sequence[Sighting],
    now: int,
) -> list[Track]:
    """Give lone sightings to those followed who got none; the others who turn out to be them.

    `given`: for each of the followed and the others the number of their sighting; is changed.
    """
    rows, doubles = [*followed, *others], list[Track]()
    for i, track in enumerate(followed):
        late = [o for o in others if o.person_id is None and o.since_ns > track.seen_ns]
        taken = {j for r, j in zip(rows, given, strict=True) if r not in late}
        free = [j for j, s in enumerate(sightings) if j not in taken and could_be(track, s, now)]
        if given[i] is not None or len(free) != 1 or _hidden(track, sightings[free[0]], now):
            continue
        place = sightings[free[0]].region
        mine = [o for o in late if apart(o.expected(now), place) < CROWD]
        mine += [r for r, j in zip(rows, given, strict=True) if j == free[0] and r not in mine]
        rest = [r for r in rows if r is not track and r not in mine]
        if any(_rival(r, r in late, track, place, now) for r in rest):
            continue
        for o in mine:
            given[rows.index(o)] = None
        given[i] = free[0]
        doubles += mine
    return doubles


def _rival(other: Track, late: bool, lost: Track, place: Region, now: int) -> bool:
    """True when `other` may be who stands at `place`, or may be `lost`."""
    if late:
        return other.unseen_s(now) < RECENT_S and could_be(lost, Sighting(other.region), now)
    return other.unseen_s(now) < STRANGER_NS * 1e-9 and apart(other.expected(now), place) < CROWD


def _hidden(track: Track, sighting: Sighting, now: int) -> bool:
    """True when this may be somebody else who has just stepped in front."""
    look = sighting.estimate is not None
    return look and track.unseen_s(now) < PATIENCE_S and alien(track, sighting, now)


def could_be(track: Track, sighting: Sighting, now: int) -> bool:
    """True when somebody not seen of late can have come there, and can have that size."""
    size = max(track.region.size, sighting.region.size)
    away = min(distance(r, sighting.region) for r in (track.region, track.expected(now))) / size
    if away > NEAR * (1 + min(track.unseen_s(now), FARTHEST_S)):
        return False
    unlike = difference(track.clothes, sighting.clothes)
    excused = sighting.estimate is None or (unlike is not None and unlike < ALIKE)
    stretch = abs(math.log(sighting.region.size / (track.size or track.region.size)))
    return stretch <= math.log(SIMILAR) * (2 if excused else 1)
