"""The tracker's laws, with a scripted detector: people are boxes on a stage, time is the frame's."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from realtime.data import Frame, Image, Keypoints
from realtime.detectors import Estimate, Region
from realtime.search import FIRST_SEARCHES
from realtime.tracking import Tracker
from realtime.tracks import box_of

PICTURE = np.zeros((8, 8, 3), np.uint8)


@dataclass
class Stage:
    """A detector for which the test says where people stand: (x, size) each."""

    people: list[tuple[float, float]] = field(default_factory=list)
    name: str = "stage"
    searches: int = 0
    looks: int = 0
    seen: int = 21
    finds_all: bool = True

    def search(self, _image: Image) -> list[Region]:
        self.searches += 1
        return [Region(x + 0.1 * size, 300, 1.3 * size, score=0.9) for x, size in self.people]

    def estimate(self, _image: Image, region: Region) -> Estimate:
        """The person nearest to the middle of the region, if within it."""
        self.looks += 1
        near = [p for p in self.people if abs(p[0] - region.cx) < region.size / 2]
        if not near:
            return Estimate(np.zeros((21, 2), np.float32), np.zeros(21, np.float32), 0.1, region)
        x, size = min(near, key=lambda p: abs(p[0] - region.cx))
        t = np.linspace(-0.5, 0.5, 21)
        points = np.stack([x + size * 0.3 * np.cos(40 * t), 300 + size * t], 1).astype(np.float32)
        confidence = np.where(np.arange(21) < self.seen, 0.9, 0).astype(np.float32)
        return Estimate(points, confidence, 0.95, Region(x, 300, size))


class Film:
    """Feeds frames of a steady rate to a tracker."""

    def __init__(self, tracker: Tracker, fps: float = 30.0) -> None:
        self.tracker, self.step_ns, self.index = tracker, round(1e9 / fps), 0

    def show(self, frames: int = 1) -> list[Keypoints]:
        """The result for the last of `frames` frames."""
        out: list[Keypoints] = []
        for _ in range(frames):
            out = self.tracker.update(Frame(PICTURE, self.index, self.index * self.step_ns, 0, 0))
            self.index += 1
        return out


def test_a_person_is_found_in_the_first_frame_and_followed_with_few_searches() -> None:
    """One look a frame; a search at the start, and twice a second for others who might come near."""
    stage = Stage([(400, 200)])
    film = Film(Tracker(stage))
    (first,) = film.show()
    assert first.restarted
    looks = stage.looks
    for i in range(50):
        stage.people = [(400 + 3.0 * i, 200)]
        (k,) = film.show()
        assert not k.restarted
        assert k.person_id == first.person_id
        assert k.box == pytest.approx(box_of(k.points_px, k.confidence))
    assert stage.searches == 4
    assert stage.looks - looks == 50


@pytest.mark.parametrize("fps", [15, 30, 60, 120])
def test_an_empty_stage_is_searched_at_once_and_then_ten_times_a_second(fps: int) -> None:
    """The first frames are all searched; later the rate follows time, not frames."""
    stage = Stage()
    film = Film(Tracker(stage), fps)
    assert film.show(FIRST_SEARCHES) == []
    assert stage.searches == FIRST_SEARCHES
    before = stage.searches
    film.show(10 * fps)
    assert 70 <= stage.searches - before <= 101
    assert stage.looks == 0


def test_somebody_who_appears_late_is_found_within_a_tenth_of_a_second() -> None:
    """Waiting does not end the search."""
    stage = Stage()
    film = Film(Tracker(stage))
    film.show(100)
    stage.people = [(300, 150)]
    assert any([film.show() for _ in range(4)])


def test_a_missed_frame_gives_nothing_and_is_made_up_at_once() -> None:
    """No keypoints are invented; the person returns under the same number, restarted if found by search."""
    stage = Stage([(400, 200)])
    film = Film(Tracker(stage))
    (first,) = film.show(5)
    people, stage.people = stage.people, []
    assert film.show() == []
    stage.people = people
    (again,) = film.show()
    assert again.person_id == first.person_id


@pytest.mark.parametrize(
    ("away_s", "x", "same"),
    [
        (5.0, 430, True),  # near
        (9.0, 400, True),
        (12.0, 400, False),  # too late
        (5.0, 900, False),  # elsewhere
    ],
)
def test_numbers_of_people_who_return(away_s: float, x: float, same: bool) -> None:
    """Near the old place within ten seconds: the same number. Otherwise the next one. Always a restart."""
    stage = Stage([(400, 200)])
    film = Film(Tracker(stage))
    (first,) = film.show(3)
    stage.people = []
    film.show(round(away_s * 30))
    stage.people = [(x, 200)]
    results = [film.show() for _ in range(5)]
    (again,) = next(r for r in results if r)
    assert again.restarted
    assert (again.person_id == first.person_id) is same
    assert again.person_id in (first.person_id, first.person_id + 1)


def test_a_person_of_quite_another_size_gets_another_number() -> None:
    """A child where an adult was."""
    stage = Stage([(400, 200)])
    film = Film(Tracker(stage))
    (first,) = film.show(3)
    stage.people = []
    film.show(100)
    stage.people = [(400, 90)]
    (again,) = next(r for r in (film.show() for _ in range(5)) if r)
    assert again.person_id != first.person_id


def test_the_old_place_is_tried_as_long_as_it_is_kept() -> None:
    """Looks take turns with searches until the place is free for others; searches go on."""
    stage = Stage([(400, 200)])
    film = Film(Tracker(stage))
    film.show(3)
    stage.people, looks = [], stage.looks
    film.show(90)
    assert 40 <= stage.looks - looks <= 70
    assert stage.searches > 15
    film.show(5)
    looks, searches = stage.looks, stage.searches
    film.show(60)
    assert stage.looks == looks
    assert stage.searches > searches


class BlindSearch(Stage):
    """Searches do not see the person (a dark man before trees), but something that is nobody, if told so."""

    blind = False
    ghosts: tuple[Region, ...] = ()

    def search(self, image: Image) -> list[Region]:
        return list(self.ghosts) if self.blind else super().search(image)


@pytest.mark.parametrize("ghost", [None, Region(510, 300, 75, score=0.6)])
def test_somebody_whom_no_search_sees_is_found_where_they_were(ghost: Region | None) -> None:
    """Within a few frames, also while something that touches them has every frame searched."""
    stage = BlindSearch([(400, 200)])
    film = Film(Tracker(stage))
    for i in range(20):  # a walk that ends while nothing can be seen
        stage.people = [(300 + 5.0 * i, 200)]
        (first,) = film.show()
    stage.blind, stage.ghosts = True, () if ghost is None else (ghost,)
    people, stage.people = stage.people, []
    film.show(45)
    stage.people = people
    found = [k for _ in range(6) for k in film.show()]
    assert found
    assert found[0].person_id == first.person_id


@pytest.mark.parametrize(("seen", "known"), [(21, True), (9, False)])
def test_who_is_found_again_is_looked_at_in_their_own_size(seen: int, known: bool) -> None:
    """Searches show people too large, and a look at a region too large shows bad joints; but a look that
    showed few joints did not tell how large they are."""
    sizes: list[float] = []

    class Noted(Stage):
        def estimate(self, image: Image, region: Region) -> Estimate:
            sizes.append(region.size)
            return super().estimate(image, region)

    stage = Noted([(400, 200)], seen=seen)
    film = Film(Tracker(stage))
    film.show(10)
    people, stage.people = stage.people, []
    film.show(16)
    stage.people = [(people[0][0] + 90, 200)]  # so far off that only the search finds them
    sizes.clear()
    film.show(8)
    assert (max(sizes) <= 200) is known


def test_a_jump_restarts() -> None:
    """The same region suddenly shows somebody else."""
    stage = Stage([(400, 200)])
    film = Film(Tracker(stage))
    film.show(5)
    stage.people = [(480, 200)]
    (k,) = film.show()
    assert k.restarted
    (k,) = film.show()
    assert not k.restarted


def test_a_stranger_has_to_wait() -> None:
    """While a person is missed for a moment, somebody else elsewhere does not take their place."""
    stage = Stage([(400, 200), (1000, 150)])
    film = Film(Tracker(stage))
    (first,) = film.show(5)
    stage.people = [(1000, 150)]
    assert [film.show() for _ in range(8)] == [[]] * 8
    stage.people = [(410, 200), (1000, 150)]
    (again,) = film.show(3)
    assert again.person_id == first.person_id
    stage.people = [(1000, 150)]
    (other,) = film.show(95)
    assert other.person_id == first.person_id + 1


@pytest.mark.parametrize("people", [1, 2])
def test_never_more_people_than_wanted(people: int) -> None:
    """People who flicker in and out at random never add up to more than asked for, nor share a number."""
    rng = np.random.default_rng(people)
    stage = Stage()
    film = Film(Tracker(stage, people=people))
    for _ in range(600):
        everybody = [(300, 200), (800, 210), (1300, 190)]
        stage.people = [p for p in everybody if rng.random() < 0.6]
        results = film.show()
        assert len(results) <= people
        assert len({k.person_id for k in results}) == len(results)
        assert len({round(k.points_px[:, 0].mean()) for k in results}) == len(results)


def test_whoever_has_left_the_picture_is_missed() -> None:
    """A confident network is not believed when hardly a joint lies within the picture."""
    stage = Stage([(400, 200)])
    film = Film(Tracker(stage))
    film.show(3)
    stage.seen = 5
    assert film.show() == []


def test_the_largest_is_chosen_and_kept() -> None:
    """A larger person who comes later does not take over."""
    stage = Stage([(300, 100), (600, 220), (1000, 150)])
    film = Film(Tracker(stage))
    (k,) = film.show()
    assert k.points_px[:, 0].mean() == pytest.approx(600, abs=30)
    stage.people.append((1500, 400))
    (k,) = film.show(100)
    assert k.points_px[:, 0].mean() == pytest.approx(600, abs=30)


@pytest.mark.parametrize(("wish", "x"), [(0, 300), (1, 600), (2, 1000), (7, 1000)])
def test_the_nth_from_the_left(wish: int, x: float) -> None:
    """Counted from 0; the last where there are fewer."""
    stage = Stage([(600, 220), (300, 100), (1000, 150)])
    (k,) = Film(Tracker(stage, person=wish)).show()
    assert k.points_px[:, 0].mean() == pytest.approx(x, abs=30)


def test_several_people_keep_their_numbers() -> None:
    """Three people, two wanted; one leaves, the third takes the free place under a new number."""
    stage = Stage([(300, 200), (700, 180), (1100, 100)])
    film = Film(Tracker(stage, people=2))
    a, b = film.show()
    assert (a.person_id, b.person_id) == (0, 1)
    for i in range(30):
        stage.people = [(300 + 2.0 * i, 200), (700 - 2.0 * i, 180), (1100, 100)]
        results = film.show()
        assert [k.person_id for k in results] == [0, 1]
        assert results[0].points_px[:, 0].mean() < results[1].points_px[:, 0].mean()
    stage.people = [(360, 200), (1100, 100)]
    results = film.show(110)
    assert [k.person_id for k in results] == [0, 2]


def test_a_newcomer_is_found_within_half_a_second() -> None:
    """While somebody is followed, the search for others is slow but steady."""
    stage = Stage([(300, 200)])
    film = Film(Tracker(stage, people=3))
    film.show(30)
    searches = stage.searches
    stage.people.append((900, 200))
    assert len(film.show(16)) == 2
    assert stage.searches - searches <= 2


def test_two_tracks_on_one_person_become_one() -> None:
    """When one of two people walks behind the other, the figure is not reported twice for long."""
    stage = Stage([(300, 200), (400, 200)])
    film = Film(Tracker(stage, people=2))
    assert len(film.show()) == 2
    stage.people = [(350, 200)]
    assert [k.person_id for k in film.show(3)] == [0]


def test_a_clock_that_runs_backwards_does_not_stop_the_search() -> None:
    """A looped file starts again at time zero."""
    stage = Stage()
    tracker = Tracker(stage)
    film = Film(tracker)
    film.show(60)
    again = Film(tracker)
    searches = stage.searches
    again.show(30)
    assert stage.searches - searches >= 6


def test_box_of_seen_joints() -> None:
    """Unseen joints do not stretch the box; without any seen joint all count."""
    points = np.arange(42, dtype=np.float32).reshape(21, 2)
    confidence = np.zeros(21, np.float32)
    assert box_of(points, confidence).tolist() == [0, 1, 40, 41]
    confidence[[3, 5]] = 0.9
    assert box_of(points, confidence).tolist() == [6, 7, 10, 11]


@pytest.mark.parametrize(("people", "person"), [(0, "largest"), (1, "tallest"), (1, -1)])
def test_impossible_wishes_are_refused(people: int, person: str | int) -> None:
    """Nobody to follow, an unknown word, a negative number."""
    with pytest.raises(ValueError, match="must be"):
        Tracker(Stage(), people=people, person=person)
