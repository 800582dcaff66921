"""A place counts once however long somebody stands there, and nobody's evidence is anybody else's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from lifting.places import FORGET_S, LEAST_S, MEMORY_S, MOST_PEOPLE, EachPerson, Places


def test_a_place_holds_the_mean_of_what_was_seen_there() -> None:
    """Two places, two means, with the seconds behind each."""
    places = Places(8, 0.5, entries=2)
    for at, value in ((0.1, 1.0), (0.4, 3.0), (-0.1, 7.0)):
        places.take(at, [at, value], 0.2)
    means, seen_s = places.known()
    assert_allclose(means, [[-0.1, 7.0], [0.25, 2.0]])
    assert_allclose(seen_s, [0.2, 0.4])


def test_an_hour_at_one_place_is_no_more_than_its_memory() -> None:
    """And does not keep out what is seen elsewhere."""
    places = Places(8, 0.5, entries=1)
    for _ in range(3600):
        places.take(0.1, [1.0], 1.0)
    assert places.seen_s == pytest.approx(MEMORY_S, rel=0.01)
    places.take(1.1, [5.0], 2 * LEAST_S)
    assert_allclose(places.known()[0][:, 0], [1.0, 5.0])


def test_evidence_fades_and_a_glimpse_does_not_count() -> None:
    """What was seen long ago counts less; what was hardly seen does not."""
    places = Places(8, 0.5, entries=1)
    places.take(0.1, [1.0], 5.0)
    places.take(0.6, [1.0], 0.5 * LEAST_S)
    assert len(places.known()[0]) == 1
    for _ in range(round(FORGET_S)):
        places.take(-0.1, [1.0], 1.0)
    assert places.known()[1][1] == pytest.approx(5.0 / np.e, rel=0.02)


@given(
    at=st.floats(allow_nan=True, allow_infinity=True),
    value=st.floats(allow_nan=True, allow_infinity=True),
    dt_s=st.floats(-1.0, 1.0),
)
def test_only_numbers_are_kept(at: float, value: float, dt_s: float) -> None:
    """Whatever comes in, means are finite and lie where they were seen."""
    places = Places(8, 0.5, entries=1)
    places.take(at, [value], dt_s)
    means, seen_s = places.known()
    assert np.isfinite(means).all()
    assert len(means) <= (abs(at) <= 2.0)
    assert (seen_s >= LEAST_S).all()


def test_people_come_and_go() -> None:
    """However many: the one of whom least was seen is forgotten, and nobody twice the same evidence."""
    people = EachPerson(lambda: Places(8, 0.5, entries=1))
    for person_id in range(3 * MOST_PEOPLE):
        people.of(person_id).take(0.4, [0.0], 0.1 + 0.01 * (person_id == 0))
    assert people.of(0).seen_s > 0.1
    assert people.of(3 * MOST_PEOPLE).seen_s == 0.0
    assert len(list(people)) == MOST_PEOPLE
