"""Forest plot: one row per backbone and arm, the paired difference as a dot with its 95 % interval.

Drawn with OpenCV, which is there anyway.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.compare.tables import Difference

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

PANELS = ("mpjpe_m", "lse", "bsle")
_ROW, _LEFT, _PANEL, _GAP, _TOP, _BOTTOM = 34, 400, 360, 40, 70, 60
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_INK, _GRID, _STRIPE = (60, 50, 40), (215, 215, 215), (248, 246, 244)
_GAIN, _LOSS, _OPEN = (110, 140, 20), (60, 60, 205), (150, 140, 130)


def write_forest(differences: Sequence[Difference], path: Path) -> None:
    """Write the picture as PNG, as a whole or not at all."""
    done, png = cv2.imencode(".png", forest(differences))
    if not done:
        raise OSError(f"cannot encode {path}")
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(png.tobytes())
    partial.replace(path)


def forest(differences: Sequence[Difference]) -> Picture:
    """(H,W,3) BGR: a panel for each of `PANELS`; bars that are too wide end at its border."""
    rows = list(dict.fromkeys((d.backbone, d.arm) for d in differences))
    height = _TOP + max(len(rows), 1) * _ROW + _BOTTOM
    picture = np.full((height, _LEFT + len(PANELS) * (_PANEL + _GAP), 3), 255, np.uint8)
    _names(picture, rows)
    for i, key in enumerate(PANELS):
        shown = {(d.backbone, d.arm): d for d in differences if d.measure.key == key}
        if shown:
            _panel(picture, _LEFT + i * (_PANEL + _GAP), rows, shown)
    _text(picture, "bars: 95 % intervals over seeds, filled: they exclude 0", (14, height - 22), _OPEN, 0.45)
    return picture


def _names(picture: Picture, rows: list[tuple[str, str]]) -> None:
    stripe = False
    for i, (backbone, arm) in enumerate(rows):
        top = _TOP + i * _ROW
        first = i == 0 or rows[i - 1][0] != backbone
        stripe ^= first
        if stripe:
            cv2.rectangle(picture, (0, top), (picture.shape[1], top + _ROW), _STRIPE, -1)
        if first:
            _text(picture, backbone, (14, top + 22), _INK)
        _text(picture, arm, (225, top + 22), _INK)


def _panel(
    picture: Picture, left: int, rows: list[tuple[str, str]], shown: dict[tuple[str, str], Difference]
) -> None:
    measure = next(iter(shown.values())).measure
    reach = _reach(list(shown.values()))
    middle, bottom = left + _PANEL // 2, _TOP + len(rows) * _ROW

    def at(value: float) -> int:
        share = max(-1.0, min(1.0, measure.scale * value / reach))
        return middle + round(share * _PANEL / 2)

    for tick in (-reach, -reach / 2, 0.0, reach / 2, reach):
        x = at(tick / measure.scale)
        cv2.line(picture, (x, _TOP), (x, bottom), _INK if tick == 0 else _GRID, 1, cv2.LINE_AA)
        _text(picture, f"{tick:+g}" if tick else "0", (x - 14, bottom + 20), _INK, 0.42)
    _text(picture, f"change of {measure.title.split(' (')[0]}", (middle - 75, 30), _INK)
    better, worse = ("<- better", "worse ->") if measure.lower_is_better else ("<- worse", "better ->")
    _text(picture, better, (middle - 85, 54), _OPEN, 0.45)
    _text(picture, worse, (middle + 20, 54), _OPEN, 0.45)
    for i, row in enumerate(rows):
        if row in shown:
            _dot(picture, shown[row], _TOP + i * _ROW + _ROW // 2, at)


def _dot(picture: Picture, difference: Difference, y: int, at: Callable[[float], int]) -> None:
    """Filled where the interval excludes 0; a single seed has no interval."""
    mean, half = difference.interval
    colour = {"gain": _GAIN, "loss": _LOSS}.get(difference.verdict, _OPEN)
    if math.isfinite(half):
        low, high = at(mean - half), at(mean + half)
        cv2.line(picture, (low, y), (high, y), colour, 2, cv2.LINE_AA)
    cv2.circle(picture, (at(mean), y), 6, colour, -1 if difference.verdict else 2, cv2.LINE_AA)


def _reach(differences: list[Difference]) -> float:
    """Half the width of a panel in shown units: 1, 2 or 5 times a power of ten.

    Means are always inside; intervals of two or three seeds may be many times wider and are cut off.
    """
    scale = differences[0].measure.scale
    ends = [abs(d.interval.mean) + min(d.interval.half_width, 2 * abs(d.interval.mean)) for d in differences]
    largest = max(scale * max(ends), 1e-6)
    power = 10.0 ** math.floor(math.log10(largest))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= largest)


def _text(picture: Picture, text: str, at: tuple[int, int], colour: Colour, size: float = 0.5) -> None:
    cv2.putText(picture, text, at, _FONT, size, colour, 1, cv2.LINE_AA)
