"""A board as a print-ready PDF: one page of filled rectangles, in millimetres, at true scale.

Written by hand: the file is five small objects. Everything black of the board is one path filled once, so
that no viewer or printer draws hairlines between neighbouring cells.
"""

from __future__ import annotations

from typing import Literal

from realtime.calibrate.board import Board

Paper = Literal["a4", "letter"]
Rectangle = tuple[float, float, float, float]
"""x, y of the lower left corner, width, height, all in millimetres."""

PAPER_MM: dict[Paper, tuple[float, float]] = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}
POINTS_PER_MM = 72 / 25.4
SIDE_MM, TOP_MM, BOTTOM_MM = 12.0, 14.0, 24.0
"""Free margins; printers cannot reach the edge, and the lowest part holds line and text."""
LINE_MM = 100.0
"""Length of the control lines."""


def largest_square_mm(columns: int, rows: int, paper: Paper) -> float:
    """The largest whole number of millimetres with which the board fits on the page."""
    width, height = PAPER_MM[paper]
    fits = min((width - 2 * SIDE_MM) / columns, (height - TOP_MM - BOTTOM_MM) / rows)
    return max(float(int(fits)), 1.0)


def fits(board: Board, paper: Paper) -> bool:
    """Whether the board and what is printed below it have room on the page."""
    width, height = PAPER_MM[paper]
    wide, high = board.columns * board.square_mm, board.rows * board.square_mm
    return wide <= width - 2 * SIDE_MM and high <= height - TOP_MM - BOTTOM_MM


def board_pdf(board: Board, paper: Paper) -> bytes:
    """The file's bytes."""
    page = PAPER_MM[paper]
    left = (page[0] - board.columns * board.square_mm) / 2
    top = page[1] - TOP_MM
    black = _path([_placed(r, left, top) for r in black_rectangles(board)])
    scale = f"{POINTS_PER_MM:.8f} 0 0 {POINTS_PER_MM:.8f} 0 0 cm"
    content = "\n".join([scale, black, *_control_lines(page), *_captions(board, page)])
    return _document(page, content)


def black_rectangles(board: Board) -> list[Rectangle]:
    """Everything black, measured from the board's upper left corner with y pointing down."""
    s, marker = board.square_mm, board.marker_mm
    black: list[Rectangle] = [
        (c * s, r * s, s, s) for r in range(board.rows) for c in range(board.columns) if (c + r) % 2 == 0
    ]
    if board.kind == "chessboard":
        return black
    cell, inset = marker / 6, (s - marker) / 2
    for number, (column, row) in enumerate(board.marker_squares()):
        x, y = column * s + inset, row * s + inset
        for i, line in enumerate(board.marker_cells(number)):
            black += [(x + a * cell, y + i * cell, (b - a) * cell, cell) for a, b in _runs(line.tolist())]
    return black


def _runs(line: list[bool]) -> list[tuple[int, int]]:
    """[begin, end) of every stretch of True."""
    edges = [i for i, (a, b) in enumerate(zip([False, *line], [*line, False], strict=True)) if a != b]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _placed(rectangle: Rectangle, left: float, top: float) -> Rectangle:
    x, y, width, height = rectangle
    return left + x, top - y - height, width, height


def _path(rectangles: list[Rectangle]) -> str:
    return "\n".join([*(f"{x:.4f} {y:.4f} {w:.4f} {h:.4f} re" for x, y, w, h in rectangles), "f"])


def _control_lines(page: tuple[float, float]) -> list[str]:
    """One along and one across the page: a stretched print would spoil the calibration unseen."""
    left, low, tick = (page[0] - LINE_MM) / 2, 21.0, 1.2
    x, bottom = 8.5, (page[1] - LINE_MM) / 2
    across = [(left, low, left + LINE_MM, low)]
    across += [(end, low - tick, end, low + tick) for end in (left, left + LINE_MM)]
    along = [(x, bottom, x, bottom + LINE_MM)]
    along += [(x - tick, end, x + tick, end) for end in (bottom, bottom + LINE_MM)]
    lines = "\n".join(f"{a:.4f} {b:.4f} m {c:.4f} {d:.4f} l" for a, b, c, d in across + along)
    return [f"0.2 w\n{lines}\nS"]


def _captions(board: Board, page: tuple[float, float]) -> list[str]:
    options = f"--board {board.kind} --squares {board.columns}x{board.rows}"
    left = (page[0] - LINE_MM) / 2
    return [
        _text(left, 16.4, 3.3, f"Both thin lines must be {LINE_MM:.0f} mm long: print at 100 %."),
        _text(left, 12.4, 3.3, f"Sealcap {board.name}, squares of {board.square_mm:g} mm. Keep it flat."),
        _text(
            left, 8.8, 2.6, f"sealcap calibrate 0 --out camera.yaml {options} --square {board.square_mm:g}"
        ),
    ]


def _text(x: float, y: float, size_mm: float, words: str) -> str:
    safe = words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /F1 {size_mm:.2f} Tf {x:.3f} {y:.3f} Td ({safe}) Tj ET"


def _document(page: tuple[float, float], content: str) -> bytes:
    """PDF 1.4: catalogue, pages, page, font, content, and the table of where they begin."""
    width, height = (side * POINTS_PER_MM for side in page)
    stream = content.encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width:.4f} {height:.4f}] "
        "/Resources << /Font << /F1 4 0 R >> >> /Contents 5 0 R >>".encode("ascii"),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    out, places = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    end = b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return bytes(out) + end % (count, table, count, len(out))
