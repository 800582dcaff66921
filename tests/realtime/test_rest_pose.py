"""The rest pose that receivers are told."""

from __future__ import annotations

import numpy as np

from lifting.skeleton import BONES
from realtime.rest_pose import REST_HEADS_M, REST_HEIGHT_M, REST_OFFSETS_M
from realtime.solve.rest import REST_JOINTS


def test_offsets_add_up_to_the_bone_heads() -> None:
    """Forward kinematics with identity rotations puts every bone where the T-pose has it."""
    heads = np.zeros((len(BONES), 3), np.float32)
    for i, parent in enumerate(BONES.parents):
        heads[i] = REST_OFFSETS_M[i] + (heads[parent] if parent >= 0 else 0)
    np.testing.assert_allclose(heads, REST_HEADS_M, atol=1e-6)


def test_it_is_a_symmetric_t_pose_of_the_stated_height() -> None:
    """Left is +X, the twin is its mirror image, arms are level, feet on the floor, head below the top."""
    twin = REST_HEADS_M[BONES.mirrored] * (-1, 1, 1)
    np.testing.assert_allclose(REST_HEADS_M, twin, atol=1e-6)
    arm = REST_HEADS_M[BONES.indices("LeftUpperArm", "LeftLowerArm", "LeftHand")]
    assert np.ptp(arm[:, 1]) < 1e-6
    assert (np.diff(arm[:, 0]) > 0.2).all()
    assert 0 < REST_HEADS_M[BONES.index("LeftToes"), 1] < 0.05
    assert 0.85 * REST_HEIGHT_M < REST_HEADS_M[BONES.index("Head"), 1] < 0.97 * REST_HEIGHT_M
    assert REST_HEADS_M[BONES.index("LeftToes"), 2] > REST_HEADS_M[BONES.index("LeftFoot"), 2]


def test_it_is_the_pose_the_rotation_solver_compares_with() -> None:
    """Hips, in metres, are the solver's pelvis times the stature."""
    np.testing.assert_allclose(REST_HEADS_M[0], REST_JOINTS[0] * REST_HEIGHT_M, atol=1e-6)
