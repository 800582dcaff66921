"""Laws of rotations from positions: they rebuild the pose, move with the body, mirror, and never jump."""

import time
from dataclasses import dataclass

import numpy as np
import pytest

from lifting.skeleton import BONES, SEALCAP26
from realtime.solve.forward import joints_from_rotations, measure_rest, world_rotations
from realtime.solve.quaternions import IDENTITY, from_matrix, multiply, to_matrix, unit
from realtime.solve.rest import PARENTS, REST_JOINTS
from realtime.solve.rotations import RotationSolver, Solved

from .conftest import turn

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
        world, out = world_rotations(q), world_rotations(RotationSolver()(joints))
        np.testing.assert_allclose(to_matrix(out[bones]), to_matrix(world[bones]), atol=1e-6)


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


@pytest.mark.parametrize(("middle", "end", "forward", "bone"), [
    ("left_knee", "left_ankle", (0, 0, 1), "LeftUpperLeg"),
    ("left_elbow", "left_wrist", (0, 0, -1), "LeftUpperArm"),
])  # fmt: skip
def test_a_limb_bent_the_wrong_way_is_straightened_not_turned_round(
    middle: str, end: str, forward: tuple, bone: str
) -> None:
    """From bent through straight to 60° too far: the upper part never turns about itself, the joint stops."""
    j, k = SEALCAP26.index(middle), SEALCAP26.index(end)
    along = REST_JOINTS[k] - REST_JOINTS[j]
    solver, solved = RotationSolver(), None
    for degrees in np.linspace(-60, 60, 81):
        joints = REST_JOINTS.copy()
        side = np.array(forward) * np.linalg.norm(along)
        joints[k] = joints[j] + np.cos(np.radians(degrees)) * along + np.sin(np.radians(degrees)) * side
        if "knee" in middle:
            joints[SEALCAP26.indices("left_heel", "left_toe")] += joints[k] - REST_JOINTS[k]
        solved = solver.solve(joints)
        assert abs(solved.local[BONES.index(bone), 3]) > 0.98
    sent = solved.joints_world[k] - solved.joints_world[j]
    assert np.degrees(np.arccos(unit(sent) @ unit(along))) < 6


def test_what_is_sent_agrees(some_pose) -> None:
    """Whatever goes in, rotations and joints that come out describe one body, which is near what came in."""
    rng, solver = np.random.default_rng(7), RotationSolver()
    moved = []
    for i in range(60):
        joints = 1.7 * joints_from_rotations(some_pose(rng), REST_JOINTS, rng.standard_normal(3))
        joints += rng.normal(0, 0.01 * (i % 4), joints.shape)
        lengths = np.linalg.norm(1.7 * (REST_JOINTS - REST_JOINTS[PARENTS]), axis=1)
        solved = solver.solve(joints, lengths, i * 33_000_000)
        rest = measure_rest(solved.local, solved.joints_world)
        again = joints_from_rotations(solved.local, rest, solved.joints_world[0])
        np.testing.assert_allclose(again, solved.joints_world, atol=1e-9)
        np.testing.assert_allclose(np.linalg.norm(rest - rest[PARENTS], axis=1), lengths, atol=1e-9)
        np.testing.assert_allclose(
            unit(rest - rest[PARENTS])[:22], unit(REST_JOINTS - REST_JOINTS[PARENTS])[:22], atol=1e-9
        )
        moved.append(np.linalg.norm(solved.joints_world - joints, axis=1))
    assert np.median(moved) < 0.02


@pytest.mark.parametrize("broken", [
    "equal", "nan", "no hips", "nan hip", "nan arm", "inf", "flat", "hips in one place", "ears in one place",
])  # fmt: skip
@pytest.mark.parametrize("warm", [False, True])
def test_degenerate_input_gives_finite_unit_rotations(walking, broken: str, warm: bool) -> None:
    """Broken figures, first or later, give finite joints and unit rotations; the next whole one is whole."""
    good = 1.7 * joints_from_rotations(walking(0.3), REST_JOINTS, np.zeros(3))
    joints = good.copy()
    hips, arm = SEALCAP26.indices("left_hip", "right_hip"), SEALCAP26.indices("left_elbow", "left_wrist")
    ears = SEALCAP26.indices("left_ear", "right_ear", "nose", "left_eye", "right_eye", "head")
    changes = {
        "equal": (slice(None), 1.0), "nan": (slice(None), np.nan), "no hips": ([0, *hips], np.nan),
        "nan hip": (hips[0], np.nan), "nan arm": (arm, np.nan), "inf": (3, np.inf),
        "flat": ((slice(None), 2), 0.0), "hips in one place": (hips, joints[0] + 0.05),
        "ears in one place": (ears, joints[ears[0]]),
    }  # fmt: skip
    rows, value = changes[broken]
    joints[rows] = value
    solver = RotationSolver()
    if warm:
        solver.solve(good)
    for _ in range(3):
        solved = solver.solve(joints)
        assert np.isfinite(solved.joints_world).all()
        np.testing.assert_allclose(np.linalg.norm(solved.local, axis=1), 1, atol=1e-9)
    np.testing.assert_allclose(solver.solve(good).joints_world, good, atol=0.02)


