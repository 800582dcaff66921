"""What a person should know about a calibration: how good it is, what is missing, what went wrong."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.calibrate.board import Board, Gray
from realtime.calibrate.collect import Collection
from realtime.calibrate.fit import MIN_VIEWS, Result
from realtime.calibrate.views import View

Verdict = Literal["good", "usable", "poor", "useless"]

STD_LIMITS: tuple[tuple[Verdict, float], ...] = (("good", 0.003), ("usable", 0.01), ("poor", 0.05))
"""Relative standard deviation of the focal length up to which a calibration is called so."""
RMS_SHARE = {"good": 0.0006, "usable": 0.0015, "poor": 0.004}
"""Reprojection error up to which it is called so, in picture widths: 0.8, 2 and 5 pixels of 1280."""
TILTED_DEG = 20.0
TILTED_SHARE = 0.3
MIN_PLACES = 7
"""Of the nine parts of the picture, how many the board should have been in."""
CORNERS_REACHED = 0.8
"""Farthest corner of the board from the middle of the picture, in half diagonals."""

_ROWS, _COLUMNS = ("upper", "middle", "lower"), ("left", "centre", "right")


def verdict(result: Result, size: tuple[int, int]) -> Verdict:
    """One word."""
    std = result.focal_std_px / result.fit.K[0, 0]
    for word, limit in STD_LIMITS:
        if std <= limit and result.fit.rms_px <= RMS_SHARE[word] * size[0]:
            return word
    return "useless"


def missing_places(views: list[View], size: tuple[int, int]) -> list[str]:
    """Names of the ninths of the picture in which no corner of the board was seen: 'upper left', ..."""
    counts = np.zeros((3, 3), int)
    for view in views:
        cells = np.clip(view.seen.points_px / np.array(size) * 3, 0, 2).astype(int)
        np.add.at(counts, (cells[:, 1], cells[:, 0]), 1)
    return [f"{_ROWS[r]} {_COLUMNS[c]}" for r, c in np.argwhere(counts == 0)]


def improvements(result: Result, size: tuple[int, int]) -> list[str]:
    """What to do better, the most useful first; empty when nothing is missing."""
    fit, advice = result.fit, []
    places = missing_places(fit.views, size)
    if np.mean(fit.tilts_deg > TILTED_DEG) < TILTED_SHARE:
        advice.append(
            "Tilt the board more: 20 to 45 degrees, to all four sides; that is what fixes the focal length."
        )
    if 9 - len(places) < MIN_PLACES:
        advice.append(f"Bring the board to more of the picture; it was never {_listed(places[:4])}.")
    elif _farthest(fit.views, size) < CORNERS_REACHED:
        advice.append("Bring the board into the corners of the picture, where a lens bends most.")
    if len(fit.views) < 15:
        advice.append(f"Take more views: {len(fit.views)} were used, 20 to 30 are better.")
    if fit.rms_px > RMS_SHARE["good"] * size[0]:
        advice.append(
            "The corners fit badly: keep the board flat (glue it to card) and still, in good light."
        )
    if float(np.median([v.edge_px for v in fit.views])) > 4:
        advice.append("The pictures are blurred: hold the board still in each place, and use more light.")
    return advice


def too_few(found: Collection, board: Board) -> str:
    """Why there are not enough views, in one or two sentences."""
    if found.pictures == 0:
        return "No picture came from the source. Check it with: sealcap run SOURCE"
    if found.with_board == 0:
        return no_board(found, board)
    seen = f"The board was seen in {found.with_board} of {found.pictures} pictures"
    if found.pool.blurred > found.with_board / 2:
        return f"{seen}, but mostly blurred. Hold it still for a moment in each place, and use more light."
    views = len(found.pool.views)
    different = "always in the same place" if views == 1 else f"in only {views} different views"
    whole = " The whole chessboard must be in the picture." if board.kind == "chessboard" else ""
    return (
        f"{seen}, but {different}; at least {MIN_VIEWS} are needed, 20 are good. "
        "Move it all over the picture, nearer and farther, and tilt it 20 to 45 degrees to every side."
        f"{whole}"
    )


def no_board(found: Collection, board: Board) -> str:
    """What seems to be wrong where no picture shows the board."""
    other: Board = Board(
        "chessboard" if board.kind == "charuco" else "charuco", board.columns, board.rows, board.square_mm
    )
    for gray in found.without:
        if other.find(gray) is not None:
            return f"The board in the picture is a {other.kind}. Add: --board {other.kind}"
    numbers = sorted({n for gray in found.without for n in board.marker_numbers(gray)})
    if board.kind == "charuco" and len(numbers) >= 4:
        return (
            f"Markers were seen (numbers {numbers[0]} to {numbers[-1]}), but not laid out as on a board "
            f"{board.name}. Give the squares of your print, as --squares COLUMNSxROWS, and show most of it."
        )
    mirrored = {n for gray in found.without for n in board.marker_numbers(_mirrored(gray))}
    if len(mirrored) >= 4:
        return "The picture is mirrored: its markers read backwards. Turn off mirroring of the camera."
    light = float(np.mean([gray.mean() for gray in found.without])) if found.without else 128.0
    dark = " The picture is very dark: use more light." if light < 40 else ""
    return (
        f"No {board.name} board was seen in {found.pictures} pictures.{dark} Check that --board and "
        "--squares (squares, not inner corners) are those of the print, that the white rim shows, "
        "nothing glares, and the board fills a quarter of the picture or more. "
        "Print one with: sealcap calibrate print board.pdf"
    )


def _mirrored(gray: Gray) -> Gray:
    return np.asarray(cv2.flip(gray, 1), np.uint8)


def _farthest(views: list[View], size: tuple[int, int]) -> float:
    middle: NDArray[np.float64] = np.array(size) / 2
    reach = [np.linalg.norm(v.seen.points_px - middle, axis=1).max() for v in views]
    return float(max(reach) / np.linalg.norm(middle))


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
