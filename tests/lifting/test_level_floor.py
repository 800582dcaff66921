"""Feet that walk across a level floor tell the roll of the camera, and say how surely."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifting.camera import gravity_from_pitch, world_from_cam
from lifting.level_floor import LevelFloor


def soles(pitch_deg: float, roll_deg: float, at: np.ndarray, height_m: float = 1.4) -> np.ndarray:
    """(N,3) camera axes of soles on a level floor at (N,2) metres to the right and ahead."""
    R = world_from_cam(gravity_from_pitch(pitch_deg, roll_deg))
    world = np.stack([at[:, 0], np.full(len(at), -height_m), -at[:, 1]], axis=1)
    return world @ R


def walk(floor: LevelFloor, points_cam: np.ndarray, person_id: int = 0, seconds: float = 0.3) -> None:
    """Somebody rests at each of the points (N,3) for so long."""
    for point in points_cam:
        floor.of(person_id).add(point, seconds)


def across(width_m: float = 4.0, ahead_m: float = 5.0, n: int = 17) -> np.ndarray:
    """(N,2) a walk from left to right."""
    return np.stack([np.linspace(-width_m / 2, width_m / 2, n), np.full(n, ahead_m)], axis=1)


@given(pitch=st.floats(-20, 35), roll=st.floats(-8, 8), believed=st.floats(-3, 3), size=st.floats(0.9, 1.1))
def test_exact_feet_give_the_exact_roll(pitch: float, roll: float, believed: float, size: float) -> None:
    """Whatever roll is believed meanwhile, and with a figure seen at a wrong distance throughout."""
    floor = LevelFloor()
    walk(floor, size * soles(pitch, roll, across()))
    found = floor.roll(gravity_from_pitch(pitch, roll + believed), 0.5)
    assert found is not None
    assert found[0] == pytest.approx(roll, abs=0.15)
    assert found[1] < 1.0


def test_who_stands_still_or_walks_ahead_tells_nothing() -> None:
    """One strip of the floor has no slope; feet side by side have hardly one."""
    gravity = gravity_from_pitch(8.0)
    floor = LevelFloor()
    assert floor.roll(gravity, 2.0) is None
    walk(floor, soles(8.0, 0.0, np.array([[0.1, z] for z in np.linspace(2, 6, 20)])))
    assert floor.roll(gravity, 2.0) is None
    walk(floor, soles(8.0, 0.0, np.array([[-0.1, 3.0]] * 20)))
    found = floor.roll(gravity, 2.0)
    assert found is not None
    assert found[1] > 2.0


def test_noise_is_no_worse_than_claimed() -> None:
    """Two hundred walks, 3 cm of error per step: the errors fit the standard deviation."""
    rng, strange = np.random.default_rng(0), []
    for _ in range(200):
        floor, points = LevelFloor(), soles(8.0, 2.0, across())
        walk(floor, points + rng.normal(0, 0.03, points.shape))
        found = floor.roll(gravity_from_pitch(8.0), 2.0)
        assert found is not None
        strange.append((found[0] - 2.0) / found[1])
    assert np.std(strange) < 1.0
    assert abs(np.mean(strange)) < 0.2


def test_a_stool_at_one_end_is_not_believed() -> None:
    """Half a metre up on the last step: the roll stays within a degree."""
    floor, points = LevelFloor(), soles(8.0, 0.0, across())
    points[-2:, 1] -= 0.5
    walk(floor, points)
    found = floor.roll(gravity_from_pitch(8.0), 2.0)
    assert found is not None
    assert abs(found[0]) < 1.0


def test_a_walk_away_at_a_wrong_pitch_is_not_taken_for_roll() -> None:
    """Diagonally: a pitch 3° wrong lifts the floor ahead; an uncertain pitch makes the roll uncertain."""
    floor = LevelFloor()
    diagonal = np.stack([np.linspace(-2, 2, 17), np.linspace(3, 7, 17)], axis=1)
    walk(floor, soles(8.0, 0.0, diagonal))
    sure, unsure = (floor.roll(gravity_from_pitch(11.0), sd_deg) for sd_deg in (0.5, 6.0))
    assert sure is not None
    assert unsure is not None
    assert unsure[1] > 1.5 * sure[1]
    assert abs(unsure[0]) < unsure[1]


def test_people_seen_at_different_distances_agree() -> None:
    """A person judged 8 % too near has a floor 10 cm higher; beside one judged right that is no roll."""
    floor, left, right = LevelFloor(), across()[:9], across()[8:]
    walk(floor, 0.92 * soles(8.0, 0.0, left), person_id=1)
    walk(floor, soles(8.0, 0.0, right), person_id=2)
    found = floor.roll(gravity_from_pitch(8.0), 2.0)
    assert found is not None
    assert abs(found[0]) < 0.3
