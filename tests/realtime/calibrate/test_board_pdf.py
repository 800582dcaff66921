"""The print: a well-formed PDF whose board, drawn from its own commands, has the right size and is found."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest

from realtime.calibrate.board import Board
from realtime.calibrate.board_pdf import PAPER_MM, board_pdf, fits, largest_square_mm

POINT_MM = 25.4 / 72
DOTS_PER_MM = 6
NUMBER = rb"(-?[\d.]+)"


def content(pdf: bytes) -> bytes:
    match = re.search(rb"/Length (\d+) >>\nstream\n", pdf)
    assert match
    return pdf[match.end() : match.end() + int(match[1])]


def scale_mm(pdf: bytes) -> float:
    """Millimetres on paper of one unit of the page's content."""
    match = re.match(NUMBER + rb" 0 0 " + NUMBER + rb" 0 0 cm", content(pdf))
    assert match
    assert match[1] == match[2]
    return float(match[1]) * POINT_MM


def page_mm(pdf: bytes) -> tuple[float, float]:
    match = re.search(rb"/MediaBox \[0 0 " + NUMBER + rb" " + NUMBER + rb"\]", pdf)
    assert match
    return float(match[1]) * POINT_MM, float(match[2]) * POINT_MM


def drawn(pdf: bytes) -> np.ndarray:
    """The page, its filled rectangles drawn to the nearest dot."""
    width, height = page_mm(pdf)
    picture = np.full((round(height * DOTS_PER_MM), round(width * DOTS_PER_MM)), 255, np.uint8)
    for match in re.finditer(rb"\s".join([NUMBER] * 4) + rb" re", content(pdf)):
        x, y, w, h = (float(v) * scale_mm(pdf) for v in match.groups())
        rows = slice(round((height - y - h) * DOTS_PER_MM), round((height - y) * DOTS_PER_MM))
        picture[rows, round(x * DOTS_PER_MM) : round((x + w) * DOTS_PER_MM)] = 0
    return picture


@pytest.mark.parametrize("paper", ["a4", "letter"])
@pytest.mark.parametrize("kind", ["charuco", "chessboard"])
def test_the_printed_board_is_found_at_its_size(kind: str, paper: str) -> None:
    """OpenCV finds every corner, and neighbours lie one square apart in millimetres of paper."""
    square = largest_square_mm(7, 10, paper)  # type: ignore[arg-type]
    board = Board(kind, 7, 10, square)  # type: ignore[arg-type]
    pdf = board_pdf(board, paper)  # type: ignore[arg-type]
    assert page_mm(pdf) == pytest.approx(PAPER_MM[paper], abs=0.01)  # type: ignore[index]
    seen = board.find(cv2.GaussianBlur(drawn(pdf), (0, 0), 1.0))
    assert seen is not None
    assert len(seen.points_px) == 6 * 9
    apart_mm = np.linalg.norm(np.diff(seen.points_px, axis=0), axis=1) / DOTS_PER_MM
    neighbours = np.linalg.norm(np.diff(seen.board_mm, axis=0), axis=1) < 1.5 * square
    np.testing.assert_allclose(apart_mm[neighbours], square, atol=0.05)


def test_both_control_lines_are_ten_centimetres() -> None:
    """One along and one across the page."""
    pdf = board_pdf(Board("charuco", 7, 10, 25.0), "a4")
    ends = [
        [float(v) for v in m.groups()]
        for m in re.finditer(
            rb"\s".join([NUMBER] * 2) + rb" m " + NUMBER + rb" " + NUMBER + rb" l", content(pdf)
        )
    ]
    steps = np.array([(abs(c - a), abs(d - b)) for a, b, c, d in ends]) * scale_mm(pdf)
    assert steps.max(axis=0) == pytest.approx([100.0, 100.0], abs=1e-3)


def test_nothing_overlaps_or_leaves_the_page() -> None:
    """The board stays clear of the rim and of the line and words below it."""
    for paper, columns, rows in (("a4", 7, 10), ("letter", 7, 10), ("a4", 5, 7), ("letter", 11, 8)):
        board = Board("charuco", columns, rows, largest_square_mm(columns, rows, paper))  # type: ignore[arg-type]
        page = drawn(board_pdf(board, paper))  # type: ignore[arg-type]
        rows_used, columns_used = np.nonzero(page == 0)
        rim = 12 * DOTS_PER_MM
        assert columns_used.min() >= rim - 1
        assert columns_used.max() <= page.shape[1] - rim
        assert rows_used.max() <= page.shape[0] - 24 * DOTS_PER_MM
        assert fits(board, paper)  # type: ignore[arg-type]


def test_the_file_is_well_formed() -> None:
    """Every entry of the table points at its object, and the words of the page say what it is."""
    pdf = board_pdf(Board("chessboard", 8, 11, 20.0), "a4")
    assert pdf.startswith(b"%PDF-1.4")
    assert pdf.endswith(b"%%EOF\n")
    start = int(re.search(rb"startxref\n(\d+)", pdf)[1])  # type: ignore[index]
    assert pdf[start:].startswith(b"xref\n0 6\n")
    for number, place in enumerate(re.findall(rb"(\d{10}) 00000 n ", pdf), start=1):
        assert pdf[int(place) :].startswith(b"%d 0 obj" % number)
    assert b"chessboard 8x11, squares of 20 mm" in pdf
    assert b"--squares 8x11" in pdf
