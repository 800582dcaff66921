"""Clothes as colours: the same person is alike, others are not."""

from __future__ import annotations

import numpy as np
import pytest

from realtime.appearance import blend, clothes, difference
from realtime.detectors import Region

REGION = Region(200, 200, 200)


def wearing(bgr: tuple[int, int, int], light: float = 1.0, seed: int = 0) -> np.ndarray:
    """A noisy picture with a shirt of one colour."""
    picture = np.full((400, 400, 3), 90.0)
    picture[140:230, 170:230] = np.array(bgr) * light
    noise = np.random.default_rng(seed).normal(0, 6, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def unlike(a: np.ndarray, b: np.ndarray) -> float:
    value = difference(clothes(a, REGION), clothes(b, REGION))
    assert value is not None
    return value


def test_one_shirt_in_another_light_is_nearer_than_another_shirt() -> None:
    """A quarter less light changes less than red for blue, or than black for white."""
    red = wearing((40, 40, 200))
    assert unlike(red, wearing((40, 40, 200), seed=1)) < 0.15
    assert unlike(red, wearing((40, 40, 200), light=0.75, seed=1)) < 0.6
    assert unlike(red, wearing((200, 60, 40))) > 0.9
    assert unlike(wearing((20, 20, 20)), wearing((230, 230, 230))) > 0.9


def test_somebody_out_of_the_picture_wears_nothing_known() -> None:
    """No colours, no difference; whichever is known remains."""
    known = clothes(wearing((40, 40, 200)), REGION)
    nothing = clothes(wearing((40, 40, 200)), Region(-50, 200, 200))
    assert nothing is None
    assert difference(known, nothing) is None
    assert blend(known, None, 0.5) is known
    assert blend(None, known, 0.5) is known


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_blending_goes_from_one_to_the_other(weight: float) -> None:
    """Always of unit length; at the ends exactly one of them."""
    a, b = (clothes(wearing(c), REGION) for c in ((40, 40, 200), (200, 60, 40)))
    mixed = blend(a, b, weight)
    assert mixed is not None
    assert float(mixed @ mixed) == pytest.approx(1, abs=1e-5)
    assert difference(mixed, b if weight == 1 else a) == pytest.approx(0, abs=2e-2) or 0 < weight < 1


def test_the_strongest_colours_and_the_smallest_regions_are_no_trouble() -> None:
    """Pure colours lie in no cell of their own; a region of no size still has a patch."""
    assert unlike(wearing((0, 0, 255)), wearing((255, 0, 0))) > 0.9
    assert np.isfinite(clothes(wearing((0, 0, 255)), Region(200, 200, 0.1))).all()  # type: ignore[arg-type]
