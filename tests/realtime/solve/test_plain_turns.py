"""Rotations in plain floats are those of arrays."""

from __future__ import annotations

import numpy as np

from realtime.solve.plain_turns import multiply
from realtime.solve.quaternions import multiply as of_arrays
from realtime.solve.quaternions import unit


def test_the_product_is_that_of_arrays() -> None:
    """For any two rotations, in this order."""
    for a, b in unit(np.random.default_rng(4).standard_normal((50, 2, 4))):
        np.testing.assert_allclose(multiply(tuple(a), tuple(b)), of_arrays(a, b), atol=1e-12)
