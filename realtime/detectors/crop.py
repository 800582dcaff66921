"""Cut a region out of a picture, and bring points found in the crop back into the picture.

Pixel centres lie at whole numbers, in the picture as in the crop. A crop of width w and height h shows
`region.size` picture pixels along its longer side, so with the step s = region.size / max(w, h)

    picture = centre + R(angle) · (crop - ((w-1)/2, (h-1)/2)) · s,    R = [[cos, -sin], [sin, cos]]

and a region of the picture's own size, centred at ((W-1)/2, (H-1)/2), reproduces it pixel for pixel.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.data import Float32, Image
from realtime.detectors import Region

Affine = NDArray[np.float64]


def picture_from_crop(region: Region, size: tuple[int, int], *, flip: bool = False) -> Affine:
    """(2,3) matrix from crop pixels to picture pixels; `size` is the crop's (width, height).

    `flip` shows the crop mirrored left to right. Raises ValueError for a region without extent.
    """
    if not (math.isfinite(region.size) and region.size > 0):
        raise ValueError(f"a region needs a positive size, got {region.size}")
    width, height = size
    step = region.size / max(width, height)
    c, s = math.cos(region.angle) * step, math.sin(region.angle) * step
    linear = np.array([[c, -s], [s, c]])
    if flip:
        linear[:, 0] *= -1
    shift = np.array([region.cx, region.cy]) - linear @ ((width - 1) / 2, (height - 1) / 2)
    return np.column_stack([linear, shift])


def crop_rgb(image: Image, matrix: Affine, size: tuple[int, int], *, replicate: bool = False) -> Image:
    """The part of `image` (H,W,3) BGR that `matrix` (from `picture_from_crop`) shows, as (h,w,3) RGB.

    Sampling is bilinear. Outside the picture lies black, or the picture's last pixel with `replicate`.
    """
    border = cv2.BORDER_REPLICATE if replicate else cv2.BORDER_CONSTANT
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    bgr = cv2.warpAffine(image, matrix, size, flags=flags, borderMode=border)
    rgb: Image = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    return rgb


def to_picture(matrix: Affine, points_crop: NDArray[np.floating]) -> Float32:
    """Crop pixels (...,2) → picture pixels (...,2)."""
    out: Float32 = (points_crop @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    return out


def whole_picture(image: Image) -> Region:
    """The smallest upright square that shows the whole picture."""
    height, width = image.shape[:2]
    return Region((width - 1) / 2, (height - 1) / 2, float(max(width, height)))


def inside(points_px: Float32, image: Image) -> NDArray[np.bool_]:
    """(J,) which of the points (J,2) lie within the picture."""
    height, width = image.shape[:2]
    x, y = points_px[:, 0], points_px[:, 1]
    out: NDArray[np.bool_] = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    return out


def as_input(rgb: NDArray[np.generic], shape: tuple[int | str | None, ...]) -> NDArray[np.generic]:
    """A picture (h,w,3) as a batch of one in the layout of a network input of this `shape`."""
    if shape[-1] == 3:
        return np.ascontiguousarray(rgb)[None]
    return np.ascontiguousarray(rgb.transpose(2, 0, 1))[None]


def input_size(shape: tuple[int | str | None, ...], default: tuple[int, int]) -> tuple[int, int]:
    """(width, height) that a network input of this `shape` wants; `default` where it leaves them open."""
    height, width = shape[1:3] if shape[-1] == 3 else shape[2:4]
    if isinstance(height, int) and isinstance(width, int):
        return width, height
    return default
