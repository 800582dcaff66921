"""First looks: a figure small in its region is found whole, one that fills it costs no look more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lifting.skeleton import BODY21
from realtime.data import Image
from realtime.detectors import Estimate, Region
from realtime.first_look import MOST_LOOKS, first_look
from realtime.tracks import whole

IMAGE: Image = np.zeros((200, 300, 3), np.uint8)


class Nearsighted:
    """Sees a person's joints in proportion to how well they fill the region, as BlazePose does: half of them
    and a region hardly smaller where they are small in it, all of them where they fill half of it."""

    def __init__(self, person: Region, most: int = len(BODY21)) -> None:
        self.person, self.most = person, most
        self.looks: list[Region] = []

    def __call__(self, _: Image) -> list[Region]:
        raise AssertionError("a look is no search")

    def estimate(self, _: Image, region: Region) -> Estimate:
        self.looks.append(region)
        fills = self.person.size / region.size
        seen = min(self.most, 21 if fills > 0.6 else 9)
        confidence = np.zeros(21, np.float32)
        confidence[:seen] = 0.9
        size = max(self.person.size, 0.92 * region.size) if seen >= 9 else region.size
        where = replace(self.person, size=size)
        return Estimate(np.zeros((21, 2), np.float32), confidence, 1.0, where)


@pytest.mark.parametrize("times", [1.2, 1.5, 1.9, 2.2])
def test_somebody_small_in_a_coarse_region_is_found_whole(times: float) -> None:
    """Up to twice too large, as searches draw them."""
    detector = Nearsighted(Region(150.0, 100.0, 80.0))
    assert whole(first_look(detector, IMAGE, Region(160.0, 110.0, 80.0 * times)))
    assert len(detector.looks) <= MOST_LOOKS


def test_somebody_who_fills_the_region_costs_two_looks() -> None:
    """The second confirms the first."""
    detector = Nearsighted(Region(150.0, 100.0, 80.0))
    found = first_look(detector, IMAGE, Region(150.0, 100.0, 82.0))
    assert len(detector.looks) == 2
    assert found.region.size == pytest.approx(80.0, rel=0.05)


def test_legs_under_the_desk_are_not_looked_for_closer() -> None:
    """The region reaches beyond the picture: two looks, no smaller than they were."""
    detector = Nearsighted(Region(150.0, 190.0, 160.0), most=12)
    found = first_look(detector, IMAGE, Region(150.0, 190.0, 165.0))
    assert [look.size for look in detector.looks] == pytest.approx([165.0, 160.0])
    assert np.count_nonzero(found.confidence) == 12
    assert (found.region.cx, found.region.cy) == (150.0, 190.0)


def test_half_a_figure_is_shown_as_well() -> None:
    """Legs behind a table never come: the look that shows most, and of those the first."""
    detector = Nearsighted(Region(150.0, 100.0, 80.0), most=12)
    found = first_look(detector, IMAGE, Region(150.0, 100.0, 90.0))
    assert len(detector.looks) == MOST_LOOKS
    assert np.count_nonzero(found.confidence) == 12
    assert found.region.size == pytest.approx(82.8)
