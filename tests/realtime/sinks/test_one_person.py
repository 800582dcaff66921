"""Places for people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from realtime.data import State
from realtime.sinks.one_person import Places
from tests.realtime.sinks.motions import make_motion, make_pose, with_poses


def fill(places: Places, *people: int, lost: tuple[int, ...] = ()) -> list[int | None]:
    """Person numbers in the places of a frame in which `people` are there."""
    rng = np.random.default_rng(0)
    poses = [replace(make_pose(rng, i), state=State.LOST if i in lost else State.TRACKING) for i in people]
    return [pose and pose.person_id for pose in places.fill(with_poses(make_motion(people=0), *poses))]


def test_whoever_has_the_place_keeps_it() -> None:
    """Also when somebody with a lower number comes, and until they are lost or gone."""
    places = Places()
    assert fill(places) == [None]
    assert fill(places, 4) == [4]
    assert fill(places, 2, 4) == [4]
    assert fill(places, 2, 4, lost=(4,)) == [2]
    assert fill(places, 4, 2) == [2]
    assert fill(places) == [None]


def test_several_places_stay_apart() -> None:
    """Nobody moves up when somebody leaves; the next newcomer gets the free place."""
    places = Places(3)
    assert fill(places, 5, 7) == [5, 7, None]
    assert fill(places, 7) == [None, 7, None]
    assert fill(places, 7, 9, 8, 10) == [8, 7, 9]
