"""RTMPose and its kin: any ONNX network with SimCC outputs, top-down on an upright box.

SimCC classifies each joint's column and row separately, on an axis twice as fine as the crop's pixels.
17 channels are COCO, 26 Halpe, 133 COCO-WholeBody. The people are found by another network.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ModelError
from lifting.runtime import Network
from lifting.skeleton import HALPE26_TO_BODY21, WHOLEBODY133_TO_BODY21, to_body21
from realtime.data import Float32, Image
from realtime.detectors import Estimate, Region, Search
from realtime.detectors.crop import as_input, crop_rgb, input_size, inside, picture_from_crop, to_picture

MEAN_RGB = np.array([123.675, 116.28, 103.53], np.float32)
STD_RGB = np.array([58.395, 57.12, 57.375], np.float32)
SPLIT_RATIO = 2.0
PADDING = 1.25
SEEN = 0.3
SCORE_JOINTS = 8
"""The person's score is the mean of the best so many joints: an upper body is a person too."""
TABLES: dict[int, NDArray[np.intp] | None] = {17: None, 26: HALPE26_TO_BODY21, 133: WHOLEBODY133_TO_BODY21}
"""Number of channels → where BODY21's joints are among them; None: COCO-17 order."""


def decode_simcc(rows: Float32, *, between_bins: bool = False) -> tuple[Float32, Float32]:
    """(J,n) responses along one axis → (J,) position of the peak in bins and (J,) its height.

    The highest bin, as mmpose takes it; with `between_bins` the peak of the parabola through it and its two
    neighbours (at the rim, the bin itself).
    """
    last = rows.shape[1] - 1
    peak = rows.argmax(1)
    joint = np.arange(len(rows))
    if not between_bins:
        return peak.astype(np.float32), rows[joint, peak]
    left, top = rows[joint, np.maximum(peak - 1, 0)], rows[joint, peak]
    right = rows[joint, np.minimum(peak + 1, last)]
    bend = left - 2 * top + right
    usable = (peak > 0) & (peak < last) & (bend < 0)
    shift = np.where(usable, 0.5 * (left - right) / np.where(usable, bend, -1), 0)
    return (peak + shift).astype(np.float32), top


def next_region(points_px: Float32, confidence: Float32, aspect: float, fallback: Region) -> Region:
    """Upright box of width/height `aspect` around the seen joints, with padding, as a region."""
    seen = confidence > SEEN
    if seen.sum() < 3:
        return fallback
    low, high = points_px[seen].min(0), points_px[seen].max(0)
    width, height = (float(v) * PADDING for v in high - low)
    height = max(height, width / aspect)
    cx, cy = (float(v) for v in (low + high) / 2)
    return Region(cx, cy, max(height, height * aspect, 2.0))


class RtmPose:
    """A SimCC network; input size, joints and layout are read from the network itself."""

    finds_all = True

    def __init__(
        self, network: Network, search: Search, *, name: str = "rtmpose", between_bins: bool = False
    ) -> None:
        """`network`: one normalised RGB picture in, two outputs (1,J,2w) and (1,J,2h).

        Points lie on whole bins, half a crop pixel apart, as mmpose's do, or with `between_bins` finer.
        Raises ModelError when the input is not one picture.
        """
        if len(network.inputs) != 1:
            raise ModelError(f"An RTMPose network must have one input, not {len(network.inputs)}.")
        self.name = name
        self._network, self._search, self._between_bins = network, search, between_bins
        self._input, self._shape = next(iter(network.inputs.items()))
        if len(self._shape) != 4:
            raise ModelError(f"An RTMPose network needs an input (1,3,h,w), not {self._shape}.")
        self._size = input_size(self._shape, (192, 256))

    def search(self, image: Image) -> list[Region]:
        """Regions of the people in the whole picture, best first; empty when nobody is there."""
        return self._search(image)

    def estimate(self, image: Image, region: Region) -> Estimate:
        """Joints of the person in `region`, whose angle is not used."""
        matrix = picture_from_crop(Region(region.cx, region.cy, region.size), self._size)
        rgb = crop_rgb(image, matrix, self._size)
        values = (rgb - MEAN_RGB) / STD_RGB
        points, raw = self._read(self._network(**{self._input: as_input(values, self._shape)}))
        px, conf = to_body21(to_picture(matrix, points), np.clip(raw, 0, 1), TABLES[len(raw)])
        confidence = np.where(inside(px, image), conf, 0).astype(np.float32)
        score = float(np.sort(conf)[-SCORE_JOINTS:].mean())
        aspect = self._size[0] / self._size[1]
        return Estimate(px, confidence, score, next_region(px, confidence, aspect, region))

    def _read(self, outputs: dict[str, NDArray[np.float32]]) -> tuple[Float32, Float32]:
        """Outputs → joints (J,2) in crop pixels and their scores (J,)."""
        x_rows, y_rows = self._axes(outputs)
        x, best_x = decode_simcc(x_rows[0], between_bins=self._between_bins)
        y, best_y = decode_simcc(y_rows[0], between_bins=self._between_bins)
        return np.stack([x, y], 1) / np.float32(SPLIT_RATIO), np.minimum(best_x, best_y)

    def _axes(self, outputs: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """The outputs for columns and rows, in this order."""
        bins = [round(side * SPLIT_RATIO) for side in self._size]
        named = sorted(outputs.items(), key=lambda item: item[0].lower().endswith("y"))
        if bins[0] != bins[1]:  # names differ between exports, lengths do not
            named.sort(key=lambda item: item[1].shape[-1] != bins[0])
        arrays = [array for _, array in named]
        joints = arrays[0].shape[1] if arrays[0].ndim == 3 else 0
        if joints not in TABLES or [a.shape for a in arrays] != [(1, joints, n) for n in bins]:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in outputs.items())
            raise ModelError(
                f"This network gives {shapes}. An RTMPose network of this input gives (1,J,{bins[0]}) and "
                f"(1,J,{bins[1]}) with J = 17, 26 or 133; export it without post-processing."
            )
        return arrays
