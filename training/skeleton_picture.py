"""Skeletons as a picture for people who watch a training: predictions over the truth, from front and side.

Drawn with OpenCV, which is there anyway.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import Skeleton

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

CELL_PX = 240
HALF_HEIGHT_M = 1.2
"""Distance from the root to the border of a cell."""

_PAPER, _LINE, _TRUTH = (255, 255, 255), (225, 225, 225), (190, 190, 190)
_LEFT, _RIGHT, _MIDDLE = (30, 110, 235), (225, 95, 30), (70, 70, 80)
_FRONT, _SIDE = (0, 1), (2, 1)
"""Which camera axis points right, and which down: x and y from the front, depth and y from the side."""


def skeleton_picture(
    predicted: NDArray[np.float32], truth: NDArray[np.float32], skeleton: Skeleton
) -> Picture:
    """Poses (N,J,3), metres, camera axes (x right, y down, z ahead), relative to the root, to (H,W,3) RGB.

    One column per person, as the camera sees it above and from its side below, where right is farther away.
    The truth is grey and thick; of the prediction, left limbs are blue and right limbs orange.
    """
    if predicted.shape != truth.shape or predicted.shape[1:] != (len(skeleton), 3):
        raise ValueError(f"poses must both be (N,{len(skeleton)},3), got {predicted.shape} and {truth.shape}")
    rows = [
        np.concatenate([_cell(p, t, skeleton, axes) for p, t in zip(predicted, truth, strict=True)], axis=1)
        for axes in (_FRONT, _SIDE)
    ]
    return np.concatenate(rows, axis=0)


def _cell(
    predicted: NDArray[np.float32], truth: NDArray[np.float32], skeleton: Skeleton, axes: tuple[int, int]
) -> Picture:
    picture: Picture = np.full((CELL_PX, CELL_PX, 3), _PAPER, np.uint8)
    cv2.rectangle(picture, (0, 0), (CELL_PX - 1, CELL_PX - 1), _LINE, 1)
    title = "front" if axes == _FRONT else "side"
    cv2.putText(picture, title, (8, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _TRUTH, 1, cv2.LINE_AA)
    _bones(picture, truth[:, axes], skeleton, 5, _TRUTH)
    _bones(picture, predicted[:, axes], skeleton, 2, None)
    return picture


def _bones(
    picture: Picture, flat_m: NDArray[np.float32], skeleton: Skeleton, width: int, colour: Colour | None
) -> None:
    """Draw (J,2) metres; without a colour, by the side of the body."""
    limit = 2 * HALF_HEIGHT_M  # far outside, but a number OpenCV can draw, whatever an untrained network says
    flat = np.clip(np.nan_to_num(flat_m.astype(np.float64)), -limit, limit)
    places = np.round((flat / HALF_HEIGHT_M + 1) * CELL_PX / 2).astype(int)
    for parent, child in skeleton.edges:
        ends = tuple(map(int, places[parent])), tuple(map(int, places[child]))
        cv2.line(picture, *ends, colour or _side_colour(skeleton.joints[child]), width, cv2.LINE_AA)


def _side_colour(joint: str) -> Colour:
    if joint.startswith("left_"):
        return _LEFT
    return _RIGHT if joint.startswith("right_") else _MIDDLE
