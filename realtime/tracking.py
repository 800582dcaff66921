"""Who is who: regions, identities and restarts between the detector and the lifter.

A person once found is looked for where their last joints were. Such regions slide onto whoever comes in
front, so what the looks show is not believed as it is: while people are near one another, the picture
around them is searched as well, and everything seen is given out one to one by place, pose and clothes
(`realtime.tracks`). Others in the picture are known by their regions only, which costs no look, so that
they cannot take the place of the person who is followed. Whoever gets nothing is missed, and expected where
they were heading.
"""

from __future__ import annotations

from realtime.appearance import clothes, difference
from realtime.assignment import assign
from realtime.data import Frame, Image, Keypoints
from realtime.detectors import Detector, Estimate, Region, estimate_all
from realtime.first_look import first_look
from realtime.reunion import CROWD, alien, reunite
from realtime.search import Company, Searches
from realtime.sightings import SAME, different, gather, somebody
from realtime.tracks import LIMIT, STRANGER_NS, Sighting, Track, apart
from realtime.wishes import Wish

LOCK_NS = 3_000_000_000
"""So long the place of somebody who is missed is kept for them; then others may have it."""
DOUBLE_NS = 1_000_000_000
"""So long after their last sight strangers are looked at closely."""
REMEMBER_NS = 10_000_000_000
"""So long a lost person keeps their number."""
OVERLAP = 0.35
"""People closer than this share of a region's size wear each other's colours."""
ALIKE = 0.5
"""Clothes that differ by less are not told apart while people walk past one another."""
MOST_DOUBLES = 2
"""So many strangers are looked at closely at a time."""
PAUSE_S = 0.5
"""Whoever was unseen for longer starts anew."""


