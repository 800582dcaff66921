"""Robots as meshes: primitives where MuJoCo has them, corners thinned without a change of shape."""

from __future__ import annotations

import numpy as np
import pytest

mujoco = pytest.importorskip("mujoco")

from realtime.web.body import ball_mesh  # noqa: E402
from realtime.web.robot_figure import GRID_M, coarse, parts  # noqa: E402

SOLIDS = """<mujoco><worldbody><geom type="plane" size="5 5 1"/><body name="a">
<geom type="sphere" size=".1" pos="1 0 0"/><geom type="capsule" size=".05 .2" pos="0 1 0"/>
<geom type="cylinder" size=".05 .2" quat=".7071068 .7071068 0 0"/>
<geom type="box" size=".1 .2 .3" rgba="1 0 0 1"/>
<geom type="ellipsoid" size=".1 .2 .3" rgba="0 1 0 1"/></body></worldbody></mujoco>"""


def test_every_primitive_has_its_size_and_place() -> None:
    """Boxes around the meshes are those of the geoms; the floor is not the robot's."""
    model = mujoco.MjModel.from_xml_string(SOLIDS)
    (body,) = parts(model).values()
    by_color = {color: mesh for color, mesh in body}
    assert np.abs(by_color[255, 0, 0][0]).max(0) == pytest.approx([0.1, 0.2, 0.3])
    assert np.abs(by_color[0, 255, 0][0]).max(0) == pytest.approx([0.1, 0.2, 0.3], rel=0.05)
    grey = next(mesh for color, mesh in body if color[0] == color[1] == color[2])
    low, high = grey[0].min(0), grey[0].max(0)
    assert high == pytest.approx([1.1, 1.05, 0.25], abs=0.01)  # ball, capsule, capsule
    assert low == pytest.approx([-0.05, -0.2, -0.25], abs=0.01)  # cylinder turned about X: its axis along Y
    for _, (vertices, faces) in body:
        assert faces.max() < len(vertices)


def test_thinned_meshes_keep_their_shape() -> None:
    """A fine ball loses most faces, and no corner moves out of its cell of the grid."""
    ball, faces = ball_mesh(150, 300)
    vertices, thin = coarse(0.1 * ball.astype(np.float64), faces.astype(np.int64))
    assert len(thin) < 0.2 * len(faces)
    assert np.abs(np.linalg.norm(vertices, axis=1) - 0.1).max() < 1e-6
    middle = vertices[thin].mean(1)
    assert np.linalg.norm(middle, axis=1).min() > 0.1 - GRID_M
    edges = np.sort(thin[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert (counts == 1).mean() < 0.02  # closed, or nearly


def test_small_meshes_stay_as_they_are() -> None:
    """What is quick to draw is not touched."""
    ball, faces = ball_mesh()
    vertices, same = coarse(0.01 * ball.astype(np.float64), faces.astype(np.int64))
    assert len(same) == len(faces)
    assert len(vertices) == len(ball)
