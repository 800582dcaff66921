"""2D figures drawn over the video: colour says left or right, opacity says confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BODY21, BODY21_EDGES
from realtime.data import Image, Keypoints
from realtime.web.palette import BACKDROP, MIDDLE, Rgb, bgr, side_color

Point = NDArray[np.floating]
"""(2,) pixels."""

SHIFT = 3
"""Fractional bits of OpenCV's drawing coordinates: figures move smoothly, not pixel by pixel."""
REACH_PX = 1e5
"""Points further out than this are mistakes, and beyond what OpenCV can draw."""
BOX_OPACITY = 0.55
SEEN = 0.02
"""Confidence below which nothing would be visible anyway."""


class _Layer:
    """Colours to be mixed into a part of a picture, and how much of them."""

    def __init__(self, corner: tuple[int, int], width: int, height: int) -> None:
        self._corner = np.array(corner)
        self._part = np.s_[corner[1] : corner[1] + height, corner[0] : corner[0] + width]
        self._color = np.zeros((height, width, 3), np.uint8)
        self._weight = np.zeros((height, width), np.uint8)

    def line(self, a: Point, b: Point, rgb: Rgb, width: int, alpha: float) -> None:
        """A line from `a` to `b` in pixels."""
        ends = _fixed(a - self._corner), _fixed(b - self._corner)
        # The colour reaches one pixel beyond the soft rim of the weight, so that the rim has the right hue.
        cv2.line(self._color, *ends, bgr(rgb), width + 2, cv2.LINE_8, SHIFT)
        cv2.line(self._weight, *ends, round(255 * alpha), width, cv2.LINE_AA, SHIFT)

    def disc(self, centre: Point, rgb: Rgb, radius: float, alpha: float) -> None:
        """A filled circle; `radius` in pixels."""
        at, size = _fixed(centre - self._corner), round(radius * (1 << SHIFT))
        cv2.circle(self._color, at, size + (1 << SHIFT), bgr(rgb), cv2.FILLED, cv2.LINE_8, SHIFT)
        cv2.circle(self._weight, at, size, round(255 * alpha), cv2.FILLED, cv2.LINE_AA, SHIFT)

    def mix_into(self, image: Image) -> None:
        """Put the layer on top of its part of `image`."""
        part = image[self._part]
        weight = self._weight.astype(np.float32) / 255
        mixed = cv2.blendLinear(self._color, part, weight, 1 - weight)
        # blendLinear rounds; where nothing was drawn the picture must stay exactly as it was.
        cv2.copyTo(mixed, self._weight, part)


def draw_overlay(image: Image, keypoints: Sequence[Keypoints]) -> Image:
    """A copy of `image` (H,W,3) BGR with every figure and its box.

    The person's left, right and middle differ in colour; a joint's opacity is its confidence, so joints
    with confidence 0 do not appear. Points and boxes are in pixels of `image`.
    """
    picture = image.copy()
    thickness = max(1, round(max(image.shape[:2]) / 240))
    for person in keypoints:
        layer = _layer_for(person, image.shape, 4 * thickness + 4)
        if layer is not None:
            _draw_box(layer, person, thickness)
            _draw_figure(layer, person, thickness)
            layer.mix_into(picture)
    return picture


def shrink(image: Image, keypoints: Sequence[Keypoints], width: int) -> tuple[Image, list[Keypoints]]:
    """Picture and figures scaled down by a whole number, so that the picture is at most `width` wide.

    Whole numbers are what OpenCV averages fastest; up to `number` - 1 pixels are cut off at the far edges.
    """
    number = -(-image.shape[1] // width)
    height = image.shape[0] // number
    if number == 1 or height == 0:
        return image, list(keypoints)
    whole = image[: height * number, : image.shape[1] // number * number]
    small = cv2.resize(whole, (whole.shape[1] // number, height), interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False), [_scaled(person, 1 / number) for person in keypoints]


def _scaled(person: Keypoints, factor: float) -> Keypoints:
    points = ((person.points_px + 0.5) * factor - 0.5).astype(np.float32)
    return replace(person, points_px=points, box=(person.box * factor).astype(np.float32))


def _layer_for(person: Keypoints, shape: tuple[int, ...], margin: int) -> _Layer | None:
    """A layer over what of the person lies in the picture; None where nothing does."""
    points = np.concatenate([person.points_px[person.confidence > SEEN], person.box.reshape(2, 2)])
    points = points[_drawable(points)]
    if not len(points):
        return None
    limit = shape[1], shape[0]
    low = np.clip(np.floor(points.min(0)) - margin, 0, limit).astype(int)
    high = np.clip(np.ceil(points.max(0)) + margin, 0, limit).astype(int)
    width, height = (int(side) for side in high - low)
    return _Layer((int(low[0]), int(low[1])), width, height) if width > 0 and height > 0 else None


def _fixed(point: Point) -> tuple[int, int]:
    x, y = np.rint(np.asarray(point, np.float64) * (1 << SHIFT)).astype(int)
    return int(x), int(y)


def _drawable(points: NDArray[np.floating]) -> NDArray[np.bool_]:
    return np.asarray((np.abs(np.nan_to_num(points, nan=np.inf)) < REACH_PX).all(-1))


def _draw_figure(layer: _Layer, person: Keypoints, thickness: int) -> None:
    points = person.points_px
    alpha = np.clip(np.nan_to_num(person.confidence), 0, 1)
    alpha = np.where(_drawable(points), alpha, 0)
    for a, b in BODY21_EDGES:
        if (both := float(min(alpha[a], alpha[b]))) > SEEN:
            layer.line(points[a], points[b], _edge_color(a, b), thickness, both)
    for joint, name in enumerate(BODY21.joints):
        if (own := float(alpha[joint])) > SEEN:
            layer.disc(points[joint], BACKDROP, 1.7 * thickness + 1, own)
            layer.disc(points[joint], side_color(name), 1.7 * thickness, own)


def _edge_color(a: int, b: int) -> Rgb:
    first, second = side_color(BODY21.joints[a]), side_color(BODY21.joints[b])
    if first == second:
        return first
    # A line between both sides belongs to the middle, one from the middle outwards to its side.
    return MIDDLE if MIDDLE not in (first, second) else (second if first == MIDDLE else first)


def _draw_box(layer: _Layer, person: Keypoints, thickness: int) -> None:
    corners = person.box.reshape(2, 2)
    if not _drawable(corners).all():
        return
    (x0, y0), (x1, y1) = corners
    reach = 0.12 * min(x1 - x0, y1 - y0)
    for x, y, dx, dy in ((x0, y0, 1, 1), (x1, y0, -1, 1), (x0, y1, 1, -1), (x1, y1, -1, -1)):
        corner = np.array([x, y])
        for step in ((dx * reach, 0.0), (0.0, dy * reach)):
            layer.line(corner, corner + step, MIDDLE, max(1, thickness // 2), BOX_OPACITY)
