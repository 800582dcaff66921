"""Measures of a figure's build: symmetry, lengths and directions of bones. Poses are (N,J,3) metres.

Which bones, pairs and limbs there are follows from the skeleton's names (`training.segments`); the face is
left out. Shares are 0..1; the papers print them in percent. LSE, BSLE and LLE are SEAL-pose's (Kim et al.,
arXiv 2602.20051), MPSSE and MPSCE ManiPose's (Rommel et al., NeurIPS 2024). Those of the prediction alone
need no truth and work on any video.

All raise ValueError when shapes are not (N,J,3) with the skeleton's joints, when there is no pose, when a
coordinate is not finite, and where a bone of the truth has no length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from lifting.skeleton import Skeleton
from training.metrics import Floats, pair_of_poses
from training.segments import Chain, bones, limbs, mirrored_bones, mirrored_limbs

SHORTEST_M = 1e-6


def limb_symmetry_error(
    joints: ArrayLike, skeleton: Skeleton, of: Literal["segments", "limbs"] = "segments"
) -> float:
    """LSE: mean |l_left − l_right| / (l_left + l_right) over poses and mirrored pairs.

    The denominator is the sum, as in the authors' code; with the mean the number would be twice as large.
    `of="limbs"` compares whole arms and legs instead of single bones. Where the root is the middle of the
    hips, the pair pelvis-hip is equal by construction and adds zero to the mean.
    """
    left, right = _side_lengths(joints, skeleton, of)
    return float((np.abs(left - right) / np.maximum(left + right, SHORTEST_M)).mean())


def body_segment_length_error(predicted: ArrayLike, truth: ArrayLike, skeleton: Skeleton) -> float:
    """BSLE: mean |l̂ − l| / l over poses and bones, each bone once.

    The authors' code adds up neighbouring pairs of bones, which counts some bones several times.
    """
    return _length_error(predicted, truth, [(bone,) for bone in bones(skeleton)], skeleton)


def limb_length_error(predicted: ArrayLike, truth: ArrayLike, skeleton: Skeleton) -> float:
    """LLE: BSLE of whole arms and legs. The paper's definition is not public; this is our reading of it."""
    return _length_error(predicted, truth, limbs(skeleton), skeleton)


def mpsse(joints: ArrayLike, skeleton: Skeleton) -> float:
    """Mean per-segment symmetry error: mean |l_left − l_right| over poses and mirrored bones, metres."""
    left, right = _side_lengths(joints, skeleton, "segments")
    return float(np.abs(left - right).mean())


def mpsce(sequence: ArrayLike, skeleton: Skeleton) -> float:
    """Mean per-segment consistency error: standard deviation of a bone's length along a sequence, averaged
    over bones, metres; 0 for real people."""
    return float(_bone_lengths(sequence, skeleton).std(axis=0).mean())


def bone_variation(sequence: ArrayLike, skeleton: Skeleton) -> float:
    """The same relative to each bone's mean length."""
    length = _bone_lengths(sequence, skeleton)
    return float((length.std(axis=0) / np.maximum(length.mean(axis=0), SHORTEST_M)).mean())


def bone_direction_error_deg(predicted: ArrayLike, truth: ArrayLike, skeleton: Skeleton) -> float:
    """Mean angle between predicted and true bones, degrees; a bone without length points nowhere: 90°."""
    p, t = pair_of_poses(predicted, truth)
    _check_joints(p, skeleton)
    parent, child = (list(ends) for ends in zip(*bones(skeleton), strict=True))
    u, v = p[:, child] - p[:, parent], t[:, child] - t[:, parent]  # (N,S,3)
    _check_truth(np.linalg.norm(v, axis=-1), [(bone,) for bone in bones(skeleton)], skeleton)
    across = np.linalg.norm(np.cross(u, v), axis=-1)  # exact for small angles, where arccos is not
    along = (u * v).sum(axis=-1)
    angle = np.where(np.linalg.norm(u, axis=-1) > 0, np.arctan2(across, along), np.pi / 2)
    return float(np.degrees(angle).mean())


def _length_error(
    predicted: ArrayLike, truth: ArrayLike, chains: Sequence[Chain], skeleton: Skeleton
) -> float:
    p, t = pair_of_poses(predicted, truth)
    _check_joints(p, skeleton)
    exact = _lengths(t, chains)
    _check_truth(exact, chains, skeleton)
    return float((np.abs(_lengths(p, chains) - exact) / exact).mean())


def _side_lengths(
    joints: ArrayLike, skeleton: Skeleton, of: Literal["segments", "limbs"]
) -> tuple[Floats, Floats]:
    """(N,P) lengths on the left, and of their twins."""
    if of not in ("segments", "limbs"):
        raise ValueError(f"symmetry is measured of 'segments' or 'limbs', not of {of!r}")
    poses = _poses(joints, skeleton)
    pairs: Sequence[tuple[Chain, Chain]] = mirrored_limbs(skeleton)
    if of == "segments":
        pairs = [((left,), (right,)) for left, right in mirrored_bones(skeleton)]
    return _lengths(poses, [left for left, _ in pairs]), _lengths(poses, [right for _, right in pairs])


def _bone_lengths(joints: ArrayLike, skeleton: Skeleton) -> Floats:
    return _lengths(_poses(joints, skeleton), [(bone,) for bone in bones(skeleton)])


def _lengths(poses: Floats, chains: Sequence[Chain]) -> Floats:
    """(N,J,3) -> (N,C) lengths of chains along their bones."""
    return np.stack(
        [
            sum((np.linalg.norm(poses[:, a] - poses[:, b], axis=-1) for a, b in chain), np.zeros(len(poses)))
            for chain in chains
        ],
        axis=1,
    )


def _poses(joints: ArrayLike, skeleton: Skeleton) -> Floats:
    poses, _ = pair_of_poses(joints, joints)
    _check_joints(poses, skeleton)
    return poses


def _check_joints(poses: Floats, skeleton: Skeleton) -> None:
    if poses.shape[1] != len(skeleton):
        raise ValueError(f"poses of {skeleton.name} must be (N,{len(skeleton)},3), got {poses.shape}")


def _check_truth(length: Floats, chains: Sequence[Chain], skeleton: Skeleton) -> None:
    short = (length < SHORTEST_M).any(axis=0)
    if short.any():
        chain = chains[int(short.argmax())]
        ends = f"{skeleton.joints[chain[0][0]]} and {skeleton.joints[chain[-1][1]]}"
        raise ValueError(f"the truth has {ends} in one place; a relative error needs bones with a length")
