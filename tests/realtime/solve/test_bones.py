"""Bone lengths: constant, symmetric, directions kept."""

import numpy as np
import pytest

from lifting.skeleton import SEALCAP26
from realtime.solve.bones import BoneLengths
from realtime.solve.quaternions import unit
from realtime.solve.rest import PARENTS, REST_JOINTS, REST_LENGTHS, rest_joints, stature_from_lengths

SEEN = np.ones(len(SEALCAP26))
LEGS = ("knee", "ankle", "heel", "toe")
_LIMBS = SEALCAP26.indices("left_elbow", "left_wrist", "left_knee", "left_ankle")


def _noisy(rng: np.random.Generator, sigma: float = 0.02) -> np.ndarray:
    joints = 1.8 * REST_JOINTS + sigma * rng.standard_normal(REST_JOINTS.shape)
    return joints - joints[0]


def test_directions_are_kept_and_sides_equal() -> None:
    """Applying lengths changes no direction, moves no pelvis and makes left equal to right."""
    rng = np.random.default_rng(0)
    bones = BoneLengths()
    for _ in range(30):
        bones.learn(_noisy(rng), SEEN, 1 / 30)
    pose = _noisy(rng) + np.array([1, 2, 3])
    out = bones.apply(pose)
    before, after = pose - pose[PARENTS], out - out[PARENTS]
    np.testing.assert_allclose(unit(after)[1:], unit(before)[1:], atol=1e-9)
    np.testing.assert_array_equal(out[0], pose[0])
    lengths = np.linalg.norm(after, axis=1)
    np.testing.assert_allclose(lengths, lengths[SEALCAP26.mirrored], atol=1e-12)


def test_lengths_converge_and_freeze() -> None:
    """From noisy figures the true lengths come within 3 %, and later frames hardly move them."""
    rng = np.random.default_rng(1)
    bones = BoneLengths()
    for _ in range(600):
        bones.learn(_noisy(rng), SEEN, 1 / 30)
    first = bones.lengths_m
    np.testing.assert_allclose(first[1:], 1.8 * REST_LENGTHS[1:], rtol=0.03, atol=0.008)
    for _ in range(30):
        bones.learn(_noisy(rng), SEEN, 1 / 30)
    np.testing.assert_allclose(bones.lengths_m[1:], first[1:], rtol=0.005)


def test_lengths_are_constant_once_frozen() -> None:
    """After the time to learn, lengths do not change at all, whatever comes."""
    rng = np.random.default_rng(2)
    bones = BoneLengths()
    for _ in range(600):
        bones.learn(_noisy(rng), SEEN, 1 / 30)
    before = bones.lengths_m
    for _ in range(100):
        bones.learn(1.2 * _noisy(rng), SEEN, 1 / 30)
    np.testing.assert_array_equal(bones.lengths_m, before)


@pytest.mark.parametrize("fps", [6, 30, 60])
def test_lengths_vary_little_from_the_start(fps: int) -> None:
    """Over the first four seconds of a short, broad person lengths vary by less than 1 %."""
    rng = np.random.default_rng(3)
    build = 1.5 * REST_JOINTS * (1.05, 1.0, 1.05)
    bones, seen = BoneLengths(), []
    for _ in range(4 * fps):
        bones.learn(build + 0.008 * rng.standard_normal(build.shape), SEEN, 1 / fps)
        seen.append(bones.lengths_m[_LIMBS])
    variation = np.std(seen, axis=0) / np.mean(seen, axis=0)
    assert variation.mean() < 0.01


def test_unseen_links_teach_nothing() -> None:
    """Legs nobody sees keep average proportions however they are lifted, and are learned when they appear."""
    bones, legs = BoneLengths(), SEALCAP26.indices("left_knee", "left_ankle")
    hidden, odd = SEEN.copy(), 1.7 * REST_JOINTS
    below = [i for i, name in enumerate(SEALCAP26.joints) if name.split("_")[-1] in LEGS]
    hidden[below], odd[below, 1] = 0.1, odd[below, 1] * 0.5
    for _ in range(300):
        bones.learn(odd, hidden, 1 / 30)
    np.testing.assert_allclose(bones.lengths_m[legs], 1.7 * REST_LENGTHS[legs], rtol=0.01)
    for _ in range(30):
        bones.learn(1.7 * REST_JOINTS * (1, 1.1, 1), SEEN, 1 / 30)
    assert (bones.lengths_m[legs] > 1.02 * 1.7 * REST_LENGTHS[legs]).all()


