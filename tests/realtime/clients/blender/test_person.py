"""One person: the add-on's plain Python agrees with the sender's numpy."""

from __future__ import annotations

import numpy as np
import pytest

from lifting.skeleton import BONES, SEALCAP26
from realtime.clients.blender.sealcap_blender import body, turns
from realtime.clients.blender.sealcap_blender.person import (
    Person,
    between,
    hips_height_m,
    rest_heads,
    world_rotations,
)
from realtime.rest_pose import REST_HEADS_M, bone_heads
from realtime.solve import forward
from realtime.solve.quaternions import multiply, to_matrix
from realtime.solve.rest import OFFSETS, PELVIS_HEIGHT
from realtime.takes.take import Take
from tests.realtime.takes.made_takes import wild_take


def _person(take: Take, index: int) -> Person:
    joints = dict(zip(SEALCAP26.joints, map(tuple, take.joints_world[index]), strict=True))
    turned = dict(zip(BONES.joints, map(tuple, take.bone_rotations[index]), strict=True))
    return Person(1, "tracking", 0.0, 0.0, joints["pelvis"], turned, joints)


def test_the_standard_body_is_the_senders() -> None:
    """Joints, what carries them, and the T-pose are those of the sender's modules."""
    for joint, (parent, offset, _) in body.JOINTS.items():
        i = SEALCAP26.index(joint)
        assert SEALCAP26.joints[SEALCAP26.parents[i]] == parent
        np.testing.assert_allclose(offset, OFFSETS[i], atol=1e-9)
    heads = rest_heads(None)
    for bone, head in zip(BONES.joints, REST_HEADS_M - REST_HEADS_M[0], strict=True):
        np.testing.assert_allclose(heads[bone], head, atol=1e-5)
    assert hips_height_m(heads) == pytest.approx(PELVIS_HEIGHT * body.STATURE_M, rel=1e-3)


def test_proportions_are_measured() -> None:
    """From any pose of a lopsided body its own T-pose is found."""
    take = wild_take(40)
    for index in (0, 17, 39):
        heads = rest_heads(_person(take, index))
        for bone, head in zip(BONES.joints, bone_heads(take.rest_joints), strict=True):
            np.testing.assert_allclose(heads[bone], head, atol=1e-9)


def test_world_rotations_are_the_senders() -> None:
    """The chain of local rotations gives what the sender's forward kinematics gives."""
    take = wild_take(5)
    world = world_rotations(_person(take, 3))
    expected = forward.world_rotations(take.bone_rotations[3])
    for bone, q in zip(BONES.joints, expected, strict=True):
        assert abs(np.dot(world[bone], q)) == pytest.approx(1.0)
    assert world["UpperChest"] == world["Chest"]


def test_quaternions_agree_with_numpy() -> None:
    """Product, inverse and turning of vectors against the sender's functions."""
    rng = np.random.default_rng(2)
    for a, b in rng.normal(size=(20, 2, 4)):
        p, q = turns.unit(tuple(a)), turns.unit(tuple(b))
        assert p is not None
        assert q is not None
        np.testing.assert_allclose(turns.multiply(p, q), multiply(np.array(p), np.array(q)), atol=1e-12)
        v = tuple(rng.normal(size=3))
        np.testing.assert_allclose(turns.rotate(p, v), to_matrix(np.array(p)) @ v, atol=1e-12)
        np.testing.assert_allclose(turns.multiply(p, turns.inverse(p)), (0, 0, 0, 1), atol=1e-12)


@pytest.mark.parametrize("bad", [(0.0, 0.0, 0.0, 0.0), (float("nan"), 0, 0, 1), (float("inf"), 0, 0, 1)])
def test_what_is_no_rotation_is_refused(bad: turns.Quat) -> None:
    """Zero, NaN and infinity."""
    assert turns.unit(bad) is None


def test_between_two_frames() -> None:
    """At the ends the frames themselves; in the middle half the turn, the shorter way round."""
    a = Person(1, "tracking", 0.0, 0.0, (0, 0, 0), {"Hips": (0, 0, 0, 1)})
    b = Person(1, "held", 1.0, 1.0, (2, 4, 6), {"Hips": (0, -1, 0, 0), "Neck": (0, 0, 0, -1)})
    half = between(a, b, 0.5)
    assert half.hips == (1, 2, 3)
    assert abs(half.rotations["Hips"][1]) == pytest.approx(np.sqrt(0.5))
    assert abs(half.rotations["Neck"][3]) == pytest.approx(1.0)
    assert between(a, b, 0.0).rotations["Hips"] == pytest.approx((0, 0, 0, 1))
    assert between(a, b, 1.0).state == "held"
