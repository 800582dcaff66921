"""Boxes and regions: round trips, and mmpose's arithmetic written out plainly."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from realtime.detectors import Region
from realtime.detectors.boxes import box_from_region, region_from_box
from realtime.detectors.crop import picture_from_crop

SIZES = [(192, 256), (288, 384), (256, 256), (256, 192)]


def mmpose_matrix(box: tuple[float, ...], size: tuple[int, int], padding: float) -> np.ndarray:
    """Picture → crop as mmpose does it: pad, grow to the crop's shape, put the centre at (w/2, h/2)."""
    width, height = size
    x0, y0, x1, y1 = box
    w, h = (x1 - x0) * padding, (y1 - y0) * padding
    if w > h * width / height:
        h = w * height / width
    else:
        w = h * width / height
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    scale = width / w
    return np.column_stack([np.eye(2) * scale, np.array([width / 2, height / 2]) - centre * scale])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("padding", [1.25, 1.0])
@pytest.mark.parametrize("box", [(10.0, 20.0, 60.0, 220.0), (-30.0, 5.5, 400.25, 120.0)])
def test_a_region_cuts_what_mmpose_cuts(
    box: tuple[float, float, float, float], padding: float, size: tuple[int, int]
) -> None:
    """Both matrices are inverse to each other."""
    ours = picture_from_crop(region_from_box(box, size, padding=padding), size)
    assert cv2.invertAffineTransform(ours) == pytest.approx(mmpose_matrix(box, size, padding), abs=1e-9)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("padding", [1.25, 1.0])
def test_round_trip(size: tuple[int, int], padding: float) -> None:
    """Region → box → region changes nothing."""
    region = Region(123.4, 56.7, 321.0)
    got = region_from_box(box_from_region(region, size, padding=padding), size, padding=padding)
    assert (got.cx, got.cy, got.size) == pytest.approx((region.cx, region.cy, region.size))


def test_a_box_without_extent_still_gives_a_region() -> None:
    """Two pixels are the least."""
    assert region_from_box((5, 5, 5, 5), score=0.4) == Region(5 - 1 / 256, 5 - 1 / 256, 2.0, score=0.4)