class Tracker:
    """Finds people with `detector` and follows them from frame to frame."""

    def __init__(self, detector: Detector, people: int = 1, person: str | int = "largest") -> None:
        """`people`: how many to follow at most. `person`: whom to choose when there are more: the
        'largest' in the picture, or the N-th from the left, counted from 0 (the last if there are fewer).
        """
        if people < 1:
            raise ValueError(f"people must be at least 1, got {people}")
        if person != "largest" and not (isinstance(person, int) and person >= 0):
            raise ValueError(f"person must be 'largest' or a number from 0, got {person!r}")
        self._detector, self._people, self._person = detector, people, person
        self._searches = Searches(detector)
        self._tracks: list[Track] = []
        self._others: list[Track] = []
        """Known, not followed: lost ones by their numbers, and strangers."""
        self._next_id = 0
        self._wish = Wish()

    def choose(self, x_px: float, y_px: float) -> None:
        """Follow whoever stands at this place of the picture; from any thread, in effect with a next frame.

        With several people followed and no place free, the one who came last makes room. Where nobody is
        found within a second, all stays as it is.
        """
        self._wish.set(x_px, y_px)

    def restart(self) -> None:
        """The next frame comes from elsewhere: forget everybody. Numbers go on."""
        self._searches = Searches(self._detector)
        self._tracks, self._others = [], []

    def update(self, frame: Frame) -> list[Keypoints]:
        """Joints of everybody followed who is seen in `frame`, by person number."""
        image, now = frame.image, frame.capture_time_ns
        wish = self._wish.current(now)
        lost = [t for t in self._tracks if t.missed]
        company = self._company(now)
        due = self._searches.due(now, self._tracks, self._open(), company)
        always = company is Company.TOUCHING and len(lost) == len(self._tracks)  # searches never pause
        looks = self._look(image, now, skip_missed=due and not always)
        fresh_loss = any(t.missed and t not in lost for t in self._tracks)
        regions: list[Region] = []
        if due or fresh_loss or wish is not None or self._suspicious(looks, now):
            near = None if wish else self._search_around(now)
            regions = self._searches.search(image, now, near)
        found = self._settle(image, looks, regions, now)
        if wish is not None:
            self._grant(wish, now)
        found += self._promote(image, now)
        self._retire(now)
        return sorted(found, key=lambda k: k.person_id)

    def _open(self) -> int:
        return self._people - len(self._tracks)

    def _look(self, image: Image, now: int, *, skip_missed: bool) -> dict[Track, Estimate]:
        """Joints found where people were, or are expected; marks those missed who are not seen."""
        places: dict[Track, Region] = {}
        for track in (*self._tracks, *self._doubles(now)):
            if track.missed and track.aim is None and skip_missed:
                continue
            places[track] = track.aim or (track.guess(now) if track.missed else track.region)
            track.aim = None
        out: dict[Track, Estimate] = {}
        looks = estimate_all(self._detector, image, list(places.values()))
        for track, estimate in zip(places, looks, strict=True):
            if somebody(estimate):
                out[track] = estimate
            else:
                track.missed = True
        return out

    def _doubles(self, now: int) -> list[Track]:
        """Strangers who are near somebody followed and dressed alike: only their joints tell them apart.

        A stranger whom a look did not show may never have been there: the next search will tell."""
        near = [
            o
            for o in self._others
            if o.unseen_s(now) < DOUBLE_NS * 1e-9 and not (o.missed and o.person_id is None)
            for t in self._tracks
            if apart(o.expected(now), t.expected(now)) < CROWD and _alike(o, t)
        ]
        return list(dict.fromkeys(near))[:MOST_DOUBLES] if self._detector.finds_all else []

    def _company(self, now: int) -> Company:
        """How near others are to those who are followed."""
        if self._crowd(now, OVERLAP):
            return Company.TOUCHING
        if self._crowd(now):
            return Company.NEAR
        return Company.AROUND if any(not t.missed for t in self._others) else Company.NONE

    def _crowd(self, now: int, reach: float = CROWD) -> list[Track]:
        """Those followed who have somebody near, or whose place somebody else has taken."""
        return [t for t in self._tracks if self._neighbour(t, now, reach)]

    def _neighbour(self, track: Track, now: int, reach: float) -> bool:
        known = (t for t in (*self._tracks, *self._others) if t is not track)
        here = track.expected(now)
        return any(
            t.unseen_s(now) < STRANGER_NS * 1e-9 and apart(here, t.expected(now)) < reach for t in known
        )

    def _search_around(self, now: int) -> Region | None:
        """Where a search is needed most; None for the whole picture."""
        needy = [t for t in self._tracks if t.missed] or self._crowd(now)
        needy = needy or (self._tracks if self._open() == 0 and len(self._tracks) == 1 else [])
        return self._searches.turn(needy, now)

    def _suspicious(self, looks: dict[Track, Estimate], now: int) -> bool:
        """True when a figure moved as bodies do not: it may be another one."""
        return any(t.cost(Sighting(e.region, e), now) >= LIMIT for t, e in looks.items() if not t.missed)

    def _settle(
        self, image: Image, looks: dict[Track, Estimate], regions: list[Region], now: int
    ) -> list[Keypoints]:
        """Give out what was seen, one to one; the keypoints of those followed."""
        sightings, own = gather(image, looks, regions)
        rows = [*self._tracks, *self._others]
        costs = [[t.cost(s, now) for s in sightings] for t in rows]
        given = assign(costs, LIMIT)
        for i, track in enumerate(self._tracks):
            j = own.get(track)
            if j is None or j in given or given[i] is not None or track.missed:
                continue
            if self._goes_on(i, j, costs) and not alien(track, sightings[j], now):
                given[i] = j
        doubles = reunite(self._tracks, self._others, given, sightings, now)
        found: list[Keypoints] = []
        for track, j in zip(rows, given, strict=True):
            found += self._give(image, track, None if j is None else sightings[j], now)
        known = [s for j, s in enumerate(sightings) if j in given]
        self._others = [o for o in self._others if o not in doubles]
        self._others += [
            Track(s.region, now, clothes=s.clothes, coarse=s.estimate is None)
            for s in different(sightings, known)
        ]
        return found

    @staticmethod
    def _goes_on(i: int, j: int, costs: list[list[float]]) -> bool:
        """True when sighting j, unlikely for row i whose look shows it, is so for all others, too."""
        return all(row[j] >= max(costs[i][j], LIMIT) for k, row in enumerate(costs) if k != i)

    def _give(self, image: Image, track: Track, sighting: Sighting | None, now: int) -> list[Keypoints]:
        """Let `track` go on with what it was given."""
        followed = track in self._tracks
        if sighting is None:
            track.missed = True
        elif not followed:
            self._note(track, sighting, now)
        elif sighting.estimate is not None:
            return [self._take(track, sighting.estimate, image, now)]
        else:
            track.missed, track.aim = True, track.sized(sighting.region)
        return []

    def _note(self, other: Track, sighting: Sighting, now: int) -> None:
        step_s, near = other.unseen_s(now), self._neighbour(other, now, OVERLAP)
        if sighting.estimate is not None:
            other.take(sighting.estimate, now, wary=near)
        else:
            other.move(sighting.region, now, wary=near)
            other.missed, other.figure, other.coarse = False, None, True
        if not near:
            other.wear(sighting.clothes, step_s)

    def _take(self, track: Track, estimate: Estimate, image: Image, now: int) -> Keypoints:
        """The followed person as seen in this frame; clothes are learned while nobody is near."""
        step_s = track.unseen_s(now)
        if step_s > PAUSE_S:
            track.continuity.forget()
        near = self._neighbour(track, now, OVERLAP)
        keypoints = track.take(estimate, now, wary=near)
        if not near:
            track.wear(clothes(image, track.region), step_s)
        return keypoints

    def _promote(self, image: Image, now: int) -> list[Keypoints]:
        """Follow those whom this frame's search showed, as far as there are places."""
        out: list[Keypoints] = []
        at_once = not self._tracks
        for other in self._wanted(now):
            if self._open() <= 0:
                break
            self._others.remove(other)
            if at_once:
                estimate = first_look(self._detector, image, other.region)
            else:
                estimate = self._detector.estimate(image, other.region)
            if not somebody(estimate) or self._known(estimate):
                continue
            if other.cost(Sighting(estimate.region, estimate, clothes(image, estimate.region)), now) >= LIMIT:
                other = Track(estimate.region, now)
            self._follow(other, estimate, now)
            if at_once:
                out.append(self._take(other, estimate, image, now))
            else:
                break
        return out

    def _known(self, estimate: Estimate) -> bool:
        """True when a look shows somebody who is followed already."""
        return any(not t.missed and apart(t.region, estimate.region) < SAME for t in self._tracks)

    def _follow(self, other: Track, estimate: Estimate, now: int) -> None:
        if other.person_id is None:
            other.person_id = self._next_id
            self._next_id += 1
        other.continuity.forget()
        other.figure, other.missed, other.aim = None, True, estimate.region
        other.region, other.seen_ns, other.velocity = estimate.region, now, (0.0, 0.0)
        self._tracks.append(other)

    def _wanted(self, now: int) -> list[Track]:
        """Those seen in this frame who could be followed, in the order in which they are wanted."""
        here = [t for t in self._others if t.seen_ns == now and not t.missed]
        if isinstance(self._person, int) and self._people == 1 and self._next_id == 0:
            here.sort(key=lambda t: t.region.cx)
            return here[min(self._person, len(here) - 1) :][:1] if here else []
        return sorted(here, key=lambda t: (t.aim is None, t.person_id is None, -t.region.size))

    def _grant(self, wish: tuple[float, float], now: int) -> None:
        """Make room for whoever stands at the chosen place, and put them first in the queue."""
        place = Region(*wish, size=1.0)
        here = [t for t in (*self._tracks, *self._others) if t.seen_ns == now and not t.missed]
        near = [t for t in here if apart_from(t, place) < 0.5]
        if not near:
            return
        chosen = min(near, key=lambda t: apart_from(t, place))
        self._wish.fulfil()
        if chosen in self._tracks:
            return
        if self._open() <= 0:
            leaver = max(self._tracks, key=lambda t: (t.missed, t.person_id or 0))
            self._tracks.remove(leaver)
            leaver.missed, leaver.figure = True, None
            self._others.append(leaver)
        chosen.aim = chosen.region

    def _retire(self, now: int) -> None:
        """Free the places of those who stay away; forget who has been away for too long."""
        stale = [t for t in self._tracks if t.missed and not 0 <= now - t.seen_ns < LOCK_NS]
        self._tracks = [t for t in self._tracks if t not in stale]
        self._others = [t for t in (*self._others, *stale) if _remembered(t, now)]


def apart_from(track: Track, place: Region) -> float:
    """Distance of a place from the middle of a person, as a share of their size."""
    return apart(track.region, Region(place.cx, place.cy, track.region.size))


def _remembered(track: Track, now: int) -> bool:
    return 0 <= now - track.seen_ns < (STRANGER_NS if track.person_id is None else REMEMBER_NS)


def _alike(a: Track, b: Track) -> bool:
    unlike = difference(a.clothes, b.clothes)
    return unlike is None or unlike < ALIKE
