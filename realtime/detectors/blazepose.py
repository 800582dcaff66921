"""BlazePose (MediaPipe Pose): 39 landmarks on a turned 256×256 crop, sharpened by its heatmap.

Landmarks 33 and 34 are the middle of the hips and the top of the body circle: they make the next region.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ModelError
from lifting.runtime import Network
from lifting.skeleton import BLAZEPOSE33_TO_BODY21
from realtime.data import Float32, Image
from realtime.detectors import Estimate, Region, Search
from realtime.detectors.crop import as_input, crop_rgb, input_size, inside, picture_from_crop, to_picture
from realtime.detectors.person_search import region_from_points

LANDMARKS = 39
USED = np.array([*BLAZEPOSE33_TO_BODY21, 33, 34])
"""BODY21 in its order, then the two points of the next region."""
KERNEL = 7
MIN_HEAT = 0.5
"""Below this the heatmap is unsure and the regressed landmark stays."""


def sigmoid(x: NDArray[np.float32]) -> Float32:
    """1 / (1 + e^-x), without overflow."""
    out: Float32 = (1 / (1 + np.exp(-np.clip(x, -50, 50)))).astype(np.float32)
    return out


def refine(points: Float32, heatmap: Float32, channels: NDArray[np.intp]) -> Float32:
    """Replace points (J,2) by the heatmap's mean around them, where the heatmap is sure.

    `points` are shares of the crop, `heatmap` (h,w,C) logits, `channels` (J,) says which belongs to which
    point. The mean runs over 7×7 cells, fewer at the rim; points outside the crop stay.
    """
    height, width = heatmap.shape[:2]
    centre = np.trunc(points * (width, height)).astype(np.intp)  # (J,2) column, row
    usable = ((points >= 0) & (centre < (width, height))).all(1)
    reach = np.arange(KERNEL) - KERNEL // 2
    cols = centre[:, None, :1] + reach[None, None]  # (J,1,7)
    rows = centre[:, None, 1:].transpose(0, 2, 1) + reach[None, :, None]  # (J,7,1)
    valid = (cols >= 0) & (cols < width) & (rows >= 0) & (rows < height)  # (J,7,7)
    channel = channels[:, None, None]
    logits = heatmap[np.clip(rows, 0, height - 1), np.clip(cols, 0, width - 1), channel]
    heat = np.where(valid, sigmoid(logits), 0)
    total = np.maximum(heat.sum((1, 2)), 1e-9)
    mean = np.stack([(heat * cols).sum((1, 2)) / width, (heat * rows).sum((1, 2)) / height], 1)
    sure = usable & (heat.max((1, 2)) >= MIN_HEAT)
    return np.where(sure[:, None], mean / total[:, None], points).astype(np.float32)


class BlazePose:
    """Any of the three landmark networks, with another one (MediaPipe's, or RTMDet) for the search."""

    finds_all = True

    def __init__(self, landmarks: Network, search: Search, *, name: str = "blazepose") -> None:
        """`landmarks`: lite, full or heavy. Raises ModelError when its input is not one square picture."""
        if len(landmarks.inputs) != 1:
            raise ModelError(f"A BlazePose network must have one input, not {len(landmarks.inputs)}.")
        self.name = name
        self._network, self._search = landmarks, search
        self._input, self._shape = next(iter(landmarks.inputs.items()))
        self._size, height = input_size(self._shape, (256, 256))
        if self._size != height:
            raise ModelError(f"BlazePose's input must be square, not {self._size}x{height}.")

    def search(self, image: Image) -> list[Region]:
        """Regions of the people in the whole picture, best first; empty when nobody is there."""
        return self._search(image)

    def estimate(self, image: Image, region: Region) -> Estimate:
        """Joints of the person in `region`."""
        matrix = picture_from_crop(region, (self._size, self._size))
        rgb = crop_rgb(image, matrix, (self._size, self._size), replicate=True)
        values = np.multiply(rgb, np.float32(1 / 255), dtype=np.float32)
        outputs = self._network(**{self._input: as_input(values, self._shape)})
        points, seen, score = self._read(list(outputs.values()))
        px = to_picture(matrix, points * self._size)  # (23,2), MediaPipe: share 0 = centre of the first pixel
        confidence = np.where(inside(px[:-2], image), seen[:-2], 0).astype(np.float32)
        return Estimate(px[:-2], confidence, score, region_from_points(px[-2], px[-1], score))

    def _read(self, outputs: list[NDArray[np.float32]]) -> tuple[Float32, Float32, float]:
        """Outputs → points (23,2) as shares of the crop, confidence (23,), presence of a person."""
        by_size = {o.size: o for o in outputs}
        cells = self._size // 4
        try:
            rows = by_size[LANDMARKS * 5].reshape(LANDMARKS, 5)[USED]
            presence = float(by_size[1].reshape(()))
            heat = by_size[cells * cells * LANDMARKS]
        except KeyError:
            shapes = ", ".join(str(o.shape) for o in outputs)
            raise ModelError(
                f"A BlazePose network must give landmarks, presence and heatmap, not {shapes}."
            ) from None
        if heat.shape[-1] == LANDMARKS:
            heat = heat.reshape(cells, cells, LANDMARKS)
        else:
            heat = heat.reshape(LANDMARKS, cells, cells).transpose(1, 2, 0)
        points = refine(rows[:, :2] / np.float32(self._size), heat, USED)
        return points, sigmoid(rows[:, 3]) * sigmoid(rows[:, 4]), presence
