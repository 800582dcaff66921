"""Tests of soles put where the figure has them: rotations and joints go on saying the same."""

from __future__ import annotations

import numpy as np
import pytest

from lifting.skeleton import CONTACTS, SEALCAP26
from realtime.solve.forward import joints_from_rotations
from realtime.solve.quaternions import multiply, unit
from realtime.solve.rest import REST_JOINTS
from realtime.solve.soles import put_soles

FEET = list(SEALCAP26.indices(*CONTACTS))
REST = REST_JOINTS * 1.7
ROOT = np.array([0.1, 0.9, -3.0])


def _pose(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Small random rotations (21,4) of bent legs and the joints (26,3) they make."""
    rng = np.random.default_rng(seed)
    small = unit(np.concatenate([0.05 * rng.standard_normal((21, 3)), np.ones((21, 1))], axis=1))
    for bone, turn in ((9, -0.4), (10, 0.8), (17, -0.4), (18, 0.8)):
        small[bone] = multiply(np.array([np.sin(turn / 2), 0.0, 0.0, np.cos(turn / 2)]), small[bone])
    return small, joints_from_rotations(small, REST, ROOT)


@pytest.mark.parametrize("seed", range(5))
def test_rotations_and_joints_agree(seed: int) -> None:
    """Forward kinematics of the changed rotations gives the changed joints, bones as long as before."""
    local, joints = _pose(seed)
    wanted = joints + 0.01 * np.random.default_rng(seed + 9).standard_normal(joints.shape)
    put_soles(local, joints, wanted, [True] * 4)
    np.testing.assert_allclose(np.linalg.norm(local, axis=1), 1.0, atol=1e-9)
    np.testing.assert_allclose(joints_from_rotations(local, REST, ROOT), joints, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_a_moved_foot_is_where_it_is_wanted(seed: int) -> None:
    """Soles wanted two centimetres aside are there, and the feet have not turned."""
    local, joints = _pose(seed)
    before = joints.copy()
    wanted = joints + np.array([0.02, 0.005, -0.01])
    put_soles(local, joints, wanted, [False] * 4)
    np.testing.assert_allclose(joints[FEET], wanted[FEET], atol=1e-6)
    np.testing.assert_allclose(
        joints[FEET[1::2]] - joints[FEET[::2]], before[FEET[1::2]] - before[FEET[::2]], atol=1e-9
    )
    np.testing.assert_array_equal(joints[:14], before[:14])


def test_the_held_point_wins() -> None:
    """Heel and toe wanted where no rigid foot has both: the held one is nearly exact, the other is not."""
    local, joints = _pose(1)
    wanted = joints.copy()
    wanted[FEET[0]] += (0.0, 0.0, 0.02)
    put_soles(local, joints, wanted, [True, False, False, False])
    off = np.linalg.norm(joints[FEET] - wanted[FEET], axis=1)
    assert off[0] < 0.002
    assert off[1] > 0.015


def test_soles_in_place_stay() -> None:
    """Nothing is touched where nothing is wrong."""
    local, joints = _pose(2)
    before = local.copy(), joints.copy()
    put_soles(local, joints, joints.copy(), [True] * 4)
    np.testing.assert_array_equal(local, before[0])
    np.testing.assert_array_equal(joints, before[1])
