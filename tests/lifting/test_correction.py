"""The correction of a lifted pose by its rays: rigid bones, honest 2D, and no harm where nothing is known."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lifting.correction import PARTS, SteadyCorrection, correct, turn_parts
from lifting.skeleton import BODY21, SEALCAP26

Array = NDArray[np.float64]

IN_BODY21 = SEALCAP26.indices(*BODY21.joints)
EDGES = np.array(SEALCAP26.edges)
ROOT = np.array([0.3, -0.1, 3.0])


def standing() -> Array:
    """(26,3) camera axes: a person who faces the camera with bent arms, one foot forward."""
    place = {
        "pelvis": (0, 0, 0), "spine": (0, -0.15, 0), "chest": (0, -0.33, 0), "neck": (0, -0.5, 0),
        "head": (0, -0.62, 0), "nose": (0, -0.62, -0.11),
        "eye": (0.03, -0.66, -0.08), "ear": (0.07, -0.64, 0),
        "shoulder": (0.18, -0.45, 0), "elbow": (0.25, -0.2, 0.05), "wrist": (0.3, -0.1, -0.18),
        "hip": (0.1, 0, 0), "knee": (0.12, 0.42, -0.06), "ankle": (0.12, 0.84, 0.02),
        "heel": (0.12, 0.9, 0.06), "toe": (0.14, 0.9, -0.14),
    }  # fmt: skip
    pose = np.zeros((len(SEALCAP26), 3))
    for i, joint in enumerate(SEALCAP26.joints):
        side, _, part = joint.partition("_")
        pose[i] = np.array(place[part or joint]) * (-1 if side == "right" else 1, 1, 1)
    return pose


def rays_of(pose: Array, root: Array = ROOT) -> Array:
    """(21,2) where a perfect detector sees the pose."""
    points = pose[IN_BODY21] + root
    return points[:, :2] / points[:, 2:]


def bent(seed: int, degrees: float) -> Array:
    """The standing pose with every part turned at random by about so much."""
    turned = np.random.default_rng(seed).normal(size=(len(PARTS), 3))
    return turn_parts(standing(), np.radians(degrees) * turned)


def lengths(pose: Array) -> Array:
    return np.linalg.norm(pose[EDGES[:, 0]] - pose[EDGES[:, 1]], axis=1)


def mean_error(pose: Array, truth: Array) -> float:
    return float(np.linalg.norm(pose - truth, axis=1).mean())


def misfit(pose: Array, root: Array, rays: Array, weight: Array) -> float:
    """Robust reprojection error in metres at the joints, as the module defines it."""
    d = np.concatenate([rays, np.ones((21, 1))], axis=1)
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    points = pose[IN_BODY21] + root
    off = points - (points * d).sum(axis=1, keepdims=True) * d
    return float((weight**2 * np.log1p((off**2).sum(axis=1) / 0.08**2)).sum())


ONES = np.ones(21)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000), degrees=st.floats(0, 25), noise=st.floats(0, 0.1), strength=st.floats(0, 5)
)
def test_bones_keep_their_lengths_and_the_picture_never_fits_worse(
    seed: int, degrees: float, noise: float, strength: float
) -> None:
    """Whatever the pose, the noise and the strength: lengths to 1e-9, misfit not above that of the input."""
    rng = np.random.default_rng(seed)
    pose, rays = bent(seed, degrees), rays_of(standing()) + noise * rng.normal(size=(21, 2))
    confidence = rng.uniform(0.3, 1.0, 21)
    found = correct(pose, rays, confidence, strength=strength)
    np.testing.assert_allclose(lengths(found.joints_cam), lengths(pose), atol=1e-9)
    still = correct(pose, rays, confidence, strength=0.0)
    if found.root_cam is not None and still.root_cam is not None:
        before = misfit(pose, still.root_cam, rays, confidence)
        assert misfit(found.joints_cam, found.root_cam, rays, confidence) <= before + 1e-9


def test_a_pose_that_fits_stays_and_its_root_is_found() -> None:
    """With rays of the pose itself nothing turns; the root is where it was put."""
    found = correct(standing(), rays_of(standing()), ONES)
    np.testing.assert_allclose(found.joints_cam, standing(), atol=1e-9)
    assert found.root_cam is not None
    np.testing.assert_allclose(found.root_cam, ROOT, atol=1e-6)


@pytest.mark.parametrize("part", list(PARTS))
def test_a_part_turned_within_the_picture_is_turned_back(part: str) -> None:
    """A rotation about the viewing direction is seen in the picture: the error shrinks."""
    turned = np.zeros((len(PARTS), 3))
    viewing = ROOT / np.linalg.norm(ROOT)
    turned[list(PARTS).index(part)] = np.radians(12) * viewing
    pose = turn_parts(standing(), turned)
    found = correct(pose, rays_of(standing()), ONES, strength=2.0)
    assert mean_error(found.joints_cam, standing()) < 0.9 * mean_error(pose, standing())


def test_random_bends_get_smaller_on_average() -> None:
    """Over many bent poses the 3D error falls, and no part moves much along its ray."""
    pairs = [(bent(seed, 6), rays_of(standing())) for seed in range(40)]
    before = [mean_error(pose, standing()) for pose, _ in pairs]
    after = [mean_error(correct(pose, rays, ONES).joints_cam, standing()) for pose, rays in pairs]
    assert np.mean(after) < 0.9 * np.mean(before)


def test_turning_the_camera_turns_the_answer() -> None:
    """Pose and rays seen by a camera rotated about its centre: the same correction in its axes."""
    pose, rays = bent(3, 8), rays_of(standing())
    angle = np.radians([8.0, -12.0, 25.0])
    R = np.eye(3)
    for axis, a in enumerate(angle):
        i, j = (axis + 1) % 3, (axis + 2) % 3
        step = np.eye(3)
        step[[i, i, j, j], [i, j, i, j]] = np.cos(a), -np.sin(a), np.sin(a), np.cos(a)
        R = step @ R
    turned = np.concatenate([rays, np.ones((21, 1))], axis=1) @ R.T
    found = correct(pose, rays, ONES)
    other = correct(pose @ R.T, turned[:, :2] / turned[:, 2:], ONES)
    np.testing.assert_allclose(other.joints_cam, found.joints_cam @ R.T, atol=1e-8)
    assert found.root_cam is not None
    assert other.root_cam is not None
    np.testing.assert_allclose(other.root_cam, R @ found.root_cam, atol=1e-7)


def test_a_joint_nobody_saw_says_nothing_and_its_part_stays() -> None:
    """Unseen wrist: whatever its ray, NaN included, the answer is the same and the forearm is not turned."""
    pose, rays, confidence = bent(5, 6), rays_of(standing()), ONES.copy()
    wrist = BODY21.index("left_wrist")
    confidence[wrist] = 0.1
    answers = []
    for there in (rays[wrist], np.array([2.0, -2.0]), np.array([np.nan, 0.0])):
        rays[wrist] = there
        answers.append(correct(pose, rays, confidence))
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer.joints_cam, answers[0].joints_cam)
    assert not answers[0].turned[list(PARTS).index("left_forearm")].any()
    a, b = SEALCAP26.indices("left_elbow", "left_wrist")
    np.testing.assert_allclose(
        answers[0].joints_cam[b] - answers[0].joints_cam[a], pose[b] - pose[a], atol=1e-12
    )


def test_one_outlier_hardly_moves_anything() -> None:
    """A wrist half a metre off, with full confidence, moves the other joints by less than a centimetre."""
    rays = rays_of(standing())
    rays[BODY21.index("left_wrist")] += (0.15, 0.1)
    found = correct(standing(), rays, ONES)
    moved = np.linalg.norm(found.joints_cam - standing(), axis=1)
    moved[SEALCAP26.index("left_wrist")] = 0.0
    assert moved.max() < 0.01


def test_strength_goes_from_nothing_to_the_picture() -> None:
    """0 is the input, and more strength means a smaller misfit."""
    pose, rays = bent(9, 8), rays_of(standing())
    np.testing.assert_array_equal(correct(pose, rays, ONES, strength=0.0).joints_cam, pose)
    misfits = []
    for strength in (0.2, 1.0, 4.0):
        found = correct(pose, rays, ONES, strength=strength)
        assert found.root_cam is not None
        misfits.append(misfit(found.joints_cam, found.root_cam, rays, ONES))
    assert misfits == sorted(misfits, reverse=True)


def _few(rays: Array, confidence: Array, pose: Array) -> None:
    confidence[5:] = 0.0


def _one_ray(rays: Array, confidence: Array, pose: Array) -> None:
    rays[:] = 0.1


def _nan_pose(rays: Array, confidence: Array, pose: Array) -> None:
    pose[7, 1] = np.nan


def _nan_confidence(rays: Array, confidence: Array, pose: Array) -> None:
    confidence[:] = np.nan


def _infinite_rays(rays: Array, confidence: Array, pose: Array) -> None:
    rays[:] = np.inf


def _mirrored(rays: Array, confidence: Array, pose: Array) -> None:
    rays *= -1


def _point(rays: Array, confidence: Array, pose: Array) -> None:
    pose[:] = 0.0


@pytest.mark.parametrize(
    "damage", [_few, _one_ray, _nan_pose, _nan_confidence, _infinite_rays, _mirrored, _point]
)
def test_degenerate_input_comes_back_as_it_was(damage: object) -> None:
    """Too few joints, all rays one, numbers that are none, a figure behind the camera or in one point."""
    rays, confidence, pose = rays_of(standing()), ONES.copy(), standing()
    damage(rays, confidence, pose)  # type: ignore[operator]
    found = correct(pose, rays, confidence)
    assert found.root_cam is None
    np.testing.assert_array_equal(found.joints_cam, pose)
    assert found.joints_cam is not pose


def test_wrong_shapes_are_refused() -> None:
    """The message names what was expected."""
    with pytest.raises(ValueError, match="shapes"):
        correct(standing()[:17], rays_of(standing()), ONES)


def test_the_same_input_gives_the_same_bits_and_stays_untouched() -> None:
    """No state, no randomness, no writing into the caller's arrays."""
    pose, rays = bent(2, 8), rays_of(standing())
    copies = pose.copy(), rays.copy()
    first, second = correct(pose, rays, ONES), correct(pose, rays, ONES)
    np.testing.assert_array_equal(first.joints_cam, second.joints_cam)
    np.testing.assert_array_equal(pose, copies[0])
    np.testing.assert_array_equal(rays, copies[1])


