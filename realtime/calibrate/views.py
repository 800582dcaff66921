"""From pictures to views: where the board is seen, sharply, and each time somewhere else."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.calibrate.board import Board, Gray, Seen

Float64 = NDArray[np.float64]

FULL_SIDE = 1280
"""Larger pictures are judged as if they were so large: the lens, not the sensor, limits their sharpness."""
BLURRED_PX = 6.0
"""Edges wider than this are too blurred to use."""
BLUR_COST_PX = 3.0
"""An edge so wide makes a view count half as different as it is."""
DIFFERENT = 0.03
"""Two views whose boards lie nearer to each other than this, in picture diagonals, are the same view."""
POOL = 400
"""Most views remembered; more would only cost time."""
PATCH = 4
"""Half a patch around a corner, in such pixels, in which the width of edges is measured."""


@dataclass(frozen=True, eq=False)
class View:
    """The board in one picture."""

    seen: Seen
    edge_px: float
    """Width of the blurred edges, in pixels of a picture of at most `FULL_SIDE`; 1 to 2 is sharp."""
    outline: Float64
    """(4,2) corners of the whole board in the picture, in picture diagonals."""


def look(board: Board, gray: Gray) -> View | None:
    """The view in a picture (H,W), or None without a board."""
    seen = board.find(gray)
    if seen is None:
        return None
    outline = _outline(board, seen)
    if outline is None:
        return None
    return View(seen, edge_width_px(gray, seen), outline / float(np.hypot(*gray.shape)))


class ViewPool:
    """The views found so far, no two of them alike; of two alike the sharper one stays."""

    def __init__(self) -> None:
        self.views: list[View] = []
        self.blurred = self.alike = 0

    def offer(self, view: View) -> bool:
        """True when the view is a new one."""
        if view.edge_px > BLURRED_PX:
            self.blurred += 1
            return False
        distances = [_distance(view, other) for other in self.views]
        if distances and min(distances) < DIFFERENT:
            self.alike += 1
            nearest = int(np.argmin(distances))
            if view.edge_px < self.views[nearest].edge_px:
                self.views[nearest] = view
            return False
        if len(self.views) >= POOL:
            return False
        self.views.append(view)
        return True

    def best(self, number: int) -> list[View]:
        """At most `number` views, as different and sharp as there are: farthest first."""
        if len(self.views) <= number:
            return list(self.views)
        worth = np.array([1 / (1 + v.edge_px / BLUR_COST_PX) for v in self.views])
        outlines = np.array([v.outline for v in self.views]).reshape(len(self.views), -1)
        chosen = [int(np.argmax(worth))]
        nearest = np.full(len(self.views), np.inf)
        while len(chosen) < number:
            nearest = np.minimum(nearest, np.linalg.norm(outlines - outlines[chosen[-1]], axis=1))
            chosen.append(int(np.argmax(nearest * worth)))
        return [self.views[i] for i in sorted(chosen)]


def edge_width_px(gray: Gray, seen: Seen) -> float:
    """Contrast over steepest slope around the corners (median): the width of a step edge in this picture.

    In pixels of a picture whose longer side is at most `FULL_SIDE`.
    """
    scale = max(1.0, max(gray.shape) / FULL_SIDE)
    half = round(PATCH * scale)
    inside = [p for p in np.rint(seen.points_px).astype(int) if _within(p, gray.shape, half)]
    if not inside:
        return float("inf")
    patches = np.stack([gray[y - half : y + half + 1, x - half : x + half + 1] for x, y in inside])
    values = patches.astype(np.float32)
    contrast = np.ptp(values, axis=(1, 2))
    slopes = [np.abs(np.diff(values, axis=axis)).max(axis=(1, 2)) for axis in (1, 2)]
    steepest = np.minimum(*slopes)  # motion blurs one direction only
    return float(np.median(contrast / np.maximum(steepest, 1e-3)) / scale)


def _within(point: NDArray[np.int_], shape: tuple[int, ...], half: int) -> bool:
    x, y = int(point[0]), int(point[1])
    return half <= x < shape[1] - half and half <= y < shape[0] - half


def _distance(a: View, b: View) -> float:
    return float(np.sqrt(((a.outline - b.outline) ** 2).sum(axis=1).mean()))


def _outline(board: Board, seen: Seen) -> Float64 | None:
    wide, high = board.columns * board.square_mm, board.rows * board.square_mm
    homography, _ = cv2.findHomography(seen.board_mm, seen.points_px, 0)
    if homography is None:
        return None
    whole = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float64)
    lifted = np.concatenate([whole, np.ones((4, 1))], axis=1) @ np.asarray(homography, np.float64).T
    if not (lifted[:, 2] * lifted[0, 2] > 1e-9).all():  # a corner at or behind the horizon
        return None
    return np.asarray(lifted[:, :2] / lifted[:, 2:])
