"""Pictures of docs/solver.md: curves before and after the solver, and a short film of both skeletons.

Drawn with OpenCV, which is there anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.solver_chain import Result
from benchmarks.solver_measures import FEET, WRISTS, horizontal_speed
from benchmarks.solver_truth import Floats, Scene
from lifting.skeleton import SEALCAP26

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

INK, GREY, PAPER, GRID = (60, 50, 45), (170, 165, 160), (255, 255, 255), (235, 232, 230)
RAW, SOLVED, TRUTH = (80, 110, 235), (150, 100, 30), (175, 170, 165)
"""BGR: raw orange, solved blue, truth grey."""
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 900, 260, 62, 38, 34
FONT = cv2.FONT_HERSHEY_SIMPLEX


class Curve(NamedTuple):
    """One line of a plot."""

    name: str
    values: Floats
    colour: Colour
    width: int = 1


def plot(
    title: str,
    unit: str,
    times: Floats,
    curves: Sequence[Curve],
    bands: NDArray[np.bool_] | None = None,
    tick: str = "s",
) -> Picture:
    """Curves over seconds (or what `tick` says) as a picture; `bands` shades frames (labelled contact)."""
    scale = 2
    image = np.full((HEIGHT * scale, WIDTH * scale, 3), PAPER, np.uint8)
    shown = np.concatenate([c.values[np.isfinite(c.values)] for c in curves])
    low, high = min(0.0, float(np.percentile(shown, 0.5))), float(np.percentile(shown, 99.7)) * 1.05
    if low == 0.0 and shown.min() > 0.5 * shown.max():
        low = float(shown.min()) - 0.1 * float(np.ptp(shown))

    def at(t: Floats, v: Floats) -> NDArray[np.int32]:
        x = LEFT + (t - times[0]) / (times[-1] - times[0]) * (WIDTH - LEFT - 12)
        y = HEIGHT - BOTTOM - (np.clip(v, low, high) - low) / (high - low) * (HEIGHT - BOTTOM - TOP)
        return np.asarray((scale * np.stack([x, y], axis=-1)).round(), np.int32)

    if bands is not None:
        for t in np.flatnonzero(bands[:-1]):
            a, b = at(times[[t, t + 1]], np.array([high, low]))
            cv2.rectangle(image, tuple(map(int, a)), tuple(map(int, b)), (246, 240, 228), -1)
    for value in _ticks(low, high):
        a, b = at(times[[0, -1]], np.array([value, value]))
        cv2.line(image, tuple(map(int, a)), tuple(map(int, b)), GRID, scale)
        _write(image, f"{value:g}", (8, int(a[1] / scale) + 4), scale)
    for second in range(int(np.ceil(times[0])), int(times[-1]) + 1):
        x = int(at(np.array([float(second)]), np.array([low]))[0, 0] / scale)
        _write(image, f"{second} {tick}", (x - 8, HEIGHT - 14), scale)
    for curve in curves:
        good = np.isfinite(curve.values)
        cv2.polylines(
            image,
            [at(times[good], curve.values[good])],
            False,
            curve.colour,
            curve.width * scale,
            cv2.LINE_AA,
        )
    _write(image, f"{title}, {unit}", (LEFT, 20), scale, INK)
    x = LEFT + 430
    for curve in curves:
        cv2.line(image, (x * scale, 16 * scale), ((x + 24) * scale, 16 * scale), curve.colour, 2 * scale)
        _write(image, curve.name, (x + 30, 20), scale, INK)
        x += 130
    return np.asarray(cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


def _ticks(low: float, high: float) -> Floats:
    step = 10 ** np.floor(np.log10(max(high - low, 1e-9)))
    step *= next(f for f in (0.1, 0.2, 0.5, 1.0) if (high - low) / (step * f) <= 6 or f == 1.0)
    return np.asarray(np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step)


def _write(image: Picture, text: str, at: tuple[int, int], scale: int, colour: Colour = GREY) -> None:
    cv2.putText(image, text, (at[0] * scale, at[1] * scale), FONT, 0.42 * scale, colour, scale, cv2.LINE_AA)


def draw(scene: Scene, result: Result, before: Floats, labels: NDArray[np.bool_], folder: Path) -> None:
    """solver-root.png, solver-foot.png, solver-wrist.png: one walk before and after the solver.

    `before` (T,26,3): raw joints in the world; `labels` (T,4): labelled contact.
    """
    clip, fps = scene.clip, scene.clip.fps
    times = np.arange(len(clip.joints)) / fps
    height = [w[:, 0, 1] for w in (before, result.world, clip.joints)]
    save_picture(folder / "solver-root.png", plot("Root height", "m", times, _three(*height)))
    foot = [_toe_speed(w, fps) for w in (before, result.world, clip.joints)]
    save_picture(
        folder / "solver-foot.png",
        plot("Left toe, speed along the floor", "m/s", times, _three(*foot), labels[:, 1]),
    )
    wrist = [_acceleration(p, fps) for p in (result.raw, result.relative, scene.relative)]
    save_picture(folder / "solver-wrist.png", plot("Left wrist, acceleration", "m/s2", times, _three(*wrist)))


def _three(raw: Floats, solved: Floats, truth: Floats) -> list[Curve]:
    return [Curve("truth", truth, TRUTH, 3), Curve("raw", raw, RAW), Curve("solved", solved, SOLVED, 2)]


def _toe_speed(world: Floats, fps: float) -> Floats:
    return horizontal_speed(world[:, [FEET[1]]], fps)[:, 0]


def _acceleration(joints: Floats, fps: float) -> Floats:
    out = np.zeros(len(joints))
    out[1:-1] = np.linalg.norm(np.diff(joints[:, WRISTS[0]], 2, axis=0) * fps**2, axis=-1)
    return out


def save_picture(path: Path, image: Picture) -> None:
    """As a PNG with 32 colours at most, so that it stays small."""
    from PIL import Image

    Image.fromarray(image[..., ::-1]).quantize(32).save(path, optimize=True)


def film_before_after(
    fps: float, stages: dict[str, tuple[Floats, Floats]], path: Path, seconds: float = 5.6
) -> None:
    """Each stage's joints (T,26,3) in camera axes and in the world, side by side, as an animated WebP.

    Above as the camera sees them, hips fixed, with the last half second of both wrists; below from the side
    of the room, the camera far to the left, the floor as a line, with the way of both heels.
    """
    from PIL import Image

    frames, stride = [], max(1, round(fps / 15))
    middle = np.nanmean(stages["solved"][1][:, 0, 2])
    for t in range(0, min(len(stages["raw"][0]), round(seconds * fps)), stride):
        front = [_front(stages[s][0], t, s) for s in stages]
        side = [_side(stages[s][1], t, s, middle) for s in stages]
        rows = [np.concatenate(cells, axis=1) for cells in (front, side)]
        frames.append(Image.fromarray(np.concatenate(rows, axis=0)[..., ::-1]))
    duration = round(1000 * stride / fps)
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=duration, loop=0, quality=60, method=4
    )


CELL = 300
DRAWN = 2 * CELL
"""Cells are drawn at twice their size and then shrunk."""


def _front(joints: Floats, t: int, stage: str) -> Picture:
    flat = (joints[..., :2] / 1.15 + 1.0) * CELL
    return _cell(flat, t, f"{stage}, from the camera", WRISTS, stage)


def _side(world: Floats, t: int, stage: str, middle: float) -> Picture:
    """World z runs to the left: the camera stands beyond the left border."""
    left, up = (world[..., 2] - middle) * 0.5 * CELL, world[..., 1] * 0.75 * CELL
    floor = round(1.75 * CELL)
    flat = np.stack([CELL - left, floor - up], axis=-1)
    return _cell(flat, t, f"{stage}, from the side of the room", [FEET[0], FEET[2]], stage, floor)


def _cell(
    flat: Floats, t: int, title: str, traced: list[int], stage: str, floor: int | None = None
) -> Picture:
    """One skeleton: flat (T,26,2) pixels, right side in the stage's colour, traces of some joints."""
    image = np.full((DRAWN, DRAWN, 3), PAPER, np.uint8)
    if floor is not None:
        cv2.line(image, (0, floor), (DRAWN, floor), GREY, 3)
    recent = np.nan_to_num(flat[max(0, t - 14) : t + 1]).round()
    points = np.clip(recent, -DRAWN, 2 * DRAWN).astype(np.int32)
    for joint in traced:
        cv2.polylines(image, [np.ascontiguousarray(points[:, joint])], False, GREY, 2, cv2.LINE_AA)
    now = points[-1].tolist()
    for a, b in SEALCAP26.edges:
        colour = _STAGE[stage] if SEALCAP26.joints[b].startswith("right") else INK
        cv2.line(image, tuple(now[a]), tuple(now[b]), colour, 5, cv2.LINE_AA)
    cv2.putText(image, title, (16, 34), FONT, 0.8, INK, 1, cv2.LINE_AA)
    return np.asarray(cv2.resize(image, (CELL, CELL), interpolation=cv2.INTER_AREA), np.uint8)


_STAGE = {"raw": RAW, "solved": SOLVED}
