"""MoveNet single pose (Thunder, Lightning): 17 joints on an upright square crop.

There is no separate person search: the network looks at the whole picture, then at where it saw somebody.
"""

from __future__ import annotations

import numpy as np

from lifting.errors import ModelError
from lifting.runtime import Network
from lifting.skeleton import BODY21, COCO17, to_body21
from realtime.data import Float32, Image
from realtime.detectors import Estimate, Region
from realtime.detectors.crop import (
    as_input,
    crop_rgb,
    input_size,
    inside,
    picture_from_crop,
    to_picture,
    whole_picture,
)

SEEN = 0.2
"""Joints below this score do not shape the next region."""
MIN_SCORE = 0.3
SEARCH_PASSES = 3
SCORE_JOINTS = 8
"""The person's score is the mean of the best so many joints: an upper body is a person too."""
RAW_SCORE = np.array([0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 1.0], np.float32)
CONFIDENCE = np.array([0.0, 0.3, 0.6, 0.85, 0.95, 0.98, 1.0], np.float32)
"""What a score means: how often a joint of that score lay within a tenth of the torso of the truth."""
_SHOULDERS = BODY21.indices("left_shoulder", "right_shoulder")
_HIPS = BODY21.indices("left_hip", "right_hip")


def next_region(points_px: Float32, visible: Float32, whole: Region, score: float) -> Region:
    """Square around the middle of the hips that holds torso and body, from joints (21,2) and scores (21,).

    Half its side is 1.9× the reach of the torso or 1.2× that of all seen joints, whichever is more.
    Without a seen hip and shoulder it is the box of the seen joints, doubled; at most `whole`.
    """
    seen = visible > SEEN
    if seen[_HIPS].any() and seen[_SHOULDERS].any():
        centre = points_px[_HIPS].mean(0)
        torso = np.abs(points_px[_SHOULDERS + _HIPS] - centre).max()
        half = max(1.9 * torso, 1.2 * np.abs(points_px[seen] - centre).max())
    elif seen.sum() >= 3:
        low, high = points_px[seen].min(0), points_px[seen].max(0)
        centre, half = (low + high) / 2, float((high - low).max())
    else:
        return Region(whole.cx, whole.cy, whole.size, score=score)
    if not 1 < half < whole.size / 2:
        return Region(whole.cx, whole.cy, whole.size, score=score)
    return Region(float(centre[0]), float(centre[1]), float(2 * half), score=score)


class MoveNet:
    """Thunder or Lightning, told apart by the size of their input."""

    finds_all = False

    def __init__(self, network: Network, *, name: str = "movenet") -> None:
        """`network`: int32 RGB picture in, (1,1,17,3) out: y, x as shares of the crop, score."""
        if len(network.inputs) != 1:
            raise ModelError(f"A MoveNet network must have one input, not {len(network.inputs)}.")
        self.name = name
        self._network = network
        self._input, self._shape = next(iter(network.inputs.items()))
        self._size = input_size(self._shape, (256, 256))

    def search(self, image: Image) -> list[Region]:
        """The region of the most visible person, found by looking at the whole picture, then closer."""
        region = whole_picture(image)
        for _ in range(SEARCH_PASSES):
            region = self.estimate(image, region).region
        return [region] if region.score >= MIN_SCORE else []

    def estimate(self, image: Image, region: Region) -> Estimate:
        """Joints of the person in `region`, whose angle is not used."""
        matrix = picture_from_crop(Region(region.cx, region.cy, region.size), self._size)
        rgb = crop_rgb(image, matrix, self._size).astype(np.int32)
        outputs = list(self._network(**{self._input: as_input(rgb, self._shape)}).values())
        if outputs[0].size != len(COCO17) * 3:
            raise ModelError(f"A MoveNet network must give (1,1,17,3), not {outputs[0].shape}.")
        rows = outputs[0].reshape(len(COCO17), 3)
        # Share 0 is the edge of the first pixel: mirrored pictures then give mirrored joints.
        px = to_picture(matrix, rows[:, 1::-1] * self._size - 0.5)
        raw = np.clip(rows[:, 2], 0, 1).astype(np.float32)
        points, visible = to_body21(px, np.where(inside(px, image), raw, 0), None)
        score = float(np.sort(raw)[-SCORE_JOINTS:].mean())
        region = next_region(points, visible, whole_picture(image), score)
        confidence = np.interp(visible, RAW_SCORE, CONFIDENCE).astype(np.float32)
        return Estimate(points, confidence, score, region)
