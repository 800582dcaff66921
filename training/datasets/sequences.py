"""One struct for every benchmark data set: clips of 2D input and 3D truth, laid end to end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifting.errors import DataError
from lifting.skeleton import Skeleton

PLAUSIBLE_EXTENT_M = (0.3, 4.0)
"""Between which a person's typical largest distance of joints lies; other values are another unit."""


@dataclass(frozen=True)
class Clip:
    """One person, one camera, consecutive frames; what a reader produces."""

    subject: str
    action: str
    camera: str
    fps: float
    keypoints: NDArray[np.float32]
    """(F,J,3) normalised x, y and confidence; see `Sequences.keypoints`."""
    joints: NDArray[np.float32]
    """(F,J,3) metres, camera axes, any origin."""
    valid: NDArray[np.bool_]
    """(F,)"""


@dataclass(frozen=True, eq=False)
class Sequences:
    """Clips of one split. F frames in all, N clips, J joints."""

    skeleton: Skeleton
    split: str
    keypoints: NDArray[np.float32]
    """(F,J,3) x and y with the picture's width on -1..1 (see `normalise_screen`), 0 where unseen; confidence
    0..1, 0 = unseen."""
    joints: NDArray[np.float32]
    """(F,J,3) metres, camera axes (x right, y down, z forward), relative to the skeleton's origin; 0 in
    frames that are not valid."""
    valid: NDArray[np.bool_]
    """(F,) frames whose truth may be learned and scored. The others may still be seen as neighbours."""
    first: NDArray[np.int64]
    """(N,) first row of each clip."""
    frames: NDArray[np.int64]
    """(N,) rows of each clip."""
    fps: NDArray[np.float32]
    """(N,)"""
    subject: tuple[str, ...]
    action: tuple[str, ...]
    camera: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.frames)


def normalise_screen(points_px: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """(...,2) pixels to x in -1..1 and y in -height/width..height/width: 2p/w − (1, h/w) (VideoPose3D)."""
    shift = np.array([1.0, height / width], np.float32)
    scaled: NDArray[np.float32] = points_px * np.float32(2 / width) - shift
    return scaled


def with_confidence(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(F,J,2) to (F,J,3): every joint is seen with certainty; (F,J,3) stays, with confidence cut to 0..1."""
    if points.shape[-1] == 3:
        return np.concatenate([points[..., :2], points[..., 2:].clip(0, 1)], axis=-1)
    return np.concatenate([points, np.ones_like(points[..., :1])], axis=-1)


def join(clips: Iterable[Clip], skeleton: Skeleton, split: str, where: str) -> Sequences:
    """Lay clips end to end and move every pose to its origin.

    Raises DataError (`where` names the file) when there is no clip or no valid frame, a shape does not fit
    the skeleton, a coordinate is not finite, or sizes are not those of people in metres.
    """
    kept = list(clips)
    if not kept:
        raise DataError(f"{where} has no clip of the split {split}.")
    for clip in kept:
        _check(clip, len(skeleton), where)
    joints = np.concatenate([clip.joints for clip in kept])
    joints -= joints[:, list(skeleton.origin_joints)].mean(axis=1, keepdims=True)
    valid = np.concatenate([clip.valid for clip in kept])
    _check_size(joints[valid], where)
    joints[~valid] = 0.0
    frames = np.array([len(clip.joints) for clip in kept], np.int64)
    return Sequences(
        skeleton=skeleton,
        split=split,
        keypoints=np.concatenate([clip.keypoints for clip in kept]),
        joints=joints,
        valid=valid,
        first=np.concatenate([[0], np.cumsum(frames)[:-1]]).astype(np.int64),
        frames=frames,
        fps=np.array([clip.fps for clip in kept], np.float32),
        subject=tuple(clip.subject for clip in kept),
        action=tuple(clip.action for clip in kept),
        camera=tuple(clip.camera for clip in kept),
    )


def _check(clip: Clip, joints: int, where: str) -> None:
    name = f"{where}: {clip.subject} {clip.action}, camera {clip.camera}"
    shape = (len(clip.joints), joints, 3)
    if clip.joints.shape != shape or clip.keypoints.shape != shape or clip.valid.shape != shape[:1]:
        raise DataError(
            f"{name}: 2D {clip.keypoints.shape} and 3D {clip.joints.shape} do not fit; both must be "
            f"(frames, {joints}, 3)."
        )
    if not np.isfinite(clip.keypoints).all():
        raise DataError(f"{name}: its 2D points are not all finite; every coordinate must be a number.")
    if not np.isfinite(clip.joints[clip.valid]).all():
        raise DataError(f"{name}: its 3D joints are not all finite; every coordinate must be a number.")


def _check_size(joints: NDArray[np.float32], where: str) -> None:
    if not len(joints):
        raise DataError(f"{where} has no valid frame.")
    some = joints[:: max(1, len(joints) // 1000)]
    extent = float(np.median((some.max(axis=1) - some.min(axis=1)).max(axis=-1)))
    low, high = PLAUSIBLE_EXTENT_M
    if not low < extent < high:
        raise DataError(
            f"{where}: people are {extent:.3g} m long; between {low} and {high} m was expected. Its unit is "
            f"another than that of the published file."
        )
