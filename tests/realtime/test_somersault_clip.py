"""A real somersault against the sun: pose, light and colours change at once, the person does not."""

from __future__ import annotations

import av
import pytest

from realtime.data import Frame, Image
from realtime.detectors import Detector, Estimate, Region
from realtime.detectors.factory import open_detector
from realtime.models import store
from realtime.tracking import Tracker

FIRST, LAST = 160, 196
"""From the take-off to the landing."""
START = Region(386.0, 150.0, 290.0, 0.9)
"""Where he is then, at half size."""
LOST = 10
"""Frames upside down before the sun; in most of them the networks see nobody."""
NEEDED = ("demo-clip", "blazepose-heavy", "blazepose-search")


class Shown:
    """A detector whose first search is answered for it, so that the one on the roof is followed."""

    name = "shown"
    finds_all = True

    def __init__(self, inner: Detector) -> None:
        self._inner, self._started = inner, False

    def search(self, image: Image) -> list[Region]:
        started, self._started = self._started, True
        return self._inner.search(image) if started else [START]

    def estimate(self, image: Image, region: Region) -> Estimate:
        return self._inner.estimate(image, region)


def somersault() -> list[Image]:
    """The clip's frames at half their size."""
    with av.open(str(store.clip_path())) as container:
        return [
            f.to_ndarray(format="bgr24", width=f.width // 2, height=f.height // 2)
            for i, f in zip(range(LAST), container.decode(video=0), strict=False)
            if i >= FIRST
        ]


@pytest.mark.models
def test_whoever_turns_over_in_the_air_is_taken_up_again() -> None:
    """The same number throughout, missed only while unseen, and followed again before the feet touch."""
    if not all(store.is_pulled(name) for name in NEEDED):
        pytest.skip("models are not pulled")
    tracker = Tracker(Shown(open_detector("blazepose", threads=1)))
    results = [
        tracker.update(Frame(picture, n, round(n / 30 * 1e9), 0, 0)) for n, picture in enumerate(somersault())
    ]
    assert {k.person_id for r in results for k in r} == {0}
    assert sum(not r for r in results) <= LOST
    assert all(results[-12:])
