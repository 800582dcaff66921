"""Boxes of people, and the crop that mmpose cuts for them.

mmpose grows a box by a padding, then to the shape of the network's picture, and puts its centre at
(w/2, h/2) of the crop. Here a region's centre lies at ((w-1)/2, (h-1)/2), half a crop pixel further up and
left; with that taken into account both cut the same pixels.
"""

from __future__ import annotations

from realtime.detectors import Region

PADDING = 1.25
"""Margin around a box that top-down networks are trained with."""
Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the picture."""


def region_from_box(
    box: Box, size: tuple[int, int] = (192, 256), *, padding: float = PADDING, score: float = 1.0
) -> Region:
    """The region whose crop of `size` (width, height) is the one that mmpose cuts for `box`."""
    width, height = size
    x0, y0, x1, y1 = box
    step = max((x1 - x0) * padding / width, (y1 - y0) * padding / height, 2.0 / max(size))
    cx, cy = (x0 + x1) / 2 - step / 2, (y0 + y1) / 2 - step / 2
    return Region(cx, cy, step * max(size), score=score)


def box_from_region(region: Region, size: tuple[int, int], *, padding: float = PADDING) -> Box:
    """The box for which mmpose cuts what `region` shows in a crop of `size` (width, height)."""
    step = region.size / max(size)
    cx, cy = region.cx + step / 2, region.cy + step / 2
    half_w, half_h = (step * side / (2 * padding) for side in size)
    return cx - half_w, cy - half_h, cx + half_w, cy + half_h
