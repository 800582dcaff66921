"""Who may be somebody who was missed, and who may not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from realtime.data import Float32
from realtime.detectors import Estimate, Region
from realtime.reunion import PATIENCE_S, could_be, reunite
from realtime.sightings import different
from realtime.tracks import Sighting, Track

HERE = Region(400.0, 300.0, 200.0)
SECOND = 1_000_000_000


def shirt(cell: int) -> Float32:
    """One colour."""
    out = np.zeros(576, np.float32)
    out[cell] = 1.0
    return out


def look(region: Region, clothes: Float32) -> Sighting:
    """Somebody seen with joints."""
    estimate = Estimate(np.zeros((21, 2), np.float32), np.full(21, 0.9, np.float32), 0.95, region)
    return Sighting(region, estimate, clothes)


def lost() -> Track:
    """Followed until time 0, then missed."""
    return Track(HERE, 0, person_id=0, clothes=shirt(0), missed=True, size=HERE.size)


def moved(dx: float, ratio: float = 1.0) -> Region:
    return replace(HERE, cx=HERE.cx + dx, size=HERE.size * ratio)


def test_the_only_one_there_is_taken_whatever_the_colours() -> None:
    """At once, when nothing jumped; the stranger who was thought to stand there was the same person."""
    track, double = lost(), Track(moved(30), SECOND // 20, clothes=shirt(300))
    given: list[int | None] = [None, 0]
    doubles = reunite([track], [double], given, [look(moved(10), shirt(300))], SECOND // 10)
    assert given == [0, None]
    assert doubles == [double]


@pytest.mark.parametrize("known", [Track(moved(90), -SECOND // 5), Track(moved(150), -SECOND // 5)])
def test_somebody_known_before_is_a_rival(known: Track) -> None:
    """Near, or unseen so that they may have come: then the clothes decide, not the place."""
    given: list[int | None] = [None, None]
    assert reunite([lost()], [known], given, [look(moved(10), shirt(300))], SECOND // 10) == []
    assert given == [None, None]


@pytest.mark.parametrize(("after_s", "taken"), [(PATIENCE_S / 2, None), (1.2 * PATIENCE_S, 0)])
def test_somebody_in_front_has_to_stay_alone_for_a_while(after_s: float, taken: int | None) -> None:
    """Other clothes after a jump may hide the person; whoever is still alone later is the person."""
    given: list[int | None] = [None]
    reunite([lost()], [], given, [look(moved(140), shirt(300))], round(after_s * SECOND))
    assert given == [taken]


def test_two_candidates_wait() -> None:
    """Neither is taken by place only."""
    given: list[int | None] = [None]
    seen = [look(moved(-80), shirt(300)), look(moved(80), shirt(300))]
    reunite([lost()], [], given, seen, SECOND // 2)
    assert given == [None]


@pytest.mark.parametrize(
    ("dx", "ratio", "cell", "after_s", "possible"),
    [
        (100, 1.0, 300, 0.1, True),
        (200, 1.0, 0, 0.1, False),  # too far so soon
        (200, 1.0, 0, 1.0, True),
        (600, 1.0, 0, 2.0, False),
        (0, 2.0, 0, 1.0, True),  # crouched before, the same clothes
        (0, 2.0, 300, 1.0, False),  # other size and other clothes
        (0, 3.0, 0, 1.0, False),
    ],
)
def test_where_and_how_large_somebody_can_be(
    dx: float, ratio: float, cell: int, after_s: float, possible: bool
) -> None:
    """The circle grows with time; another size needs the same clothes."""
    assert could_be(lost(), look(moved(dx, ratio), shirt(cell)), round(after_s * SECOND)) is possible


def test_a_body_found_twice_counts_once() -> None:
    """Of regions that lie on one another the first remains; of those on known people none."""
    a, b, c = Sighting(HERE), Sighting(moved(20)), Sighting(moved(150))
    assert different([a, b, c]) == [a, c]
    assert different([b, c], known=[a]) == [c]
