"""Priors of pitch and roll: level cameras stay level, rolled ones are believed."""

import pytest

from lifting.camera import gravity_from_pitch
from lifting.tilt_grid import TiltGrid


@pytest.mark.parametrize("pitch", [-20.0, 0.0, 19.0, 35.0])
def test_people_alone_set_the_pitch(pitch: float) -> None:
    """The lifter's estimate is shrunk by less than 1.5° and keeps its standard deviation."""
    grid = TiltGrid()
    tilt = grid.best(grid.of_up(-gravity_from_pitch(pitch), 6.0, 3.0))
    assert tilt.pitch_deg == pytest.approx(pitch, abs=1.5)
    assert 5.0 < tilt.pitch_sd_deg < 8.0


@pytest.mark.parametrize(("seen", "low", "high"), [(3.0, 0.3, 1.5), (-6.0, -3.0, -1.0), (35.0, 31.0, 36.0)])
def test_small_rolls_are_leaning_people_and_large_ones_rolled_cameras(
    seen: float, low: float, high: float
) -> None:
    """With a given pitch: of a few degrees a third at most is the camera's, of 35° nearly all."""
    grid = TiltGrid(pitch_deg=10.0)
    tilt = grid.best(grid.of_up(-gravity_from_pitch(10.0, seen), 6.0, 3.5))
    assert tilt.pitch_deg == 10.0
    assert tilt.pitch_sd_deg == 0.0
    assert low < tilt.roll_deg < high
    assert 1.2 < tilt.roll_sd_deg < 8.0


def test_given_tilt_is_exact() -> None:
    """One cell is left."""
    grid = TiltGrid(12.5, -3.25)
    assert grid.best(grid.of_up(-gravity_from_pitch(30.0), 6.0, 3.0)) == (12.5, -3.25, 0.0, 0.0)


@pytest.mark.parametrize("roll", [-2.0, -0.4, 0.0, 1.7, 3.0])
def test_a_floor_walked_on_outweighs_leaning_people(roll: float) -> None:
    """People seem to lean 4° the other way; the floor, known to 0.6°, has the word."""
    grid = TiltGrid(pitch_deg=10.0)
    people = grid.of_up(-gravity_from_pitch(10.0, roll - 4.0), 6.0, 3.5)
    tilt = grid.best(people + grid.of_roll(roll, 0.6))
    assert tilt.roll_deg == pytest.approx(roll, abs=0.6)
    assert tilt.roll_sd_deg < 0.9
