"""Pictures of a board, seen through a known camera: by homography, with lens, blur and noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from realtime.calibrate.board import Board
from realtime.calibrate.board_pdf import black_rectangles

DOTS_PER_MM = 4


@dataclass(frozen=True)
class Camera:
    """The truth."""

    size: tuple[int, int]
    focal: tuple[float, float]
    centre: tuple[float, float]
    distortion: tuple[float, ...]
    fisheye: bool = False

    @property
    def K(self) -> np.ndarray:  # noqa: N802 - its mathematical name
        (fx, fy), (cx, cy) = self.focal, self.centre
        return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])

    @cached_property
    def rays(self) -> np.ndarray:
        """(H * W, 3) of every pixel, by OpenCV."""
        pixels = (
            np.stack(np.meshgrid(*map(np.arange, self.size)), axis=-1).reshape(-1, 1, 2).astype(np.float64)
        )
        k = np.array(self.distortion)
        if self.fisheye:
            flat = cv2.fisheye.undistortPoints(pixels, self.K, k)
        else:
            end = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 30, 1e-9)
            known = self.K, k, None, None, None, end
            many = getattr(cv2, "undistortPointsIter", None)  # OpenCV 4's name for it
            flat = many(pixels, *known[:4], end) if many else cv2.undistortPoints(pixels, *known)
        return np.c_[flat[:, 0], np.ones(len(flat))]


def texture(board: Board) -> np.ndarray:
    """The board from straight ahead, with a white rim of one square."""
    rim, s = board.square_mm, DOTS_PER_MM
    sides = [(n * board.square_mm + 2 * rim) * s for n in (board.rows, board.columns)]
    picture = np.full([round(side) for side in sides], 255, np.uint8)
    for x, y, w, h in black_rectangles(board):
        x0, y0, x1, y1 = (round((v + rim) * s) for v in (x, y, x + w, y + h))
        picture[y0:y1, x0:x1] = 0
    return picture


Pose = tuple[np.ndarray, np.ndarray]
"""R (3,3) and t (3,), board to camera, millimetres."""


def poses(
    board: Board, camera: Camera, count: int, tilt_deg: float = 40.0, *, near: float = 0.9, apart: float = 0.3
) -> Iterator[Pose]:
    """All over the picture, tilted to every side, near and far. `near` is the nearest distance, 1 filling
    the picture; `apart` how far the board's middle goes from the picture's, in picture sizes."""
    rng = np.random.default_rng(3)
    middle = np.array([board.columns, board.rows, 0]) * board.square_mm / 2
    for i in range(count):
        axis = np.append(_direction(i * 2.4), 0.0) * np.radians(tilt_deg) * rng.uniform(0.5, 1)
        turn = np.array([0, 0, rng.uniform(-0.4, 0.4) + (i % 2) * np.pi / 2])
        R = cv2.Rodrigues(axis)[0] @ cv2.Rodrigues(turn)[0]
        z = board.rows * board.square_mm * camera.focal[0] / camera.size[1] * rng.uniform(near, near + 0.8)
        place = np.array([rng.uniform(-apart, apart) * side for side in camera.size])
        yield R, np.append(place / camera.focal * z, z) - R @ middle


def _direction(angle: float) -> np.ndarray:
    return np.array([np.cos(angle), np.sin(angle)])


def photograph(
    board: Board, camera: Camera, pose: Pose, *, blur_px: float = 0.8, noise: float = 3.0, seed: int = 0
) -> np.ndarray:
    """One picture (H,W) of the board before a grey wall."""
    R, t = pose
    on_board = camera.rays @ np.linalg.inv(np.column_stack([R[:, 0], R[:, 1], t])).T
    behind = on_board[:, 2] <= 0
    spots = (on_board[:, :2] / on_board[:, 2:] + board.square_mm) * DOTS_PER_MM - 0.5
    spots[behind] = -1e4
    x, y = spots.astype(np.float32).reshape(camera.size[1], camera.size[0], 2).transpose(2, 0, 1)
    soft = cv2.GaussianBlur(texture(board), (0, 0), 1.0)
    seen = cv2.remap(soft, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=120)
    lit = cv2.GaussianBlur(40 + 0.7 * seen.astype(np.float32), (0, 0), blur_px)
    lit += np.random.default_rng(seed).normal(0, noise, lit.shape)
    return np.clip(lit, 0, 255).astype(np.uint8)
