"""Measures of a figure's build against their laws and against plain loops."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifting.skeleton import BODY21, H36M17, SEALCAP26, Skeleton
from training import structure_metrics as structure

both = pytest.mark.parametrize("skeleton", [SEALCAP26, H36M17], ids=lambda s: s.name)
few = settings(max_examples=15, deadline=None)
ALONE: dict[str, Callable[..., float]] = {
    "lse": structure.limb_symmetry_error,
    "mpsse": structure.mpsse,
    "mpsce": structure.mpsce,
    "variation": structure.bone_variation,
}
PAIRED: dict[str, Callable[..., float]] = {
    "bsle": structure.body_segment_length_error,
    "lle": structure.limb_length_error,
    "angle": structure.bone_direction_error_deg,
}


def poses(skeleton: Skeleton, seed: int, count: int = 4) -> np.ndarray:
    """Random poses."""
    return np.random.default_rng(seed).normal(size=(count, len(skeleton), 3))


def mirrored_half(skeleton: Skeleton, seed: int) -> np.ndarray:
    """Poses that are their own mirror image."""
    joints = poses(skeleton, seed)
    return (joints + joints[:, skeleton.mirrored] * [-1, 1, 1]) / 2


def rotation(seed: int) -> np.ndarray:
    """A random proper rotation."""
    Q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return Q * np.linalg.det(Q)


def length(pose: np.ndarray, skeleton: Skeleton, a: str, b: str) -> float:
    return float(np.linalg.norm(pose[skeleton.index(a)] - pose[skeleton.index(b)]))


def body_bones(skeleton: Skeleton) -> list[tuple[str, str]]:
    """(parent, child) of every link outside the face, written out by name."""
    face = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
    names = [(skeleton.joints[p], skeleton.joints[c]) for p, c in skeleton.edges]
    return [(p, c) for p, c in names if c not in face]


@both
@given(st.integers(0, 999), st.floats(0.1, 10))
@few
def test_symmetry_laws(skeleton: Skeleton, seed: int, scale: float) -> None:
    """LSE is 0 for a mirrored pose; scale, rigid motion and exchanging the sides do not change it."""
    for of in ("segments", "limbs"):
        even = mirrored_half(skeleton, seed)
        assert structure.limb_symmetry_error(even @ rotation(seed) + 1, skeleton, of) < 1e-12
        pose = poses(skeleton, seed)
        lse = structure.limb_symmetry_error(pose, skeleton, of)
        moved = scale * pose @ rotation(seed) + [1, -2, 3]
        assert structure.limb_symmetry_error(moved, skeleton, of) == pytest.approx(lse)
        swapped = pose[:, skeleton.mirrored] * [-1, 1, 1]
        assert structure.limb_symmetry_error(swapped, skeleton, of) == pytest.approx(lse)
        assert 0 < lse < 1
    assert structure.mpsse(scale * pose, skeleton) == pytest.approx(scale * structure.mpsse(pose, skeleton))


@both
def test_symmetry_equals_plain_loops(skeleton: Skeleton) -> None:
    """LSE with the sum in the denominator, and MPSSE, over every left bone by name; limbs as sums of two."""
    p = poses(skeleton, 1)
    relative, absolute, limbs = [], [], []
    for pose in p:
        for a, b in body_bones(skeleton):
            if b.startswith("left_"):
                right = [x.replace("left_", "right_") for x in (a, b)]
                left_m, right_m = length(pose, skeleton, a, b), length(pose, skeleton, *right)
                relative.append(abs(left_m - right_m) / (left_m + right_m))
                absolute.append(abs(left_m - right_m))
        for chain in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")):
            sides = [
                sum(length(pose, skeleton, f"{s}_{a}", f"{s}_{b}") for a, b in itertools.pairwise(chain))
                for s in ("left", "right")
            ]
            limbs.append(abs(sides[0] - sides[1]) / sum(sides))
    assert structure.limb_symmetry_error(p, skeleton) == pytest.approx(np.mean(relative))
    assert structure.mpsse(p, skeleton) == pytest.approx(np.mean(absolute))
    assert structure.limb_symmetry_error(p, skeleton, "limbs") == pytest.approx(np.mean(limbs))


@both
def test_denominator_is_the_sum(skeleton: Skeleton) -> None:
    """A forearm three times as long as its twin counts 1/2, shared by all mirrored bones."""
    pose = mirrored_half(skeleton, 2)[:1]
    elbow, wrist = skeleton.indices("left_elbow", "left_wrist")
    pose[0, wrist] = pose[0, elbow] + 3 * (pose[0, wrist] - pose[0, elbow])
    pairs = {"sealcap26": 8, "h36m17": 6}[skeleton.name]
    assert structure.limb_symmetry_error(pose, skeleton) == pytest.approx(0.5 / pairs)


@both
@given(st.integers(0, 999), st.floats(0.5, 2))
@few
def test_lengths_of_scaled_poses(skeleton: Skeleton, seed: int, scale: float) -> None:
    """BSLE and LLE of a pose 10 % too large, turned and moved, are 10 %; directions survive any scale."""
    truth = poses(skeleton, seed)
    larger = 1.1 * truth @ rotation(seed) + 3
    assert structure.body_segment_length_error(larger, truth, skeleton) == pytest.approx(0.1)
    assert structure.limb_length_error(larger, truth, skeleton) == pytest.approx(0.1)
    assert structure.bone_direction_error_deg(scale * truth + 1, truth, skeleton) == pytest.approx(
        0, abs=1e-5
    )


@both
def test_lengths_and_angles_equal_plain_loops(skeleton: Skeleton) -> None:
    """BSLE is the plain mean over bones, each once; LLE over four limbs; angles by arccos."""
    p, t = poses(skeleton, 3), poses(skeleton, 4)
    bsle, lle, angle = [], [], []
    for a, b in zip(p, t, strict=True):
        for parent, child in body_bones(skeleton):
            true_m = length(b, skeleton, parent, child)
            bsle.append(abs(length(a, skeleton, parent, child) - true_m) / true_m)
            i, j = skeleton.indices(parent, child)
            u, v = a[j] - a[i], b[j] - b[i]
            angle.append(np.degrees(np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v))))
        for side, chain in itertools.product(
            ("left", "right"), (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
        ):
            parts = [(f"{side}_{x}", f"{side}_{y}") for x, y in itertools.pairwise(chain)]
            sums = [sum(length(pose, skeleton, *part) for part in parts) for pose in (a, b)]
            lle.append(abs(sums[0] - sums[1]) / sums[1])
    assert structure.body_segment_length_error(p, t, skeleton) == pytest.approx(np.mean(bsle))
    assert structure.limb_length_error(p, t, skeleton) == pytest.approx(np.mean(lle))
    assert structure.bone_direction_error_deg(p, t, skeleton) == pytest.approx(np.mean(angle))


@both
def test_consistency_in_time(skeleton: Skeleton) -> None:
    """A rigid, turning figure has no variation; one breathing between 0.9 and 1.1 of its size has 10 %."""
    pose = poses(skeleton, 5, 1)[0]
    turning = np.stack([pose @ rotation(i) for i in range(12)])
    assert structure.mpsce(turning, skeleton) == pytest.approx(0, abs=1e-12)
    assert structure.bone_variation(turning, skeleton) == pytest.approx(0, abs=1e-12)
    breathing = turning * np.where(np.arange(12) % 2, 1.1, 0.9)[:, None, None]
    mean_m = np.mean([length(pose, skeleton, a, b) for a, b in body_bones(skeleton)])
    assert structure.mpsce(breathing, skeleton) == pytest.approx(0.1 * mean_m)
    assert structure.bone_variation(breathing, skeleton) == pytest.approx(0.1)


def test_a_collapsed_prediction_has_a_score() -> None:
    """A network that answers one point is symmetric, 100 % too short, and points nowhere: 90°."""
    point, truth = np.zeros((2, 17, 3)), poses(H36M17, 6, 2)
    assert structure.limb_symmetry_error(point, H36M17) == 0
    assert structure.bone_variation(point, H36M17) == 0
    assert structure.body_segment_length_error(point, truth, H36M17) == 1
    assert structure.bone_direction_error_deg(point, truth, H36M17) == 90
    for name in PAIRED:
        with pytest.raises(ValueError, match=r"the truth has .* in one place"):
            PAIRED[name](truth, point, H36M17)


@pytest.mark.parametrize("name", [*ALONE, *PAIRED])
def test_bad_input_is_refused(name: str) -> None:
    """Wrong joints, no poses, NaN and skeletons without bones are errors that say so."""

    def call(joints: np.ndarray, skeleton: Skeleton = H36M17) -> float:
        return ALONE[name](joints, skeleton) if name in ALONE else PAIRED[name](joints, joints, skeleton)

    with pytest.raises(ValueError, match=r"poses of h36m17 must be \(N,17,3\), got \(4, 26, 3\)"):
        call(poses(SEALCAP26, 1))
    with pytest.raises(ValueError, match=r"got \(0, 17, 3\)"):
        call(poses(H36M17, 1, 0))
    broken = poses(H36M17, 1)
    broken[0, 0, 0] = np.inf
    with pytest.raises(ValueError, match="not finite"):
        call(broken)
    if name != "lle":  # limbs need names only
        with pytest.raises(ValueError, match="body21 has no bones"):
            call(poses(BODY21, 1), BODY21)


def test_symmetry_of_something_else() -> None:
    """Only segments and limbs can be compared."""
    with pytest.raises(ValueError, match="not of 'feet'"):
        structure.limb_symmetry_error(poses(H36M17, 1), H36M17, "feet")  # type: ignore[arg-type]
