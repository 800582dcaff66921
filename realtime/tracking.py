"""Who is who: regions, identities and restarts between the detector and the lifter.

A person once found is looked for where their last joints were; the whole picture is searched only while
somebody is missing, and then not in every frame. Whoever is found again near the same place within ten
seconds keeps their number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from realtime.continuity import SEEN, Continuity, Figure
from realtime.data import Float32, Frame, Image, Keypoints
from realtime.detectors import Detector, Estimate, Region

KEEP_SCORE = 0.5
"""Probability of a person below which a frame counts as a miss."""
MIN_JOINTS = 6
"""Joints that must be seen: whoever has all but left the picture is a miss as well."""
PATIENCE_NS = 300_000_000
"""So long the place of somebody who is missed is kept for them; then others may have it."""
RETRY_NS = 1_000_000_000
"""So long the old region is still looked at after the person was last seen."""
REMEMBER_NS = 10_000_000_000
"""So long a lost person keeps their number."""
FIRST_SEARCHES = 10
"""Frames without anybody that are all searched; afterwards only every SEARCH_NS."""
SEARCH_NS = 100_000_000
NEWCOMER_NS = 500_000_000
"""Time between searches while somebody is tracked but others could be."""
NEAR = 0.75
"""A person found within this share of their old region's size, and of similar size, is the same person."""
SIMILAR = 1.6
"""Largest ratio of two sizes that are similar."""
FIRST_LOOKS = 2
"""Looks at a newly found person: the search is coarse, each look's joints give the next a better region."""
SAME = 0.25
"""Two regions whose centres are closer than this share of the smaller one's size show the same person."""


@dataclass
class Track:
    """One person."""

    person_id: int
    region: Region
    seen_ns: int
    continuity: Continuity = field(default_factory=Continuity)
    missed: bool = False

    def take(self, estimate: Estimate, time_ns: int) -> Keypoints:
        """Continue with `estimate`; the keypoints to hand on."""
        figure = Figure(estimate.points_px, estimate.confidence, time_ns)
        figure, restarted = self.continuity.follow(figure)
        self.region, self.seen_ns, self.missed = estimate.region, time_ns, False
        box = box_of(figure.points_px, figure.confidence)
        return Keypoints(self.person_id, figure.points_px, figure.confidence, box, restarted)


def box_of(points_px: Float32, confidence: Float32) -> Float32:
    """(4,) x0, y0, x1, y1 around the seen joints, or around all when none is."""
    seen = confidence > SEEN
    points = points_px[seen] if seen.any() else points_px
    return np.concatenate([points.min(0), points.max(0)]).astype(np.float32)


def somebody(estimate: Estimate) -> bool:
    """True when the estimate shows a person."""
    return estimate.score >= KEEP_SCORE and int((estimate.confidence > SEEN).sum()) >= MIN_JOINTS


def distance(a: Region, b: Region) -> float:
    """Distance of two regions' centres, pixels."""
    return math.hypot(a.cx - b.cx, a.cy - b.cy)


def same_place(a: Region, b: Region) -> bool:
    """True when both regions show the same person."""
    return distance(a, b) < SAME * min(a.size, b.size)


