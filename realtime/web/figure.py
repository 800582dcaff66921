"""3D figures drawn into a picture with plain OpenCV: for the README, reports, and machines without WebGL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lifting.errors import DataError
from realtime.data import BodyPose, Float32, Image, Motion, State
from realtime.web.body import BONE_EDGES, Solids, solids
from realtime.web.overlay import draw_overlay
from realtime.web.palette import BACKDROP, LINE, MIDDLE

Floats = NDArray[np.float64]

FOV_DEG = 34.0
SUPERSAMPLE = 2
"""Drawn this much larger and scaled down: smooth edges everywhere."""
FLOOR_REACH_M = 2.5
FLOOR_STEP_M = 0.5
GHOSTS = 3
"""Earlier poses that a strip shows faintly behind the last one."""
NEAR_M = 0.1
CAPTION_PX = 0.034
"""Height of captions, share of the strip's height."""


@dataclass(frozen=True)
class View:
    """A viewpoint that circles a point. Degrees, metres."""

    azimuth_deg: float
    """0 looks at the front of somebody facing +Z, 90 at their left side."""
    elevation_deg: float = 12.0
    distance_m: float = 4.6
    aim_height_m: float = 0.86

    def axes(self) -> Floats:
        """(3,3) rows: right, down and forward of the viewer, in world axes."""
        azimuth, elevation = np.radians(self.azimuth_deg), np.radians(self.elevation_deg)
        flat = np.array([np.sin(azimuth), 0.0, np.cos(azimuth)])
        forward = -(np.cos(elevation) * flat + np.sin(elevation) * np.array([0.0, 1.0, 0.0]))
        right = np.cross(forward, [0.0, 1.0, 0.0])
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(forward, right), forward])


class _Canvas:
    """A picture in which world points can be drawn from a viewpoint."""

    def __init__(self, width: int, height: int, view: View, middle: Floats) -> None:
        self.size = width * SUPERSAMPLE, height * SUPERSAMPLE
        self.image: Image = _room(*self.size)
        self._axes = view.axes()
        aim = middle * (1, 0, 1) + (0, view.aim_height_m, 0)
        self._eye = aim - view.distance_m * self._axes[2]
        self._focal = 0.5 * self.size[1] / np.tan(np.radians(FOV_DEG) / 2)

    def project(self, points: Floats | Float32) -> tuple[Floats, Floats]:
        """World points (N,3) → pixels (N,2) and depths (N,)."""
        seen = (np.asarray(points, np.float64) - self._eye) @ self._axes.T
        depth = np.maximum(seen[:, 2], NEAR_M)
        return seen[:, :2] / depth[:, None] * self._focal + np.array(self.size) / 2, depth

    def radius(self, metres: float, depth: float) -> float:
        """Pixels that `metres` take at this depth."""
        return float(metres * self._focal / depth)

    def blend(self, layer: Image, opacity: float) -> None:
        """Mix a drawing of the same size into the picture."""
        self.image = cv2.addWeighted(layer, opacity, self.image, 1 - opacity, 0).astype(np.uint8, copy=False)

    def finished(self) -> Image:
        """The picture at its final size."""
        size = self.size[0] // SUPERSAMPLE, self.size[1] // SUPERSAMPLE
        small: Image = cv2.resize(self.image, size, interpolation=cv2.INTER_AREA)
        return small


def render_figure(
    people: Sequence[BodyPose],
    *,
    size: tuple[int, int] = (480, 640),
    view: View | None = None,
    middle: Floats | Float32 | None = None,
    earlier: Sequence[Sequence[BodyPose]] = (),
    trail: Sequence[Float32] = (),
) -> Image:
    """People on a floor grid, (H,W,3) BGR; `size` is (width, height) in pixels.

    `middle` (3,) is the world point at the picture's middle, by default the first person's root. `earlier`
    moments appear faintly, `trail` holds world points of a path. People in state LOST are not drawn.
    """
    shapes = _shapes(people)
    if middle is None:
        middle = shapes[0].ball_positions[0] if shapes else np.zeros(3)
    canvas = _Canvas(*size, view or View(35.0), np.asarray(middle, np.float64))
    _draw_floor(canvas, np.asarray(middle, np.float64))
    _draw_trail(canvas, trail)
    for age, moment in enumerate(earlier):
        layer = canvas.image.copy()
        for shape in _shapes(moment):
            _draw_body(canvas, layer, shape)
        canvas.blend(layer, 0.09 + 0.07 * age)
    for shape in shapes:
        _draw_shadow(canvas, shape)
        _draw_body(canvas, canvas.image, shape)
    return canvas.finished()


