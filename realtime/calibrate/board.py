"""The boards: a chessboard, or a ChArUco board, which has a marker in every white square.

A ChArUco board may be partly hidden or reach beyond the picture, which is how the picture's corners get
covered; it is therefore the better one. Board coordinates: millimetres, origin at the outer top left
corner, x to the right and y down, z = 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from lifting.errors import ConfigError

Gray = NDArray[np.uint8]
Float32 = NDArray[np.float32]
BoardKind = Literal["charuco", "chessboard"]

MARKER_SHARE = 0.75
"""Side of a marker, in squares."""
MIN_SQUARES, MAX_SQUARES = 3, 30
MIN_CORNERS = 8
"""A view with fewer says too little."""
LOCATE_SIDE = 1280
"""Chessboards are searched in pictures of at most this size, pixels."""
FLAT = 0.03
"""A corner further from the plane through the others than this, in board sizes, is not of this board. Lens
distortion alone stays below."""
DICTIONARIES = (
    (50, cv2.aruco.DICT_4X4_50),
    (100, cv2.aruco.DICT_4X4_100),
    (250, cv2.aruco.DICT_4X4_250),
    (1000, cv2.aruco.DICT_4X4_1000),
)
"""Families of markers by size; a smaller one is the beginning of the larger."""


@dataclass(frozen=True)
class Seen:
    """Corners of the board found in one picture."""

    board_mm: Float32
    """(n,2) where they lie on the board."""
    points_px: Float32
    """(n,2) where they lie in the picture."""


@dataclass(frozen=True)
class Board:
    """`columns` × `rows` squares. Raises ConfigError for a board that cannot be."""

    kind: BoardKind
    columns: int
    rows: int
    square_mm: float

    def __post_init__(self) -> None:
        if not all(MIN_SQUARES <= n <= MAX_SQUARES for n in (self.columns, self.rows)):
            raise ConfigError(
                f"A board of {self.columns}x{self.rows} squares cannot be used; "
                f"give {MIN_SQUARES} to {MAX_SQUARES} a side, such as --squares 7x10."
            )
        if not 1 <= self.square_mm <= 1000:
            raise ConfigError(f"Squares of {self.square_mm:g} mm cannot be; give --square 1 to 1000.")

    @property
    def name(self) -> str:
        """For people and files: 'charuco 7x10'."""
        return f"{self.kind} {self.columns}x{self.rows}"

    @property
    def marker_mm(self) -> float:
        """Side of a marker."""
        return self.square_mm * MARKER_SHARE

    def find(self, gray: Gray) -> Seen | None:
        """The board's corners in a picture (H,W), or None where it is not or not enough of it."""
        seen = self._find_charuco(gray) if self.kind == "charuco" else self._find_chessboard(gray)
        if seen is None or len(seen.points_px) < MIN_CORNERS or not _spread_in_both_directions(seen.board_mm):
            return None
        return seen if _is_flat(seen) else None

    def marker_cells(self, number: int) -> NDArray[np.bool_]:
        """(6,6) of a marker, black border included; True is black."""
        cells = self.dictionary.generateImageMarker(number, 6, borderBits=1)
        return np.asarray(np.asarray(cells) == 0)

    def marker_squares(self) -> list[tuple[int, int]]:
        """(column, row) of the white squares, in the order of their markers' numbers."""
        return [(c, r) for r in range(self.rows) for c in range(self.columns) if (c + r) % 2]

    @cached_property
    def dictionary(self) -> Any:
        """The smallest family of markers that is large enough."""
        needed = len(self.marker_squares())
        return cv2.aruco.getPredefinedDictionary(next(d for size, d in DICTIONARIES if size >= needed))

    @cached_property
    def _detector(self) -> Any:
        board = cv2.aruco.CharucoBoard(
            (self.columns, self.rows), self.square_mm, self.marker_mm, self.dictionary
        )
        parameters = cv2.aruco.DetectorParameters()
        parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
        return cv2.aruco.CharucoDetector(board, cv2.aruco.CharucoParameters(), parameters)

    def _find_charuco(self, gray: Gray) -> Seen | None:
        corners, ids, _, _ = self._detector.detectBoard(gray)
        if ids is None or len(ids) == 0:
            return None
        known = np.asarray(self._detector.getBoard().getChessboardCorners(), np.float32)
        return Seen(known[np.asarray(ids).ravel(), :2], np.asarray(corners, np.float32).reshape(-1, 2))

    def _find_chessboard(self, gray: Gray) -> Seen | None:
        inner = (self.columns - 1, self.rows - 1)
        small = _at_most(gray, LOCATE_SIDE)
        # Without a quick look first, a picture without a board takes longest of all.
        if not cv2.checkChessboard(_at_most(gray, 640), inner):
            return None
        found, corners = cv2.findChessboardCornersSB(small, inner, flags=cv2.CALIB_CB_NORMALIZE_IMAGE)
        if not found or corners is None:
            return None
        corners = _refined(
            gray, np.asarray(corners, np.float32).reshape(-1, 2), gray.shape[1] / small.shape[1], inner
        )
        grid = np.stack(np.meshgrid(np.arange(inner[0]), np.arange(inner[1])), axis=-1).reshape(-1, 2)
        board_mm = ((grid + 1) * self.square_mm).astype(np.float32)
        return Seen(board_mm, corners)

    def marker_numbers(self, gray: Gray) -> list[int]:
        """Numbers of all markers of the family in a picture, the board's own or not."""
        everything = cv2.aruco.getPredefinedDictionary(DICTIONARIES[0][1])
        _, ids, _ = cv2.aruco.ArucoDetector(everything).detectMarkers(gray)
        return [] if ids is None else sorted({int(i) for i in np.asarray(ids).ravel()})


