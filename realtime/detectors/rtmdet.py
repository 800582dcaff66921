"""RTMDet (mmdetection): people in the whole picture, as boxes.

The picture is scaled to fit into the network's, whose rest below and to the right is grey; colours stay BGR.
OpenMMLab's ONNX files suppress overlapping boxes themselves and give dets (1,N,5), corners and score in
pixels of that picture, and labels (1,N), 0 = person.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lifting.errors import ModelError
from lifting.runtime import Network
from realtime.data import Float32, Image
from realtime.detectors import Region
from realtime.detectors.boxes import region_from_box
from realtime.detectors.crop import as_input, input_size

MEAN_BGR = np.array([103.53, 116.28, 123.675], np.float32)
STD_BGR = np.array([57.375, 57.12, 58.395], np.float32)
GREY = 114
MIN_SCORE = 0.3
PERSON = 0
SMALLEST_PX = 2.0
"""Boxes with a shorter side are noise."""


def fit(image: Image, size: tuple[int, int]) -> tuple[Image, Float32]:
    """`image` (H,W,3) inside a grey picture of `size` (width, height), and by what x and y were scaled."""
    width, height = size
    rows, columns = image.shape[:2]
    ratio = min(width / columns, height / rows)
    inner = (int(columns * ratio + 0.5), int(rows * ratio + 0.5))  # rounded as mmcv does
    inner = (max(min(inner[0], width), 1), max(min(inner[1], height), 1))
    canvas = np.full((height, width, 3), GREY, np.uint8)
    canvas[: inner[1], : inner[0]] = cv2.resize(image, inner, interpolation=cv2.INTER_LINEAR)
    return canvas, np.array([inner[0] / columns, inner[1] / rows], np.float32)


class RtmDet:
    """Finds people in a whole picture."""

    def __init__(self, network: Network) -> None:
        """`network`: normalised BGR picture in, dets and labels out. Raises ModelError for other inputs."""
        if len(network.inputs) != 1:
            raise ModelError(f"An RTMDet network must have one input, not {len(network.inputs)}.")
        self._network = network
        self._input, self._shape = next(iter(network.inputs.items()))
        if len(self._shape) != 4:
            raise ModelError(f"An RTMDet network needs an input (1,3,h,w), not {self._shape}.")
        self._size = input_size(self._shape, (640, 640))

    def __call__(self, image: Image) -> list[Region]:
        """Regions of the people in `image` (H,W,3) BGR, best first."""
        boxes, scores = self.boxes(image)
        return [
            region_from_box((x0, y0, x1, y1), score=score)
            for (x0, y0, x1, y1), score in zip(boxes.tolist(), scores.tolist(), strict=True)
        ]

    def boxes(self, image: Image) -> tuple[Float32, Float32]:
        """Boxes (N,4) x0, y0, x1, y1 in pixels of the picture, inside it, and scores (N,), best first."""
        canvas, scale = fit(image, self._size)
        values = (canvas - MEAN_BGR) / STD_BGR
        dets = self._people(self._network(**{self._input: as_input(values, self._shape)}))
        limit = np.tile(np.array(image.shape[1::-1], np.float32), 2)
        boxes = np.clip(dets[:, :4] / np.tile(scale, 2), 0, limit)
        large = (boxes[:, 2:] - boxes[:, :2]).min(1, initial=np.inf) >= SMALLEST_PX
        order = np.argsort(-dets[large, 4], kind="stable")
        return boxes[large][order].astype(np.float32), dets[large, 4][order]

    def _people(self, outputs: dict[str, NDArray[np.float32]]) -> Float32:
        """Outputs → rows (N,5) of confident people, finite numbers only."""
        dets = next((o for o in outputs.values() if o.ndim == 3 and o.shape[2] == 5), None)
        labels = next((o for o in outputs.values() if o.ndim == 2), None)
        if dets is None or labels is None or dets.shape[:2] != labels.shape:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in outputs.items())
            raise ModelError(
                f"This network gives {shapes}. RTMDet as OpenMMLab exports it gives dets (1,N,5) and labels "
                "(1,N); try: sealcap models pull rtmdet-m"
            )
        rows = dets[0]
        good = (labels[0] == PERSON) & (rows[:, 4] >= MIN_SCORE) & np.isfinite(rows).all(1)
        out: Float32 = rows[good].astype(np.float32)
        return out