def test_outliers_are_clipped() -> None:
    """One frame with arms of ten metres changes no length by more than one percent."""
    bones = BoneLengths()
    pose = 1.7 * REST_JOINTS
    for _ in range(60):
        bones.learn(pose, SEEN, 1 / 30)
    before, wild = bones.lengths_m, pose.copy()
    wild[SEALCAP26.index("left_wrist")] += 10
    bones.learn(wild, SEEN, 1 / 30)
    np.testing.assert_allclose(bones.lengths_m[1:], before[1:], rtol=0.01)


def test_given_height_is_the_stature() -> None:
    """With a height given the lengths give exactly that stature, whatever was seen."""
    bones = BoneLengths(1.60)
    bones.learn(1.9 * REST_JOINTS, SEEN, 1 / 30)
    assert bones.stature_m == 1.60
    assert stature_from_lengths(bones.lengths_m) == pytest.approx(1.60)


def test_stature_of_the_rest_pose() -> None:
    """The documented formula gives 1 for the rest pose of stature 1, to 1 %."""
    assert stature_from_lengths(REST_LENGTHS) == pytest.approx(1.0, abs=0.01)


def test_rest_joints_stand_on_the_floor() -> None:
    """A person's rest pose has their lengths and its soles at the floor."""
    lengths = 1.7 * REST_LENGTHS
    rest = rest_joints(lengths)
    np.testing.assert_allclose(rest, 1.7 * REST_JOINTS, atol=0.005)
    assert 0.0 <= rest[:, 1].min() < 0.03


def test_fit_has_the_lengths_and_stays_near() -> None:
    """fit gives the exact lengths, leaves a right pose alone, and keeps wrists nearer than apply does."""
    rng = np.random.default_rng(5)
    bones = BoneLengths()
    for _ in range(60):
        bones.learn(1.7 * REST_JOINTS, SEEN, 1 / 30)
    right = bones.apply(_noisy(rng, 0.1))
    np.testing.assert_allclose(bones.fit(right), right, atol=1e-9)
    wrists = SEALCAP26.indices("left_wrist", "right_wrist")
    errors = []
    for _ in range(40):
        pose = _noisy(rng, 0.03)
        fitted, applied = bones.fit(pose), bones.apply(pose)
        np.testing.assert_allclose(
            np.linalg.norm(fitted - fitted[PARENTS], axis=1), bones.lengths_m, atol=1e-9
        )
        errors.append([np.linalg.norm((x - pose)[wrists], axis=1).mean() for x in (fitted, applied)])
    assert np.mean(errors, axis=0)[0] < 0.8 * np.mean(errors, axis=0)[1]


def test_fit_obeys_a_given_height() -> None:
    """A figure of 1.9 m fitted to 1.6 m is the same pose, smaller."""
    bones = BoneLengths(1.6)
    for _ in range(300):
        bones.learn(1.9 * REST_JOINTS, SEEN, 1 / 30)
    pose = 1.9 * (REST_JOINTS - REST_JOINTS[0])
    np.testing.assert_allclose(bones.fit(pose), pose * 1.6 / 1.9, atol=0.02)


def test_collapsed_links_stay_finite() -> None:
    """Two joints in one place get the rest pose's direction instead of NaN."""
    bones = BoneLengths()
    bones.learn(1.7 * REST_JOINTS, SEEN, 1 / 30)
    pose = 1.7 * REST_JOINTS
    pose[SEALCAP26.index("left_wrist")] = pose[SEALCAP26.index("left_elbow")]
    assert np.isfinite(bones.apply(pose)).all()


def test_unknown_lengths_are_refused() -> None:
    """Lengths cannot be read before a figure was seen."""
    with pytest.raises(RuntimeError, match="learn"):
        _ = BoneLengths().lengths_m


def test_corpus_statures_follow_the_formula(motion_dir) -> None:
    """Over real bodies the formula misses the stature by less than 2 %."""
    z = np.load(motion_dir / "cmu_test.npz")
    names = z["joints"].tolist()
    position = z["rel"].astype(float) * float(z["scale"])
    links = {"left_knee": ("l_hip", "l_knee"), "right_knee": ("r_hip", "r_knee"),
             "left_ankle": ("l_knee", "l_ankle"), "right_ankle": ("r_knee", "r_ankle"),
             "spine": ("pelvis", "spine"), "chest": ("spine", "chest"), "neck": ("chest", "neck"),
             "head": ("neck", "head")}  # fmt: skip
    for i in range(0, len(z["stature"]), 5):
        clip = position[z["start"][i] : z["start"][i + 1]]
        lengths = np.zeros(len(SEALCAP26))
        for joint, (a, b) in links.items():
            link = clip[:, names.index(b)] - clip[:, names.index(a)]
            lengths[SEALCAP26.index(joint)] = np.median(np.linalg.norm(link, axis=-1))
        assert stature_from_lengths(lengths) == pytest.approx(float(z["stature"][i]), rel=0.02)