def parse_squares(text: str) -> tuple[int, int]:
    """'7x10' → (7, 10) columns and rows. Raises ConfigError showing the right form."""
    match = re.fullmatch(r"(\d{1,3})\s*[x×X]\s*(\d{1,3})", text.strip())
    if match is None:
        raise ConfigError(f"--squares {text}: give columns x rows of squares, such as --squares 7x10.")
    return int(match[1]), int(match[2])


def _at_most(gray: Gray, side: int) -> Gray:
    number = -(-max(gray.shape) // side)
    if number <= 1:
        return gray
    size = gray.shape[1] // number, gray.shape[0] // number
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)


def _refined(gray: Gray, corners: Float32, scale: float, inner: tuple[int, int]) -> Float32:
    """Corners (n,2) found in a smaller picture, at sub-pixel accuracy in the whole one."""
    corners = (corners + 0.5) * np.float32(scale) - np.float32(0.5)
    grid = corners.reshape(inner[1], inner[0], 2)
    spacing = min(float(np.linalg.norm(np.diff(grid, axis=axis), axis=-1).min()) for axis in (0, 1))
    half = int(np.clip(spacing / 3, 2, 15))
    criteria = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 40, 0.005)
    fine = cv2.cornerSubPix(gray, corners.copy(), (half, half), (-1, -1), criteria)
    return np.asarray(fine, np.float32).reshape(-1, 2)


def _spread_in_both_directions(board_mm: Float32) -> bool:
    """Corners on one line, or on two, fix no plane well."""
    return all(len(np.unique(np.round(board_mm[:, axis], 2))) >= 3 for axis in (0, 1))


def _is_flat(seen: Seen) -> bool:
    """Whether the corners lie as a plane board of this layout, seen in perspective, would show them."""
    homography, _ = cv2.findHomography(seen.board_mm, seen.points_px, cv2.LMEDS)
    if homography is None:
        return False
    there = cv2.perspectiveTransform(seen.board_mm[:, None], homography)[:, 0]
    extent = float(np.ptp(seen.points_px, axis=0).max())
    astray = np.linalg.norm(there - seen.points_px, axis=1) > FLAT * extent
    return bool(np.mean(astray) < 0.2)
