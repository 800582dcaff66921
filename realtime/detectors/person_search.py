"""Where people are in the whole picture: MediaPipe's pose detector, a single-shot network on 224×224.

Every anchor predicts a face box and four points; the first is the middle of the hips, the second lies on
the circle around it that holds the whole body, straight above the head. The pair gives a turned square.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ModelError
from lifting.runtime import Network
from realtime.data import Float32, Image
from realtime.detectors import Region
from realtime.detectors.crop import (
    as_input,
    crop_rgb,
    input_size,
    picture_from_crop,
    to_picture,
    whole_picture,
)

STRIDES = (8, 16, 32, 32, 32)
ANCHORS_PER_LAYER = 2
VALUES = 12
MIN_SCORE = 0.5
MIN_OVERLAP = 0.3
"""Boxes that overlap the best one by more than this are the same person."""
REGION_SCALE = 1.25
"""Margin around the body circle that the landmark networks were trained with."""


def make_anchors(size: int = 224) -> Float32:
    """(N,2) anchor centres as shares of the picture. Layers of equal stride share one grid."""
    rows = []
    for stride in sorted(set(STRIDES)):
        cells = math.ceil(size / stride)
        per_cell = ANCHORS_PER_LAYER * STRIDES.count(stride)
        y, x = np.divmod(np.arange(cells * cells), cells)
        rows.append(np.repeat((np.stack([x, y], 1) + 0.5) / cells, per_cell, axis=0))
    return np.concatenate(rows).astype(np.float32)


def decode(raw: Float32, anchors: Float32, size: int) -> Float32:
    """Network values (N,12) → (N,12) shares of the picture: x0, y0, x1, y1, then four points."""
    values = (raw.reshape(-1, 6, 2) / size).astype(np.float32)
    values[:, 0] += anchors
    values[:, 2:] += anchors[:, None]
    half = values[:, 1] / 2
    values[:, 0], values[:, 1] = values[:, 0] - half, values[:, 0] + half
    out: Float32 = values.reshape(-1, VALUES)
    return out


def overlap(box: Float32, boxes: Float32) -> Float32:
    """Intersection over union of one box (4,) with many (N,4), corners x0, y0, x1, y1."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:4], boxes[:, 2:4])
    common = np.prod(np.maximum(high - low, 0), axis=1)
    area = np.prod(boxes[:, 2:4] - boxes[:, :2], axis=1)
    total = np.prod(box[2:4] - box[:2]) + area - common
    out: Float32 = common / np.maximum(total, 1e-12)
    return out


def merge(rows: Float32, scores: Float32) -> tuple[Float32, Float32]:
    """Weighted suppression: each group of overlapping rows (N,12) becomes its score-weighted mean.

    The group's score is its best one. Best group first.
    """
    order = np.argsort(-scores, kind="stable")
    rows, scores = rows[order], scores[order]
    out, best = [], []
    while len(rows):
        same = overlap(rows[0], rows) > MIN_OVERLAP
        same[0] = True
        out.append(np.average(rows[same], axis=0, weights=scores[same]))
        best.append(scores[0])
        rows, scores = rows[~same], scores[~same]
    return np.array(out, np.float32).reshape(-1, VALUES), np.array(best, np.float32)


def region_from_points(centre: Float32, top: Float32, score: float = 1.0) -> Region:
    """The turned square around `centre` whose circle passes through `top`, with the networks' margin."""
    dx, dy = (float(v) for v in top - centre)
    size = 2 * math.hypot(dx, dy) * REGION_SCALE
    return Region(float(centre[0]), float(centre[1]), max(size, 1.0), math.atan2(dx, -dy), score)


class PersonSearch:
    """Finds people in a whole picture."""

    def __init__(self, network: Network) -> None:
        """`network`: pose_detection; raises ModelError when its input is not one square RGB picture."""
        if len(network.inputs) != 1:
            raise ModelError(f"The person detector must have one input, not {len(network.inputs)}.")
        self._network = network
        self._input, self._shape = next(iter(network.inputs.items()))
        self._size, height = input_size(self._shape, (224, 224))
        if self._size != height:
            raise ModelError(f"The person detector's input must be square, not {self._size}x{height}.")
        self._anchors = make_anchors(self._size)

    def __call__(self, image: Image) -> list[Region]:
        """Regions of the people in `image` (H,W,3) BGR, best first."""
        matrix = picture_from_crop(whole_picture(image), (self._size, self._size))
        rgb = crop_rgb(image, matrix, (self._size, self._size))
        values = np.multiply(rgb, np.float32(2 / 255), dtype=np.float32) - np.float32(1)
        outputs = self._network(**{self._input: as_input(values, self._shape)})
        rows, scores = self._read(list(outputs.values()))
        points = to_picture(matrix, rows.reshape(-1, 6, 2)[:, 2:4] * self._size - 0.5)  # (N,2,2)
        return [region_from_points(a, b, float(s)) for (a, b), s in zip(points, scores, strict=True)]

    def _read(self, outputs: list[NDArray[np.float32]]) -> tuple[Float32, Float32]:
        """Outputs → merged rows (N,12) and scores (N,)."""
        count = len(self._anchors)
        try:
            raw = next(o for o in outputs if o.size == count * VALUES).reshape(count, VALUES)
            logits = next(o for o in outputs if o.size == count).reshape(count)
        except StopIteration:
            shapes = ", ".join(str(o.shape) for o in outputs)
            raise ModelError(
                f"The person detector gave {shapes}, not (1,{count},12) and (1,{count},1)."
            ) from None
        scores = (1 / (1 + np.exp(-np.clip(logits, -50, 50)))).astype(np.float32)
        good = scores >= MIN_SCORE
        return merge(decode(raw[good], self._anchors[good], self._size), scores[good])