def render_strip(moments: Sequence[Motion], *, width: int = 1600, height: int = 700) -> Image:
    """One picture of a run, (height,width,3) BGR: the last moment's video with its overlay, and the same
    moment in 3D from two sides, with the way there.

    `moments` are in order of time; the earlier ones become trail and ghosts. Raises DataError when empty.
    """
    if not moments:
        raise DataError("There is no moment to draw; give at least one.")
    last = moments[-1]
    video = _fitted(draw_overlay(last.frame.image, last.keypoints), round(width * 0.44), height)
    first = (width - video.shape[1]) // 2
    trail = [pose.root_world for moment in moments for pose in moment.people[:1]]
    ghosts = [moments[i].people for i in _spread(len(moments) - 1, GHOSTS)]
    front = render_figure(
        last.people, size=(first, height), view=View(32.0, 11.0), earlier=ghosts, trail=trail
    )
    rest = width - video.shape[1] - first
    side = render_figure(
        last.people, size=(rest, height), view=View(-58.0, 24.0), earlier=ghosts, trail=trail
    )
    panels = (("video and 2D joints", video), ("the same moment in 3D", front), ("from the other side", side))
    return np.concatenate([_captioned(panel, text) for text, panel in panels], axis=1)


def _shapes(people: Sequence[BodyPose]) -> list[Solids]:
    found = (solids(pose) for pose in people if pose.state is not State.LOST)
    return [shape for shape in found if shape is not None]


def _spread(count: int, wanted: int) -> list[int]:
    """Up to `wanted` indices spread evenly over `count` earlier moments."""
    if count < 1:
        return []
    return sorted({round(i) for i in np.linspace(0, count, wanted + 1)[:-1]})


def _room(width: int, height: int) -> Image:
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    glow = np.exp(-(x**2 / 0.9 + (y + 0.1) ** 2 / 0.8))[..., None]
    colors = np.array(BACKDROP[::-1]) * 0.9 + glow * np.array((34, 22, 16))
    room: Image = np.clip(np.rint(colors), 0, 255).astype(np.uint8)
    return room


def _draw_floor(canvas: _Canvas, middle: Floats) -> None:
    centre = np.rint(middle * (1, 0, 1) / FLOOR_STEP_M) * FLOOR_STEP_M
    layer = canvas.image.copy()
    ticks = np.arange(-FLOOR_REACH_M, FLOOR_REACH_M + 1e-6, FLOOR_STEP_M)
    for tick in ticks:
        for line in ([(tick, 0, -FLOOR_REACH_M), (tick, 0, FLOOR_REACH_M)],
                     [(-FLOOR_REACH_M, 0, tick), (FLOOR_REACH_M, 0, tick)]):  # fmt: skip
            pixels, _ = canvas.project(centre + np.array(line))
            main = abs(round(tick / FLOOR_STEP_M)) % 2 == 0
            color = np.array(LINE[::-1]) * (1.5 if main else 1.0)
            _line(layer, pixels[0], pixels[1], color, SUPERSAMPLE)
    canvas.blend(layer, 0.85)


def _draw_trail(canvas: _Canvas, trail: Sequence[Float32]) -> None:
    points = [point for point in trail if np.isfinite(point).all()]
    if len(points) < 2:
        return
    pixels, depth = canvas.project(np.array(points) * (1, 0, 1))
    for i in range(len(pixels) - 1):
        share = 0.25 + 0.6 * (i + 1) / len(pixels)
        color = share * np.array(MIDDLE[::-1]) + (1 - share) * np.array(BACKDROP[::-1])
        _line(canvas.image, pixels[i], pixels[i + 1], color, max(1, round(canvas.radius(0.016, depth[i]))))


def _draw_shadow(canvas: _Canvas, shape: Solids) -> None:
    # Light from above, a little from the side: the shadow leaves the feet as they leave the floor.
    flat = shape.ball_positions * (1, 0, 1) + shape.ball_positions[:, 1:2] * (0.12, 0.0, -0.06)
    pixels, depth = canvas.project(flat)
    light = np.full(canvas.image.shape[:2], 255, np.uint8)
    dark = np.array([110.0])
    for a, b in BONE_EDGES:
        width = canvas.radius(1.6 * min(shape.ball_radii[a], shape.ball_radii[b]), depth[b])
        _line(light, pixels[a], pixels[b], dark, max(1, round(width)))
    head = int(np.argmax(shape.ball_radii))
    _disc(light, pixels[head], canvas.radius(0.8 * shape.ball_radii[head], depth[head]), dark)
    soft = cv2.GaussianBlur(light, (0, 0), 4 * SUPERSAMPLE)
    canvas.image = cv2.multiply(canvas.image, cv2.merge([soft] * 3), scale=1 / 255)


