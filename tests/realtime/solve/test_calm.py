"""Calm legs: when they set in, seated or standing, and where they are."""

import numpy as np
import pytest

from lifting.skeleton import SEALCAP26
from realtime.solve.calm import CalmLegs, toward_standing, upright_axes
from realtime.solve.rest import PARENTS, REST_JOINTS

UP = np.array([0.0, 1.0, 0.0])
STRAIGHT, BENT = 0.97, 0.2
DT = 1 / 30


def _after(legs: CalmLegs, seen: bool, seconds: float, drop: float = STRAIGHT, height=None) -> CalmLegs:
    for _ in range(round(seconds / DT)):
        legs.update(seen, drop, height, DT)
    return legs


def test_covered_legs_are_not_out_of_the_picture() -> None:
    """A second without them changes nothing; after two and a half the calm ones are shown wholly."""
    legs = _after(CalmLegs(), True, 1.0)
    assert _after(legs, False, 1.4).share == 0
    assert 0 < _after(legs, False, 0.6).share < 1
    assert _after(legs, False, 1.0).share == 1


def test_legs_never_seen_are_calm_from_the_first_frame() -> None:
    """Somebody at a desk does not start standing; one sits unless something speaks against it."""
    legs = CalmLegs()
    legs.update(False, STRAIGHT, None, 0.0)
    assert legs.share == 1
    assert legs.seated


def test_a_short_sight_does_not_change_the_mode() -> None:
    """Knees that show for 0.3 s leave the mode as it is; after a second in sight it has ended."""
    legs = _after(CalmLegs(), False, 1.0)
    assert _after(legs, True, 0.3).share == 1
    assert _after(legs, False, 0.2).share == 1
    assert _after(legs, True, 1.6).share == 0


@pytest.mark.parametrize(("drop", "seated"), [(STRAIGHT, False), (BENT, True)])
def test_legs_stay_what_they_were_when_last_seen(drop: float, seated: bool) -> None:
    """With no floor to measure from, whoever stood goes on standing."""
    legs = _after(CalmLegs(), True, 1.0, drop)
    assert _after(legs, False, 3.0).seated is seated


def test_height_above_the_floor_decides_with_hysteresis() -> None:
    """Sitting down out of sight is noticed by the height of the hips; between the limits nothing changes."""
    legs = _after(CalmLegs(), True, 1.0)
    assert not _after(legs, False, 3.0, height=1.0).seated
    assert not _after(legs, False, 1.0, height=0.8).seated
    assert _after(legs, False, 1.0, height=0.6).seated
    assert _after(legs, False, 1.0, height=0.8).seated
    assert not _after(legs, False, 1.0, height=0.9).seated


@pytest.mark.parametrize("choice", ["seated", "standing"])
def test_the_user_may_choose(choice) -> None:
    """A choice is kept, whatever is seen."""
    legs = _after(CalmLegs(choice), True, 1.0, BENT if choice == "standing" else STRAIGHT)
    assert legs.seated is (choice == "seated")


@pytest.mark.parametrize("height", [0.55, 0.65, 0.7])
def test_seated_feet_reach_the_floor(height: float) -> None:
    """Thigh and shank, half a leg each, end on the floor below hips of that height."""
    legs = _after(CalmLegs(), False, 1.0, height=height)
    thigh, shank = legs.directions()[[0, 2]]
    np.testing.assert_allclose(height + 0.5 * thigh[1] + 0.5 * shank[1], 0, atol=0.03)
    assert thigh[2] > 0.5


@pytest.mark.parametrize("choice", ["seated", "standing"])
def test_directions_are_unit_and_symmetric(choice) -> None:
    """Left and right mirror each other."""
    directions = CalmLegs(choice).directions()
    np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1)
    np.testing.assert_allclose(directions[::2], directions[1::2] * (-1, 1, 1))


def test_standing_at_ease_keeps_lengths_and_pelvis() -> None:
    """Eased wholly, arms hang; not eased, nothing changes; lengths stay."""
    joints = REST_JOINTS + 0.3
    np.testing.assert_allclose(toward_standing(joints, UP, 0.0), joints, atol=1e-9)
    calm = toward_standing(joints, UP, 1.0)
    wrist, shoulder = (SEALCAP26.index(f"left_{name}") for name in ("wrist", "shoulder"))
    assert calm[wrist, 1] < calm[shoulder, 1] - 0.28
    np.testing.assert_array_equal(calm[0], joints[0])
    lengths = [np.linalg.norm(x - x[PARENTS], axis=1) for x in (calm, joints)]
    np.testing.assert_allclose(*lengths)


def test_upright_axes_of_the_rest_pose() -> None:
    """Left, up, forward of somebody facing +Z are the axes themselves."""
    np.testing.assert_allclose(upright_axes(REST_JOINTS, UP), np.eye(3), atol=1e-9)
