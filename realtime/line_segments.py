"""Straight edges of a picture, for the camera's tilt."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.data import Float32, Image

LONG_SIDE_PX = 480
"""The picture is made so small first: noise goes, and it takes 10-20 ms."""
SHORTEST = 0.05
"""Of the longer side."""
MARGIN = 0.1
"""Boxes of people are made wider by this share of their size."""


def line_segments(image: Image, people: Sequence[NDArray[np.floating]] = ()) -> Float32:
    """(L,4) x1, y1, x2, y2 in pixels of `image` (H,W,3); lines whose middle lies in one of the boxes `people`
    (4,) x1, y1, x2, y2 are left out. Detector: R. Grompone von Gioi et al., LSD, IPOL 2012 (OpenCV)."""
    scale = min(LONG_SIDE_PX / max(image.shape[:2]), 1.0)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found = cv2.createLineSegmentDetector().detect(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY))[0]
    lines = np.zeros((0, 4), np.float32) if found is None else np.asarray(found, np.float32).reshape(-1, 4)
    long = np.hypot(lines[:, 2] - lines[:, 0], lines[:, 3] - lines[:, 1]) > SHORTEST * max(small.shape)
    lines = (lines[long] + 0.5) / scale - 0.5
    middle = (lines[:, :2] + lines[:, 2:]) / 2
    for box in people:
        low, high = box[:2], box[2:]
        margin = MARGIN * (high - low)
        inside = ((middle > low - margin) & (middle < high + margin)).all(axis=1)
        lines, middle = lines[~inside], middle[~inside]
    found_px: Float32 = lines.astype(np.float32)
    return found_px