def _draw_body(canvas: _Canvas, image: Image, shape: Solids) -> None:
    """Bones and balls from far to near, shaded by a light at the viewer's upper left."""
    balls, ball_depth = canvas.project(shape.ball_positions)
    ends = shape.bone_positions + _directions(shape)
    starts_px, start_depth = canvas.project(shape.bone_positions)
    ends_px, end_depth = canvas.project(ends)
    parts: list[tuple[float, int, bool]] = [(-d, i, True) for i, d in enumerate(ball_depth)]
    parts += [(-(a + b) / 2, i, False) for i, (a, b) in enumerate(zip(start_depth, end_depth, strict=True))]
    for depth, i, is_ball in sorted(parts):
        if is_ball:
            radius = canvas.radius(float(shape.ball_radii[i]), -depth)
            _shaded_ball(image, balls[i], radius, shape.ball_colors[i])
        else:
            radius = canvas.radius(float(shape.bone_scales[i, 0]), -depth)
            _shaded_bone(image, starts_px[i], ends_px[i], radius, shape.bone_colors[i])


def _directions(shape: Solids) -> Floats:
    """(B,3) from start to end of each bone: the turned +Y axis times the length."""
    w, x, y, z = shape.bone_wxyz.T.astype(np.float64)
    up = np.stack([2 * (x * y - w * z), w * w - x * x + y * y - z * z, 2 * (y * z + w * x)], 1)
    return up * shape.bone_scales[:, 1:2]


def _shaded_ball(image: Image, centre: Floats, radius: float, rgb: NDArray[np.uint8]) -> None:
    color = rgb[::-1].astype(np.float64)
    _disc(image, centre, radius + SUPERSAMPLE, 0.25 * color)
    for share, offset, light in ((1.0, 0.0, 0.72), (0.78, 0.16, 0.9), (0.5, 0.28, 1.06), (0.2, 0.36, 1.25)):
        _disc(image, centre - radius * offset, radius * share, np.minimum(light * color, 255))


def _shaded_bone(image: Image, a: Floats, b: Floats, radius: float, rgb: NDArray[np.uint8]) -> None:
    color = rgb[::-1].astype(np.float64)
    across = np.array([-0.25, -0.3]) * radius
    for share, shift, light in ((1.35, 0.0, 0.22), (1.0, 0.0, 0.62), (0.6, 0.7, 0.84), (0.22, 1.2, 1.0)):
        width = max(1, round(2 * radius * share))
        _line(image, a + shift * across, b + shift * across, light * color, width)


def _line(image: Image, a: Floats, b: Floats, color: Floats, width: int) -> None:
    cv2.line(image, _pixel(a), _pixel(b), tuple(color.tolist()), width, cv2.LINE_AA)


def _disc(image: Image, centre: Floats, radius: float, color: Floats) -> None:
    cv2.circle(image, _pixel(centre), max(1, round(radius)), tuple(color.tolist()), cv2.FILLED, cv2.LINE_AA)


def _pixel(point: Floats) -> tuple[int, int]:
    x, y = np.clip(np.rint(point), -30_000, 30_000).astype(int)
    return int(x), int(y)


def _fitted(image: Image, max_width: int, height: int) -> Image:
    """The picture at full `height`, cut at the sides where it would be wider than `max_width`."""
    factor = max(height / image.shape[0], 1e-3)
    width = max(1, round(image.shape[1] * factor))
    scaled = cv2.resize(
        image, (width, height), interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    )
    surplus = max(0, width - max_width)
    cut: Image = scaled[:, surplus // 2 : surplus // 2 + min(width, max_width)]
    return cut


def _captioned(image: Image, text: str) -> Image:
    out = np.ascontiguousarray(image)
    scale, margin = image.shape[0] * CAPTION_PX / 30, round(image.shape[0] * CAPTION_PX)
    at = margin, image.shape[0] - margin
    below = at[0] + 1, at[1] + 1
    cv2.putText(out, text, below, cv2.FONT_HERSHEY_SIMPLEX, scale, (20, 16, 12), 1, cv2.LINE_AA)
    cv2.putText(out, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (235, 228, 220), 1, cv2.LINE_AA)
    return out
