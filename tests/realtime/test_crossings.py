"""Numbers and the lock survive when people walk past one another."""

from __future__ import annotations

import threading
from collections import Counter

import numpy as np
import pytest

from realtime.data import Frame, Keypoints
from realtime.tracking import Tracker
from tests.realtime.crossing import World, crossing

FPS = 30
SECONDS = 3.5
CROSSINGS = 5


def film(
    world: World, tracker: Tracker, until_s: float = SECONDS, since_s: float = 0.0
) -> list[list[Keypoints]]:
    """Results of every frame."""
    out = []
    for i in range(round(since_s * FPS), round(until_s * FPS)):
        image = world.paint(i / FPS)
        out.append(tracker.update(Frame(image, i, round(i / FPS * 1e9), 0, 0)))
    return out


def mistaken(seed: int, *, people: int, alike: bool, still: bool) -> float:
    """Share of the results that show somebody else than the number first did."""
    rng = np.random.default_rng(seed)
    world = World(crossing(rng, alike=alike, still=still), rng)
    if people == 1:
        world.people[1].enters_s = 0.3
    tracker, owner, count = Tracker(world, people=people), dict[int, int](), Counter[bool]()
    for i in range(round(SECONDS * FPS)):
        image = world.paint(i / FPS)
        for k in tracker.update(Frame(image, i, round(i / FPS * 1e9), 0, 0)):
            who = world.who(k)
            expected = owner.setdefault(k.person_id, who)
            count[expected != who and world.people[expected] in world.here()] += 1
    return count[True] / max(count.total(), 1)


@pytest.mark.parametrize(
    ("people", "alike", "still", "allowed"),
    [
        (2, False, False, 0),
        (2, True, False, 0),
        (1, False, False, 0),
        (1, False, True, 1),
        (1, True, False, 2),  # one locked, the other dressed alike and followed only while near
    ],
)
def test_numbers_survive_crossings(people: int, alike: bool, still: bool, allowed: int) -> None:
    """Of five crossings hardly one ends with a number on somebody else; regions alone lose a third."""
    shares = [mistaken(seed, people=people, alike=alike, still=still) for seed in range(CROSSINGS)]
    assert sum(share > 0.05 for share in shares) <= allowed


def test_a_covered_person_comes_out_with_the_old_number() -> None:
    """Both numbers before are both numbers after, on the same people, seen at once."""
    rng = np.random.default_rng(5)
    world = World(crossing(rng, alike=False), rng)
    results = film(world, Tracker(world, people=2), 3.5)
    before = next(r for r in results if len(r) == 2)
    assert [k.person_id for k in before] == [0, 1]
    assert [k.person_id for k in results[-1]] == [0, 1]


def standing() -> World:
    """Three people who stand apart: the middle one is the largest."""
    rng = np.random.default_rng(0)
    world = World([*crossing(rng, alike=False), *crossing(rng, alike=False)][:3], rng)
    for person, (x, size) in zip(world.people, [(250, 320), (640, 420), (1040, 330)], strict=True):
        person.start, person.speed, person.size = x, 0.0, size
    return world


@pytest.mark.parametrize(("x", "who"), [(250, 0), (1030, 2), (640, 1)])
def test_a_click_moves_the_lock(x: float, who: int) -> None:
    """From another thread; in effect within a few frames, and it stays."""
    world = standing()
    tracker = Tracker(world)
    assert [world.who(k) for k in film(world, tracker, 0.5)[-1]] == [1]
    clicker = threading.Thread(target=tracker.choose, args=(x, 400.0))
    clicker.start()
    clicker.join()
    results = film(world, tracker, 2.5, 0.5)
    assert all([world.who(k) for k in r] == [who] for r in results[8:])


def test_a_click_back_finds_the_old_number() -> None:
    """Whoever was followed before keeps the number while they are in the picture."""
    world = standing()
    tracker = Tracker(world)
    numbers = []
    for turn, x in enumerate((640, 250, 640)):
        tracker.choose(x, 400.0)
        numbers.append(film(world, tracker, turn + 1.0, float(turn))[-1][0].person_id)
    assert numbers == [0, 1, 0]


def test_a_click_on_nobody_changes_nothing() -> None:
    """The wish is dropped after a second, and somebody who comes there later is not taken."""
    world = standing()
    absent = world.people.pop(0)
    tracker = Tracker(world)
    film(world, tracker, 0.5)
    tracker.choose(250.0, 400.0)
    film(world, tracker, 2.0, 0.5)
    world.people.append(absent)
    results = film(world, tracker, 3.0, 2.0)
    assert {k.person_id for r in results for k in r} == {0}


def test_a_click_with_two_people_replaces_the_newest() -> None:
    """The third person takes the place of the second."""
    world = standing()
    tracker = Tracker(world, people=2)
    film(world, tracker, 0.5)
    tracker.choose(250.0, 400.0)
    (a, b) = film(world, tracker, 1.5, 0.5)[-1]
    assert (world.who(a), world.who(b)) == (1, 0)
    assert (a.person_id, b.person_id) == (0, 2)
