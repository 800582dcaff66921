"""From joints to solids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lifting.skeleton import SEALCAP26
from realtime.data import Motion
from realtime.web.body import BONE_EDGES, ball_mesh, bone_mesh, solids
from realtime.web.palette import LEFT, RIGHT


@pytest.mark.parametrize("seq", [0, 77, 300, 480, 650])
def test_turned_bones_end_at_their_joints(motion_at: Callable[..., Motion], seq: int) -> None:
    """Start plus the turned and stretched unit bone is the child joint."""
    pose = motion_at(seq).people[0]
    shape = solids(pose)
    assert shape is not None
    w, x, y, z = shape.bone_wxyz.T
    up = np.stack([2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)], 1)
    ends = shape.bone_positions + up * shape.bone_scales[:, 1:2]
    expected = pose.joints_world[[child for _, child in BONE_EDGES]]
    np.testing.assert_allclose(ends[: len(BONE_EDGES)], expected, atol=1e-5)


def test_sides_and_inferred_joints_differ(motion_at: Callable[..., Motion]) -> None:
    """Seen joints have their side's colour; inferred ones are greyer and smaller."""
    shape = solids(motion_at(0).people[0])
    assert shape is not None
    seen, twin = SEALCAP26.indices("right_wrist", "left_wrist")
    assert tuple(shape.ball_colors[seen]) == RIGHT
    assert tuple(shape.ball_colors[SEALCAP26.index("left_knee")]) == LEFT
    assert tuple(shape.ball_colors[twin]) != LEFT
    assert shape.ball_radii[twin] < shape.ball_radii[seen]


def test_a_broken_pose_has_no_solids(motion_at: Callable[..., Motion]) -> None:
    """A NaN anywhere hides the figure instead of tearing it."""
    pose = motion_at(0).people[0]
    joints = pose.joints_world.copy()
    joints[3, 1] = np.nan
    assert solids(replace(pose, joints_world=joints)) is None


@pytest.mark.parametrize("mesh", [ball_mesh(), bone_mesh()], ids=["ball", "bone"])
def test_meshes_face_outwards(mesh: tuple[np.ndarray, np.ndarray]) -> None:
    """Triangles turn counter-clockwise seen from outside, or the page would show their insides."""
    vertices, faces = mesh
    a, b, c = (vertices[faces[:, i]].astype(np.float64) for i in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    assert volume > 0
    assert faces.max() == len(vertices) - 1
