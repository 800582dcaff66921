"""Laws of mirror mode: the other hand rises, rotations and joints still agree, and twice is nothing."""

import dataclasses

import numpy as np

from lifting.camera_estimate import CameraEstimate
from lifting.skeleton import BONES, SEALCAP26
from realtime.data import BodyPose
from realtime.solve.body import BodySolver
from realtime.solve.forward import joints_from_rotations, measure_rest
from realtime.solve.mirror import mirror
from realtime.solve.rotations import RotationSolver


def _solved(scene) -> BodyPose:
    view = scene(pitch_deg=10.0)
    solver, camera = BodySolver(), CameraEstimate(view.intrinsics)
    pose = None
    for t in np.arange(20) / 30:
        cam = view.camera(view.world(t))
        raw = (cam - cam[0]).astype(np.float32)
        pose = solver.update(raw, view.keypoints(cam), camera, int(t * 1e9))
    assert pose is not None
    sides = np.linspace(0.2, 0.9, len(SEALCAP26), dtype=np.float32)
    return dataclasses.replace(
        pose, confidence=sides, observed=sides > 0.5, contacts=np.array([0.9, 0.1, 0.3, 0.2], np.float32)
    )


def test_twice_is_the_pose_itself(scene) -> None:
    """Every field comes back bit by bit."""
    pose = _solved(scene)
    twice = mirror(mirror(pose))
    for field in dataclasses.fields(BodyPose):
        np.testing.assert_array_equal(getattr(twice, field.name), getattr(pose, field.name), field.name)


def test_what_the_left_did_the_right_does(scene) -> None:
    """Left and right change places in joints, confidences, contacts; heights and depths stay."""
    pose = _solved(scene)
    image = mirror(pose)
    for name in SEALCAP26.joints:
        j, twin = SEALCAP26.index(name), SEALCAP26.mirrored[SEALCAP26.index(name)]
        np.testing.assert_array_equal(image.joints_world[twin], pose.joints_world[j] * (-1, 1, 1))
        np.testing.assert_array_equal(image.joints_cam[twin], pose.joints_cam[j] * (-1, 1, 1))
        assert image.confidence[twin] == pose.confidence[j]
        assert image.observed[twin] == pose.observed[j]
    np.testing.assert_array_equal(image.contacts, pose.contacts[[2, 3, 0, 1]])
    np.testing.assert_array_equal(image.root_world, image.joints_world[0])
    np.testing.assert_array_equal(image.root_rotation, image.bone_rotations[0])


def test_rotations_of_the_image_make_its_joints(scene) -> None:
    """Forward kinematics of the mirrored rotations with the mirrored body gives the mirrored joints."""
    pose = _solved(scene)
    rest = measure_rest(pose.bone_rotations.astype(float), pose.joints_world.astype(float))
    image = mirror(pose)
    mirrored_rest = rest[SEALCAP26.mirrored] * (-1, 1, 1)
    joints = joints_from_rotations(image.bone_rotations.astype(float), mirrored_rest, image.joints_world[0])
    np.testing.assert_allclose(joints, image.joints_world, atol=1e-5)


def test_solving_the_mirrored_joints_gives_the_mirrored_rotations(scene) -> None:
    """The image is what the solver makes of a mirrored person."""
    pose = _solved(scene)
    image = mirror(pose)
    solved = RotationSolver()(image.joints_world.astype(float))
    dot = np.abs(np.einsum("bi,bi->b", solved, image.bone_rotations))
    arms = [i for i, bone in enumerate(BONES.joints) if "Arm" in bone or "Hand" in bone]
    np.testing.assert_allclose(np.delete(dot, arms), 1, atol=1e-4)  # twists of arms remember the past
