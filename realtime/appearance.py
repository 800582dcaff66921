"""What somebody wears: a small colour histogram of the torso, to tell people apart who come close.

Lightness counts little (shadows), hue and saturation much: CIE Lab in 4 x 12 x 12 cells, blurred so that
a colour near the edge of a cell lies in both.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from realtime.data import Float32, Image
from realtime.detectors import Region
from realtime.detectors.crop import picture_from_crop

ABOVE = 0.10
"""Middle of the torso over the middle of the hips, as a share of the region's size."""
REACH = 0.16
"""Height of the patch, likewise; its width is half of that."""
PATCH_PX = (12, 24)
"""(width, height) in which the patch is read."""
BINS = (4, 12, 12)
RANGES = (0, 256, 80, 176, 80, 176)
"""Of L, a and b in OpenCV's 8-bit Lab, where 128 is grey."""
STRONGEST = (80, 175)
"""Stronger colours count as these."""


def clothes(image: Image, region: Region) -> Float32 | None:
    """Colours of the torso of whoever fills `region`: (576,) of unit length.

    None where the middle of the torso lies outside the picture (H,W,3).
    """
    patch = _torso(region)
    height, width = image.shape[:2]
    if not (0 <= patch.cx < width and 0 <= patch.cy < height):
        return None
    matrix = picture_from_crop(patch, PATCH_PX)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    bgr = cv2.warpAffine(image, matrix, PATCH_PX, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    lab = cv2.cvtColor(bgr, cv2.COLOR_BGR2LAB)
    lab[..., 1:] = lab[..., 1:].clip(*STRONGEST)
    cells = cv2.calcHist([lab], [0, 1, 2], None, list(BINS), list(RANGES)).reshape(BINS)
    soft = np.stack([cv2.blur(layer, (3, 3)) for layer in cells])
    share = soft.ravel() / float(soft.sum())
    out: Float32 = np.sqrt(share).astype(np.float32)
    return out


def difference(a: Float32 | None, b: Float32 | None) -> float | None:
    """Hellinger distance, 0 = the same colours, 1 = none in common; None where one is unknown."""
    if a is None or b is None:
        return None
    return math.sqrt(max(1.0 - float(a @ b), 0.0))


def blend(old: Float32 | None, new: Float32 | None, weight: float) -> Float32 | None:
    """`old` moved towards `new` by `weight`; whichever is known where the other is not."""
    if old is None or new is None:
        return new if old is None else old
    mixed = np.sqrt((1 - weight) * old**2 + weight * new**2)
    out: Float32 = (mixed / np.linalg.norm(mixed)).astype(np.float32)
    return out


def _torso(region: Region) -> Region:
    up = ABOVE * region.size
    cx, cy = region.cx + up * math.sin(region.angle), region.cy - up * math.cos(region.angle)
    return Region(cx, cy, max(REACH * region.size, 1.0), region.angle)
