"""Laws of rotations from positions: they rebuild the pose, move with the body, mirror, and never jump."""

import time

import numpy as np
import pytest

from lifting.skeleton import BONES, SEALCAP26
from realtime.solve.forward import joints_from_rotations
from realtime.solve.quaternions import IDENTITY, multiply, to_matrix, unit
from realtime.solve.rest import REST_JOINTS
from realtime.solve.rotations import RotationSolver

MIRROR_QUATERNION = np.array([1.0, -1.0, -1.0, 1.0])
CORPUS_TO_SEALCAP26 = [*range(5), *range(6, 17), *range(19, 27), 29, 30]
OURS_FROM_CORPUS = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])
"""The corpus is Z up, facing +X, left +Y."""


def _mirror_joints(joints: np.ndarray) -> np.ndarray:
    return joints[SEALCAP26.mirrored] * (-1, 1, 1)


def _mirror_rotations(q: np.ndarray) -> np.ndarray:
    return q[BONES.mirrored] * MIRROR_QUATERNION


def _same(a: np.ndarray, b: np.ndarray) -> None:
    np.testing.assert_allclose(np.abs(np.einsum("...i,...i->...", a, b)), 1, atol=1e-9)


def test_rest_pose_is_identity() -> None:
    """The T-pose has identity rotations everywhere."""
    np.testing.assert_allclose(RotationSolver()(REST_JOINTS), np.tile(IDENTITY, (21, 1)), atol=1e-12)


def test_forward_of_inverse_rebuilds_the_pose(some_pose) -> None:
    """FK∘IK: the joints of random poses come back within 0.1 mm."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        joints = joints_from_rotations(some_pose(rng), REST_JOINTS, rng.standard_normal(3))
        back = joints_from_rotations(RotationSolver()(joints), REST_JOINTS, joints[0])
        np.testing.assert_allclose(back, joints, atol=1e-4)


def test_inverse_of_forward_finds_the_limb_rotations(some_pose) -> None:
    """IK∘FK: bent hinges and rigid parts get their very rotation back, twist included."""
    rng = np.random.default_rng(1)
    rigid = ("Hips", "Head", "UpperArm", "LowerArm", "UpperLeg", "LowerLeg", "Foot")
    bones = [i for i, b in enumerate(BONES.joints) if b.removeprefix("Left").removeprefix("Right") in rigid]
    for _ in range(50):
        q = some_pose(rng)
        joints = joints_from_rotations(q, REST_JOINTS, np.zeros(3))
        world, out = _world(q), _world(RotationSolver()(joints))
        np.testing.assert_allclose(to_matrix(out[bones]), to_matrix(world[bones]), atol=1e-6)


def _world(local: np.ndarray) -> np.ndarray:
    world = [local[0]]
    for bone, parent in list(enumerate(BONES.parents))[1:]:
        world.append(multiply(world[parent], local[bone]))
    return np.stack(world)


def test_rigid_motion_only_changes_the_hips(walking) -> None:
    """Turning and moving the whole body by G turns the Hips by G; every local rotation stays."""
    joints = joints_from_rotations(walking(0.3), REST_JOINTS, np.zeros(3))
    rng = np.random.default_rng(2)
    for _ in range(20):
        turn = unit(rng.standard_normal(4))
        moved = joints @ to_matrix(turn).T + rng.standard_normal(3)
        a, b = RotationSolver()(joints), RotationSolver()(moved)
        _same(multiply(turn, a[0]), b[0])
        _same(a[1:], b[1:])


def test_mirrored_pose_has_mirrored_rotations(some_pose) -> None:
    """Mirroring commutes with solving, and mirroring twice changes nothing."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        joints = joints_from_rotations(some_pose(rng), REST_JOINTS, rng.standard_normal(3))
        a = RotationSolver()(joints)
        _same(_mirror_rotations(a), RotationSolver()(_mirror_joints(joints)))
        np.testing.assert_array_equal(_mirror_rotations(_mirror_rotations(a)), a)


def _check_continuity(solved: np.ndarray, most_deg: float) -> None:
    np.testing.assert_allclose(np.linalg.norm(solved, axis=-1), 1, atol=1e-9)
    dot = np.einsum("tbi,tbi->tb", solved[1:], solved[:-1])
    assert np.degrees(2 * np.arccos(np.clip(dot, -1, 1))).max() < most_deg


def test_procedural_motion_is_continuous(walking) -> None:
    """Unit quaternions without sign flips, less than 8° a frame for a walk at 60 fps."""
    solver = RotationSolver()
    frames = np.arange(0, 4, 1 / 60)
    _check_continuity(
        np.stack([solver(joints_from_rotations(walking(t), REST_JOINTS, np.zeros(3))) for t in frames]), 8
    )


def test_arm_through_straight_does_not_twist() -> None:
    """An elbow that opens fully, wavers about straight and bends again turns less than 20° a frame."""
    solver, out = RotationSolver(), []
    rng = np.random.default_rng(4)
    for t in np.linspace(0, 2, 121):
        bend = 80 * abs(1 - t) ** 2
        joints = REST_JOINTS.copy()
        forearm = np.array([np.cos(np.radians(bend)), 0, np.sin(np.radians(bend))]) * 0.158
        joints[14] = joints[12] + forearm + 0.002 * rng.standard_normal(3)
        out.append(solver(joints))
    _check_continuity(np.stack(out), 20)


def test_corpus_motion_is_continuous_and_true(motion_dir) -> None:
    """On real motion nothing flips, and thighs, pelvis and head agree with the corpus' own rotations."""
    z, r = np.load(motion_dir / "cmu_test.npz"), np.load(motion_dir / "cmu_test_rotations.npz")
    segments = r["segments"].tolist()
    for i in (0, 9, 24, 40):
        rows = slice(z["start"][i], z["start"][i + 1])
        position = z["rel"][rows] * float(z["scale"]) @ OURS_FROM_CORPUS.T
        solver = RotationSolver()
        solved = np.stack([solver(p) for p in position[:, CORPUS_TO_SEALCAP26]])
        _check_continuity(solved, 60)
        truth = unit(r["quat_xyzw"][r["start"][i] : r["start"][i + 1]].astype(float))
        limits = (("Hips", "pelvis", 12), ("Head", "head", 1), ("LeftUpperLeg", "l_thigh", 12))
        for bone, segment, most in limits:
            A = OURS_FROM_CORPUS @ to_matrix(truth[:, segments.index(segment)]) @ OURS_FROM_CORPUS.T
            B = np.stack([to_matrix(_world(q)[BONES.index(bone)]) for q in solved])
            cosine = (np.einsum("tij,tij->t", A, B) - 1) / 2
            assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean() < most


def test_solving_is_fast(walking) -> None:
    """A frame's rotations take well under a millisecond; generous for slow test machines."""
    joints, solver = joints_from_rotations(walking(0.2), REST_JOINTS, np.zeros(3)), RotationSolver()
    best = min(_timed(solver, joints) for _ in range(50))
    assert best < 2e-3


def _timed(solver: RotationSolver, joints: np.ndarray) -> float:
    start = time.perf_counter()
    solver(joints)
    return time.perf_counter() - start


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_foot_follows_the_toe(side: str) -> None:
    """Lifting the toe turns the foot's nose up: a negative turn about the lateral axis."""
    joints = REST_JOINTS.copy()
    joints[SEALCAP26.index(side.lower() + "_toe"), 1] += 0.05
    foot = RotationSolver()(joints)[BONES.index(side + "Foot")]
    assert foot[0] < -0.05
    np.testing.assert_allclose(foot[1:3], 0, atol=1e-3)
