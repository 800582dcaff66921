"""A person told as SMPL: rotations and joints against forward kinematics along SMPL's own tree."""

from __future__ import annotations

import numpy as np
import pytest

from lifting.skeleton import BONES, SEALCAP26
from realtime.axes import ROS
from realtime.rest_pose import REST_HEIGHT_M
from realtime.retarget import smpl
from realtime.solve.forward import joints_from_rotations, world_rotations
from realtime.solve.quaternions import IDENTITY, to_matrix
from realtime.solve.rest import REST_JOINTS


def rotvec(v: np.ndarray) -> np.ndarray:
    """Rodrigues' formula, (3,) → (3,3)."""
    angle = np.linalg.norm(v)
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = v / angle
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def random_pose(seed: int) -> np.ndarray:
    """(21,4) unit quaternions of any sign."""
    q = np.random.default_rng(seed).normal(size=(len(BONES), 4))
    return q / np.linalg.norm(q, axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(8))
def test_rotations_composed_along_smpls_tree_turn_the_limbs_as_ours_do(seed: int) -> None:
    """Every joint's world rotation is that of the bone of ours that begins there."""
    local = random_pose(seed)
    pose = smpl.body_pose(local)
    assert (np.linalg.norm(pose, axis=1) <= np.pi + 1e-9).all()
    ours = to_matrix(world_rotations(local))
    world = [to_matrix(local[0])]
    for j in range(1, 22):
        world.append(world[smpl.PARENTS[j]] @ rotvec(pose[j - 1]))
    for j, (name, bone) in enumerate(smpl.BONE_OF.items(), start=1):
        assert smpl.JOINTS[j] == name
        if bone is not None:
            assert np.allclose(world[j], ours[BONES.index(bone)], atol=1e-9), name


def test_joints_do_not_depend_on_where_the_person_looks() -> None:
    """The pelvis' rotation travels apart, so the joints are those of an unturned pelvis at 0."""
    local = random_pose(1)
    joints = smpl.joints(local)
    assert np.allclose(joints[0], 0)
    unturned = local.copy()
    unturned[0] = IDENTITY
    assert np.allclose(smpl.joints(unturned), joints)
    ours = ROS.points(joints_from_rotations(unturned, REST_JOINTS * REST_HEIGHT_M, np.zeros(3)))
    for name in ("left_hip", "right_knee", "left_ankle", "right_shoulder", "left_elbow", "right_wrist"):
        assert np.allclose(joints[smpl.JOINTS.index(name)], ours[SEALCAP26.index(name)]), name


def test_a_person_at_rest_stands_upright_in_robot_axes() -> None:
    """T-pose: x forward, y left, z up; thumbs point forward, the left side is at +y, mirrored."""
    joints = dict(zip(smpl.JOINTS, smpl.joints(np.tile(IDENTITY, (len(BONES), 1))), strict=True))
    assert joints["head"][2] > joints["neck"][2] > joints["spine3"][2] > joints["spine2"][2]
    assert joints["spine2"][2] > joints["spine1"][2] > 0 > joints["left_knee"][2] > joints["left_ankle"][2]
    assert joints["left_foot"][0] > joints["left_ankle"][0] + 0.1
    assert joints["left_hand"][0] > joints["left_wrist"][0] + 0.04
    for name, place in joints.items():
        if name.startswith("left_"):
            assert np.allclose(joints["right_" + name[5:]], place * [1, -1, 1]), name
            assert place[1] > 0
    assert smpl.body_quaternion(IDENTITY) == pytest.approx([1, 0, 0, 0])