def test_the_steady_form_begins_at_once_and_converges() -> None:
    """The first frame gets the whole correction; with steady input it stays; bones keep their lengths."""
    pose, rays, steady = bent(4, 8), rays_of(standing()), SteadyCorrection()
    whole = correct(pose, rays, ONES).joints_cam
    for _ in range(3):
        found = steady.update(pose, rays, ONES, 1 / 30)
        np.testing.assert_allclose(found, whole, atol=1e-12)
    np.testing.assert_allclose(lengths(found), lengths(pose), atol=1e-9)


def test_the_steady_form_keeps_jitter_out() -> None:
    """With white noise on the rays the corrected pose shakes less than half as much as frame by frame."""
    rng, pose = np.random.default_rng(1), bent(4, 8)
    steady, frames = SteadyCorrection(), []
    for _ in range(80):
        rays = rays_of(standing()) + 0.005 * rng.normal(size=(21, 2))
        frames.append((correct(pose, rays, ONES).joints_cam, steady.update(pose, rays, ONES, 1 / 60)))
    single, steadied = (np.diff(np.stack(x), axis=0).std() for x in zip(*frames, strict=True))
    assert steadied < 0.5 * single


def test_the_steady_form_lets_go_when_nobody_is_seen() -> None:
    """Without observations the correction fades away; after a reset it begins anew; NaN does not stay."""
    pose, rays, steady = bent(4, 8), rays_of(standing()), SteadyCorrection()
    steady.update(pose, rays, ONES, 1 / 30)
    assert np.isnan(steady.update(np.full((26, 3), np.nan), rays, ONES, 1 / 30)).all()
    for _ in range(40):
        found = steady.update(pose, rays, 0 * ONES, 1 / 30)
    np.testing.assert_allclose(found, pose, atol=1e-5)
    steady.reset()
    np.testing.assert_array_equal(
        steady.update(pose, rays, ONES, 0.0), turn_parts(pose, correct(pose, rays, ONES).turned)
    )


@pytest.mark.parametrize("wrong", [{"strength": -1.0}, {"memory_s": -0.1}])
def test_negative_settings_are_refused(wrong: dict[str, float]) -> None:
    """Neither makes sense below zero."""
    with pytest.raises(ValueError, match="negative"):
        SteadyCorrection(**wrong)


def test_a_frame_takes_well_under_a_millisecond() -> None:
    """The best of several runs; 0.3 ms here, 2 ms leaves room for a busy machine."""
    pose, rays, steady = bent(4, 8), rays_of(standing()), SteadyCorrection()
    times = []
    for _ in range(30):
        begin = time.perf_counter()
        steady.update(pose, rays, ONES, 1 / 30)
        times.append(time.perf_counter() - begin)
    assert min(times) < 2e-3
