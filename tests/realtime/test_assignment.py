"""One-to-one assignment against all permutations."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest

from realtime.assignment import assign

LIMIT = 10.0


def cheapest(costs: np.ndarray) -> float:
    """The least sum when every row may also go without, tried out."""
    rows, columns = costs.shape
    padded = np.concatenate([np.minimum(costs, LIMIT), np.full((rows, rows), LIMIT)], 1)
    return min(
        sum(padded[i, j] for i, j in enumerate(order)) for order in permutations(range(columns + rows), rows)
    )


@pytest.mark.parametrize("seed", range(30))
def test_no_other_assignment_is_cheaper(seed: int) -> None:
    """Every column once, nothing beyond the limit, and the sum is the least of all."""
    rng = np.random.default_rng(seed)
    costs = rng.uniform(0, 14, (rng.integers(0, 4), rng.integers(0, 4)))
    given = assign(costs.tolist(), LIMIT)
    taken = [j for j in given if j is not None]
    assert len(taken) == len(set(taken))
    total = sum(LIMIT if j is None else costs[i, j] for i, j in enumerate(given))
    assert total == pytest.approx(cheapest(costs) if costs.size else LIMIT * len(costs))


def test_the_second_best_for_one_may_be_the_best_for_all() -> None:
    """Two people near one another: the nearest pair first would leave the other far off."""
    assert assign([[0.1, 0.2], [0.15, 9.0]], LIMIT) == [1, 0]


def test_impossible_pairs_are_never_made() -> None:
    """Infinite, undefined or too dear: without a column."""
    assert assign([[math.inf], [math.nan], [LIMIT]], LIMIT) == [None, None, None]
