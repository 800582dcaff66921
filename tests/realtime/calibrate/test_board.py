"""Boards: found where they are, refused where they are something else."""

from __future__ import annotations

import numpy as np
import pytest

from lifting.errors import ConfigError
from realtime.calibrate.board import Board, Seen, _is_flat, parse_squares
from tests.realtime.calibrate.photos import Camera, photograph, poses, texture

CAMERA = Camera((960, 540), (720.0, 722.0), (485.0, 262.0), (-0.2, 0.06, 0.001, -0.001, 0.0))


@pytest.mark.parametrize("kind", ["charuco", "chessboard"])
def test_corners_are_found_where_they_are(kind: str) -> None:
    """Within 0.3 pixels of the projection through the true camera, in every picture a board is found in."""
    import cv2

    board = Board(kind, 7, 10, 25.0)  # type: ignore[arg-type]
    found = 0
    for R, t in poses(board, CAMERA, 6, tilt_deg=25):
        seen = board.find(photograph(board, CAMERA, (R, t)))
        if seen is None:
            continue
        found += 1
        points = np.pad(seen.board_mm, ((0, 0), (0, 1))).astype(np.float64)
        true = cv2.projectPoints(points, cv2.Rodrigues(R)[0], t, CAMERA.K, np.array(CAMERA.distortion))[0]
        error = np.linalg.norm(true[:, 0] - seen.points_px, axis=1)
        if kind == "chessboard" and error.max() > 5:  # it looks the same turned by half
            error = np.linalg.norm(true[::-1, 0] - seen.points_px, axis=1)
        assert error.max() < 0.3
    assert found >= 3


def test_a_board_with_many_squares_finds_all_its_markers() -> None:
    """More than 50 markers take the next larger family, in the print and in the search."""
    board = Board("charuco", 12, 17, 20.0)
    seen = board.find(texture(board)[::2, ::2].copy())
    assert seen is not None
    assert len(seen.points_px) == 11 * 16


def test_another_layout_of_markers_is_no_board() -> None:
    """A 5x7 board is not taken for a 7x10 one."""
    small = Board("charuco", 5, 7, 25.0)
    picture = texture(small)[::2, ::2].copy()
    assert small.find(picture) is not None
    assert Board("charuco", 7, 10, 25.0).find(picture) is None


def test_noise_and_darkness_show_no_board() -> None:
    """None, not an exception."""
    rng = np.random.default_rng(0)
    for picture in (np.zeros((480, 640), np.uint8), rng.integers(0, 255, (480, 640), np.uint8)):
        for kind in ("charuco", "chessboard"):
            assert Board(kind, 7, 10, 25.0).find(picture) is None  # type: ignore[arg-type]


def test_corners_that_lie_on_no_plane_are_refused() -> None:
    """Shuffled corners are no view of a flat board."""
    grid = np.stack(np.meshgrid(np.arange(6), np.arange(9)), axis=-1).reshape(-1, 2).astype(np.float32) * 25
    assert _is_flat(Seen(grid, grid * 2 + 30))
    assert not _is_flat(Seen(grid, np.random.default_rng(0).permutation(grid)))


@pytest.mark.parametrize("text", ["7", "7x", "x10", "7x10x3", "-7x10", "seven by ten", ""])
def test_squares_that_cannot_be_read(text: str) -> None:
    """The right form is shown."""
    with pytest.raises(ConfigError, match="--squares 7x10"):
        parse_squares(text)


@pytest.mark.parametrize(
    ("columns", "rows", "square"), [(2, 10, 25), (7, 31, 25), (7, 10, 0), (7, 10, float("nan"))]
)
def test_boards_that_cannot_be(columns: int, rows: int, square: float) -> None:
    """Too small, too large, not a number."""
    with pytest.raises(ConfigError, match="give"):
        Board("charuco", columns, rows, square)