def near_by(a: Region, b: Region) -> bool:
    """True when a person lost in one region may be the one found in the other."""
    small, large = sorted((a.size, b.size))
    return large < SIMILAR * small and distance(a, b) < NEAR * large


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
        self._tracks: list[Track] = []
        self._gone: list[Track] = []
        self._next_id = 0
        self._searches = 0
        self._searched_ns: int | None = None

    def update(self, frame: Frame) -> list[Keypoints]:
        """Joints of everybody seen in `frame`, by person number."""
        image, now = frame.image, frame.capture_time_ns
        self._drop_twins()
        found = [k for track in self._tracks if (k := self._continue(track, image, now))]
        if len(found) < self._people and self._search_due(now, bool(found)):
            found += self._search(image, now)
        self._retire(now)
        return sorted(found, key=lambda k: k.person_id)

    def _continue(self, track: Track, image: Image, now: int) -> Keypoints | None:
        estimate = self._detector.estimate(image, track.region)
        track.missed = not somebody(estimate)
        return None if track.missed else track.take(estimate, now)

    def _search_due(self, now: int, somebody: bool) -> bool:
        """Every frame at first, then at a rate; a clock that runs backwards is no reason to wait."""
        if somebody:
            self._searches = 0
        elif self._searches < FIRST_SEARCHES:
            return True
        wait = NEWCOMER_NS if somebody else SEARCH_NS
        return self._searched_ns is None or not 0 <= now - self._searched_ns < wait

    def _search(self, image: Image, now: int) -> list[Keypoints]:
        self._searched_ns, self._searches = now, self._searches + 1
        seen = [t for t in self._tracks if not t.missed]
        regions = [r for r in self._detector.search(image) if not any(same_place(r, t.region) for t in seen)]
        found: list[Keypoints] = []
        for region in self._choose(regions):
            if len(seen) + len(found) >= self._people:
                break
            estimate = self._look(image, region)
            track = self._identify(estimate.region, now) if somebody(estimate) else None
            if track:
                found.append(track.take(estimate, now))
        return found

    def _look(self, image: Image, region: Region) -> Estimate:
        """Joints of a newly found person."""
        estimate = self._detector.estimate(image, region)
        for _ in range(FIRST_LOOKS - 1):
            estimate = self._detector.estimate(image, estimate.region)
        return estimate

    def _choose(self, regions: Sequence[Region]) -> list[Region]:
        """Regions in the order in which they are wanted."""
        if isinstance(self._person, int) and self._people == 1:
            ordered = sorted(regions, key=lambda r: r.cx)
            return ordered[min(self._person, len(ordered) - 1) :][:1] if ordered else []
        return sorted(regions, key=lambda r: -r.size)

    def _identify(self, region: Region, now: int) -> Track | None:
        """The missing person who was last seen nearest to `region`, or a new one if there is a place."""
        held = [t for t in self._tracks if not t.missed or 0 <= now - t.seen_ns < PATIENCE_NS]
        full = len(held) >= self._people
        missing = [t for t in self._tracks if t.missed] + ([] if full else self._gone)
        near = [t for t in missing if near_by(t.region, region)]
        if not near and full:
            return None
        if near:
            track = min(near, key=lambda t: distance(t.region, region))
            track.continuity = Continuity()
        else:
            track = Track(self._next_id, region, now)
            self._next_id += 1
        self._admit(track)
        return track

    def _admit(self, track: Track) -> None:
        """Follow `track`, in the place of whoever has been missing longest if there are too many."""
        others = sorted((t for t in self._tracks if t is not track), key=lambda t: (not t.missed, -t.seen_ns))
        self._gone = [t for t in self._gone if t is not track]
        missing = [t for t in others if t.missed]
        while missing and len(others) >= self._people:
            leaver = missing.pop()
            others.remove(leaver)
            self._gone.append(leaver)
        self._tracks = [*others, track]

    def _drop_twins(self) -> None:
        """Of two tracks that slid onto the same person the younger one ends."""
        kept: list[Track] = []
        for track in sorted(self._tracks, key=lambda t: t.person_id):
            if track.missed or not any(same_place(track.region, k.region) for k in kept if not k.missed):
                kept.append(track)
        self._tracks = kept

    def _retire(self, now: int) -> None:
        """Stop looking at regions that stayed empty; forget who has been away for too long."""
        stale = [t for t in self._tracks if t.missed and not 0 <= now - t.seen_ns < RETRY_NS]
        self._tracks = [t for t in self._tracks if t not in stale]
        self._gone = [t for t in (*self._gone, *stale) if 0 <= now - t.seen_ns < REMEMBER_NS]
