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
from realtime.sightings import different
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
    for i, lost in enumerate(followed):
        late = [o for o in others if o.person_id is None and o.since_ns > lost.seen_ns]
        taken = {j for r, j in zip(rows, given, strict=True) if r not in late}
        free = [s for j, s in enumerate(sightings) if j not in taken and could_be(lost, s, now)]
        if given[i] is not None or len(different(free)) != 1 or _hidden(lost, free[0], now):
            continue
        found, number = free[0], sightings.index(free[0])
        holders = [(r, j) for r, j in zip(rows, given, strict=True) if r is not lost]
        mine = [r for r, j in holders if j == number or (r in late and _near(r, found, now))]
        rest = [(r, None if j is None else sightings[j]) for r, j in holders if r not in mine]
        if any(_late_rival(r, lost, now) if r in late else _rival(r, s, found, now) for r, s in rest):
            continue
        for o in mine:
            given[rows.index(o)] = None
        given[i] = number
        doubles += mine
    return doubles


def _rival(other: Track, seen: Sighting | None, found: Sighting, now: int) -> bool:
    """True when `found` may be this known person, who is `seen` elsewhere or nowhere."""
    if seen is not None:
        return apart(seen.region, found.region) < CROWD
    recent = other.unseen_s(now) < STRANGER_NS * 1e-9
    return recent and (_near(other, found, now) or could_be(other, found, now))


def _late_rival(other: Track, lost: Track, now: int) -> bool:
    """True when this stranger, still in view elsewhere, may be `lost`."""
    return other.unseen_s(now) < RECENT_S and could_be(lost, Sighting(other.region), now)


def _near(other: Track, found: Sighting, now: int) -> bool:
    return apart(other.expected(now), found.region) < CROWD


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
