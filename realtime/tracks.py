"""One person over time: where they should be now, and how well something seen fits them.

A person goes on at the speed they had, keeps their size for a while and their clothes for good. The cost
of taking a sighting for a known person is the sum of three squares, each about 1 at what is still usual:

    (distance / slack)² + (log size ratio / slack)² + (difference of clothes / slack)²

Where both show joints, the distance is the mean over the joints: whoever walks in front goes on smoothly,
while somebody behind would have to take up the other's pose at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from realtime.appearance import blend, difference
from realtime.continuity import SEEN, Continuity, Figure
from realtime.data import Float32, Keypoints
from realtime.detectors import Estimate, Region

SPEED_S = 0.25
"""Time constant of the speed."""
WARY = 3.0
"""So many times slower the speed follows while somebody is near."""
COAST_S = 1.0
"""Time constant with which somebody unseen is believed to slow down."""
HEADING_S = 0.5
"""So long whoever is unseen is sure to have gone on."""
WARDROBE_S = 1.0
"""Time constant of the clothes: light changes, people turn."""
FRESH_NS = 150_000_000
"""So long after the last sight the joints themselves are compared."""
NEAR = 0.75
"""Nobody is found again further away than this share of the larger size, except by clothes,"""
SIMILAR = 1.6
"""nor where the sizes differ by more than this ratio."""
CLOTHES = 0.3
"""Difference of clothes that is usual for one person."""
SAME_CLOTHES = 0.3
"""Clothes that differ by less identify somebody who comes back at another place."""
UNKNOWN = 0.5
"""Cost of clothes that could not be seen."""
REFUSED = math.inf
LIMIT = 10.0
"""Cost beyond which a sighting is not taken for a person."""
SURE, WHOLE = 0.5, 14
"""Joints of such a confidence, so many, are a look that tells how large somebody is."""
STRANGER_NS = 2_000_000_000
"""So long somebody is remembered who was never followed."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """Somebody in the picture: by a look (with joints) or only by a search, which is coarse."""

    region: Region
    estimate: Estimate | None = None
    clothes: Float32 | None = None


@dataclass(eq=False)
class Track:
    """One person, followed or only known."""

    region: Region
    seen_ns: int
    person_id: int | None = None
    """Number on the wire; None for somebody who was never followed."""
    continuity: Continuity = field(default_factory=Continuity)
    missed: bool = False
    aim: Region | None = None
    """Found again but not looked at closely: where to look in the next frame."""
    velocity: tuple[float, float] = (0.0, 0.0)
    """Of the region's centre, pixels per second."""
    clothes: Float32 | None = None
    coarse: bool = False
    """Known from searches only."""
    size: float | None = None
    """Of the region when last looked at closely, pixels,"""
    whole_size: float | None = None
    """and when last most of the joints were seen."""
    figure: Figure | None = None
    """As last seen."""
    guesses: int = 0
    """Looks so far at places where they might be."""
    since_ns: int = field(init=False)
    """First seen."""

    def __post_init__(self) -> None:
        self.since_ns = self.seen_ns

    def take(self, estimate: Estimate, time_ns: int, *, wary: bool = False) -> Keypoints:
        """Continue with `estimate`; the keypoints to hand on."""
        figure = Figure(estimate.points_px, estimate.confidence, time_ns)
        figure, restarted = self.continuity.follow(figure)
        self.move(estimate.region, time_ns, restarted=restarted, wary=wary)
        self.figure, self.size = figure, estimate.region.size
        if whole(estimate):
            self.whole_size = self.size
        self.missed, self.coarse, self.aim = False, False, None
        box = box_of(figure.points_px, figure.confidence)
        person_id = -1 if self.person_id is None else self.person_id
        return Keypoints(person_id, figure.points_px, figure.confidence, box, restarted)

    def move(self, region: Region, time_ns: int, *, restarted: bool = False, wary: bool = False) -> None:
        """Seen at `region`; after a restart the way there says nothing about the speed.

        `wary`: somebody is near whose limbs may have been mixed in, the speed is not to follow at once.
        """
        dt_s = (time_ns - self.seen_ns) * 1e-9
        if restarted:
            self.velocity = (0.0, 0.0)
        elif dt_s > 0:
            weight = -math.expm1(-dt_s / (WARY * SPEED_S if wary else SPEED_S))
            share = weight / dt_s
            vx, vy = self.velocity
            dx, dy = region.cx - self.region.cx, region.cy - self.region.cy
            self.velocity = (vx * (1 - weight) + dx * share, vy * (1 - weight) + dy * share)
        self.region, self.seen_ns = region, time_ns

    def wear(self, clothes: Float32 | None, step_s: float) -> None:
        """Learn what the person wears."""
        self.clothes = blend(self.clothes, clothes, -math.expm1(-max(step_s, 0.0) / WARDROBE_S))

    def unseen_s(self, time_ns: int) -> float:
        """Seconds since the last sight; never negative, also when a clock runs backwards."""
        return max(time_ns - self.seen_ns, 0) * 1e-9

    def travel(self, time_ns: int) -> tuple[float, float]:
        """Pixels from the last place to the expected one."""
        reach_s = -COAST_S * math.expm1(-self.unseen_s(time_ns) / COAST_S)
        return self.velocity[0] * reach_s, self.velocity[1] * reach_s

    def expected(self, time_ns: int) -> Region:
        """The last region, moved on."""
        dx, dy = self.travel(time_ns)
        return replace(self.region, cx=self.region.cx + dx, cy=self.region.cy + dy)

    def guess(self, time_ns: int) -> Region:
        """Where somebody missed may be: where they were heading, later in turns with where they were."""
        if self.unseen_s(time_ns) < HEADING_S:
            return self.expected(time_ns)
        self.guesses += 1
        return self.expected(time_ns) if self.guesses % 2 else self.region

    def sized(self, region: Region) -> Region:
        """Where a search shows this person, no larger than they were: searches are coarse."""
        return replace(region, size=min(region.size, self.whole_size or region.size))

    def cost(self, sighting: Sighting, time_ns: int) -> float:
        """How unlikely it is that `sighting` shows this person; infinite where it cannot be."""
        coarse = sighting.estimate is None or self.coarse
        unseen_s = self.unseen_s(time_ns)
        size = max(self.region.size, sighting.region.size)
        away = self._away(sighting, time_ns) / size
        close = None if sighting.estimate is None else self.size
        stretch = abs(math.log(sighting.region.size / (close or self.region.size)))
        unlike = difference(self.clothes, sighting.clothes)
        if stretch > math.log(SIMILAR) * (1 if close else 2 if coarse else 1):
            return REFUSED
        place = (away / (0.20 if coarse else min(0.04 + 0.4 * unseen_s, 0.3))) ** 2
        if away > NEAR:
            if coarse or unlike is None or unlike > SAME_CLOTHES or unseen_s < FRESH_NS * 1e-9:
                return REFUSED
            place = (NEAR / 0.3) ** 2
        scale = (stretch / (0.5 if coarse else min(0.1 + 0.3 * unseen_s, 0.3))) ** 2
        worn = UNKNOWN if unlike is None else (unlike / CLOTHES) ** 2
        return place + scale + worn

    def _away(self, sighting: Sighting, time_ns: int) -> float:
        """Pixels between the sighting and where it should be."""
        figure, seen = self.figure, sighting.estimate
        if figure is not None and seen is not None and 0 <= time_ns - self.seen_ns <= FRESH_NS:
            moved = figure.points_px + np.array(self.travel(time_ns), np.float32)
            both = (figure.confidence > SEEN) & (seen.confidence > SEEN)
            if both.sum() >= 4:
                return float(np.linalg.norm(moved[both] - seen.points_px[both], axis=1).mean())
        expected = distance(self.expected(time_ns), sighting.region)
        return min(expected, distance(self.region, sighting.region) + 0.1 * self.region.size)


def surely_seen(estimate: Estimate) -> int:
    """How many joints a look shows beyond doubt."""
    return int(np.count_nonzero(estimate.confidence > SURE))


def whole(estimate: Estimate) -> bool:
    """Whether a look shows so much of somebody that their size can be told."""
    return surely_seen(estimate) >= WHOLE


def box_of(points_px: Float32, confidence: Float32) -> Float32:
    """(4,) x0, y0, x1, y1 around the seen joints, or around all when none is."""
    seen = confidence > SEEN
    points = points_px[seen] if seen.any() else points_px
    return np.concatenate([points.min(0), points.max(0)]).astype(np.float32)


def distance(a: Region, b: Region) -> float:
    """Distance of two regions' centres, pixels."""
    return math.hypot(a.cx - b.cx, a.cy - b.cy)


def apart(a: Region, b: Region) -> float:
    """Distance of two regions' centres as a share of the smaller one's size."""
    return distance(a, b) / max(min(a.size, b.size), 1e-9)
