"""Laws of the conventions of axes: both ways, handedness, and where left, up and forward go."""

from __future__ import annotations

import numpy as np
import pytest

from realtime.axes import BLENDER, OPENSIM, ROS, UNITY, Axes
from realtime.solve.quaternions import multiply, to_matrix, unit

ALL = pytest.mark.parametrize("axes", [UNITY, BLENDER, ROS, OPENSIM], ids=lambda a: a.name)
RNG = np.random.default_rng(3)
POINTS, Q, Q2 = RNG.normal(size=(50, 3)), unit(RNG.normal(size=(50, 4))), unit(RNG.normal(size=(50, 4)))


@ALL
def test_there_and_back(axes: Axes) -> None:
    """Points and rotations survive the round trip to the last bit."""
    assert np.array_equal(axes.points_to_world(axes.points(POINTS)), POINTS)
    assert np.array_equal(axes.rotations_to_world(axes.rotations(Q)), Q)


@ALL
def test_turning_and_changing_axes_commute(axes: Axes) -> None:
    """A turned point, told in other axes, is the told point turned by the told rotation."""
    turned = np.einsum("nij,nj->ni", to_matrix(Q), POINTS)
    told = np.einsum("nij,nj->ni", to_matrix(axes.rotations(Q)), axes.points(POINTS))
    assert np.allclose(axes.points(turned), told, atol=1e-12)


@ALL
def test_products_stay_products(axes: Axes) -> None:
    """Parents and children may be told one by one."""
    assert np.allclose(axes.rotations(multiply(Q, Q2)), multiply(axes.rotations(Q), axes.rotations(Q2)))


@pytest.mark.parametrize(
    ("axes", "left", "up", "forward", "handedness"),
    [
        (UNITY, (-1, 0, 0), (0, 1, 0), (0, 0, 1), -1),
        (BLENDER, (1, 0, 0), (0, 0, 1), (0, -1, 0), 1),
        (ROS, (0, 1, 0), (0, 0, 1), (1, 0, 0), 1),
        (OPENSIM, (0, 0, -1), (0, 1, 0), (1, 0, 0), 1),
    ],
    ids=lambda value: value.name if isinstance(value, Axes) else "",
)
def test_where_the_directions_go(
    axes: Axes,
    left: tuple[int, ...],
    up: tuple[int, ...],
    forward: tuple[int, ...],
    handedness: int,
) -> None:
    """The person's left, up and forward have the names that the others give them."""
    assert np.array_equal(axes.points(np.eye(3)), [left, up, forward])
    assert round(np.linalg.det(axes.matrix)) == handedness


def test_unity_signs_of_quaternions() -> None:
    """As the VMC table has it: x stays, y and z change their signs."""
    assert np.array_equal(UNITY.rotations(Q), Q * [1, -1, -1, 1])