def test_signs_go_on_after_a_cut(some_pose) -> None:
    """A reset forgets the motion, but no quaternion changes to the other of its two signs by it."""
    rng, solver, before = np.random.default_rng(8), RotationSolver(), None
    for _ in range(30):
        q = solver(joints_from_rotations(some_pose(rng), REST_JOINTS, np.zeros(3)))
        assert before is None or (np.einsum("bi,bi->b", q, before) >= 0).all()
        before = q
        solver.reset()


def test_hands_and_toes_are_neutral(some_pose) -> None:
    """Nothing is seen of them, so they follow forearm and foot."""
    q = RotationSolver()(joints_from_rotations(some_pose(np.random.default_rng(5)), REST_JOINTS, np.zeros(3)))
    ends = [i for i, bone in enumerate(BONES.joints) if bone.endswith(("Hand", "Toes"))]
    np.testing.assert_allclose(np.abs(q[ends, 3]), 1, atol=1e-12)


@dataclass
class Clip:
    """Real motion, and what became of it."""

    joints: np.ndarray
    """(T,26,3)"""
    truth: dict[str, np.ndarray]
    """(T,3,3) world rotations by the corpus' segment names."""
    solved: list[Solved]


@pytest.fixture(scope="module")
def clips(motion_dir) -> list[Clip]:
    """Four clips of the CMU corpus, solved."""
    z, r = np.load(motion_dir / "cmu_test.npz"), np.load(motion_dir / "cmu_test_rotations.npz")
    out = []
    for i in (0, 9, 24, 40):
        rows = slice(z["start"][i], z["start"][i + 1])
        joints = (z["rel"][rows] * float(z["scale"]) @ OURS_FROM_CORPUS.T)[:, CORPUS_TO_SEALCAP26]
        turns = to_matrix(unit(r["quat_xyzw"][r["start"][i] : r["start"][i + 1]].astype(float)))
        turns = OURS_FROM_CORPUS @ turns @ OURS_FROM_CORPUS.T
        lengths = np.median(np.linalg.norm(joints - joints[:, PARENTS], axis=-1), axis=0)
        solver = RotationSolver()
        solved = [solver.solve(p, lengths, t * 33_333_333) for t, p in enumerate(joints)]
        out.append(Clip(joints, dict(zip(r["segments"].tolist(), turns.swapaxes(0, 1), strict=True)), solved))
    return out


def test_corpus_motion_is_continuous_and_rebuilt(clips) -> None:
    """FK∘IK on real motion: nothing flips, what is sent agrees, and most joints move by millimetres."""
    for clip in clips:
        _check_continuity(np.stack([s.local for s in clip.solved]), 60)
        rest = measure_rest(*clip.solved[-1])
        for s in clip.solved[len(clip.solved) // 2 :: 7]:
            again = joints_from_rotations(s.local, rest, s.joints_world[0])
            np.testing.assert_allclose(again, s.joints_world, atol=0.005)
        moved = np.linalg.norm(np.stack([s.joints_world for s in clip.solved]) - clip.joints, axis=-1)
        assert moved.mean() < 0.005
        assert np.percentile(moved, 95) < 0.02


@pytest.mark.parametrize(("bone", "segment", "axis", "swing_deg", "twist_deg"), [
    ("Hips", "pelvis", (0, 1, 0), 8, 1), ("Spine", "spine", (0, 1, 0), 10, 3),
    ("Chest", "chest", (0, 1, 0), 8, 3),
    ("Head", "head", (0, 1, 0), 1, 1), ("LeftShoulder", "l_clavicle", (1, 0, 0), 8, 5),
    ("LeftUpperArm", "l_upperarm", (1, 0, 0), 1, 5), ("RightUpperArm", "r_upperarm", (1, 0, 0), 1, 5),
    ("LeftLowerArm", "l_forearm", (1, 0, 0), 1, 5), ("LeftUpperLeg", "l_thigh", (0, 1, 0), 1, 5),
    ("RightLowerLeg", "r_shank", (0, 1, 0), 1, 5), ("LeftFoot", "l_foot", (0, 0, 1), 8, 5),
])  # fmt: skip
def test_rotations_agree_with_those_measured(
    clips, bone: str, segment: str, axis: tuple, swing_deg: float, twist_deg: float
) -> None:
    """Median swing and twist error on real motion with perfect joints.

    The corpus' elbows bend about an axis that its T-pose tilts by 30°; that constant is taken out.
    """
    tilt = to_matrix(turn((1, 0, 0), -30.0)) if "Arm" in bone else np.eye(3)
    errors = []
    for clip in clips:
        ours = np.stack([to_matrix(world_rotations(s.local)[BONES.index(bone)]) for s in clip.solved])
        errors.append(np.swapaxes(clip.truth[segment] @ tilt, 1, 2) @ ours)
    q = from_matrix(np.concatenate(errors))
    along = q[:, :3] @ np.array(axis)
    swing = 2 * np.arccos(np.minimum(np.hypot(along, q[:, 3]), 1))
    twist = 2 * np.arctan2(np.abs(along), np.abs(q[:, 3]))
    assert np.degrees(np.median(swing)) < swing_deg
    assert np.degrees(np.median(twist)) < twist_deg


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
