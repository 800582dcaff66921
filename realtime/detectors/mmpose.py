"""Any top-down 2D model of mmpose, run by mmpose itself; its joints are found by their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ConfigError
from lifting.skeleton import BODY21
from realtime.data import Float32, Image
from realtime.detectors import Estimate, Region, Search
from realtime.detectors.boxes import Box, box_from_region
from realtime.detectors.crop import inside
from realtime.detectors.rtmpose import SCORE_JOINTS, next_region

SYNONYMS = {
    "left_toe": ("left_toe", "left_big_toe", "left_bigtoe", "left_foot_index"),
    "right_toe": ("right_toe", "right_big_toe", "right_bigtoe", "right_foot_index"),
}
"""What data sets call BODY21's joints where they have another name for the same place."""
NEEDED = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")


class TopDown(Protocol):
    """What is asked of a model (realtime.openmmlab.model.MmposeModel)."""

    @property
    def keypoints(self) -> tuple[str, ...]:
        """Names in the order of its answers."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its picture."""

    @property
    def padding(self) -> float:
        """Margin that it adds to a box."""

    def infer(self, image: Image, boxes: Sequence[Box], /) -> list[tuple[Float32, Float32]]:
        """Of the person in each box: points (K,2) in pixels of the picture and scores (K,)."""


def body21_source(keypoints: tuple[str, ...]) -> NDArray[np.intp]:
    """(21,) position of every BODY21 joint among `keypoints`, -1 where the model does not know it.

    Raises ConfigError when shoulders or hips are missing: such a model is not for bodies.
    """
    place = {name.lower().replace("-", "_"): i for i, name in enumerate(keypoints)}
    missing = [name for name in NEEDED if name not in place]
    if missing:
        shown = ", ".join(keypoints[:8])
        raise ConfigError(
            f"This mmpose model knows no {' and '.join(missing)} (it finds {shown} ...). A model for bodies "
            "is needed, such as those of COCO, Halpe-26 or COCO-WholeBody."
        )
    rows = [next((place[s] for s in SYNONYMS.get(j, (j,)) if s in place), -1) for j in BODY21.joints]
    return np.array(rows, np.intp)


class Mmpose:
    """mmpose's own crop, network and decoding, on the person in a region."""

    finds_all = True

    def __init__(self, model: TopDown, search: Search, *, name: str = "mmpose") -> None:
        """Raises ConfigError when the model is not for human bodies."""
        self.name = name
        self._model, self._search = model, search
        self._source = body21_source(model.keypoints)

    def search(self, image: Image) -> list[Region]:
        """Regions of the people in the whole picture, best first; empty when nobody is there."""
        return self._search(image)

    def estimate(self, image: Image, region: Region) -> Estimate:
        """Joints of the person in `region`, whose angle is not used."""
        return self.estimate_all(image, [region])[0]

    def estimate_all(self, image: Image, regions: Sequence[Region]) -> list[Estimate]:
        """Joints of the people in all `regions`, in one call of the network."""
        if not regions:
            return []
        size, padding = self._model.size, self._model.padding
        answers = self._model.infer(image, [box_from_region(r, size, padding=padding) for r in regions])
        return [self._estimate(image, r, *answer) for r, answer in zip(regions, answers, strict=True)]

    def _estimate(self, image: Image, region: Region, points: Float32, raw: Float32) -> Estimate:
        known = self._source >= 0
        px = np.where(known[:, None], points[self._source], 0).astype(np.float32)
        seen = np.where(known, np.clip(raw[self._source], 0, 1), 0).astype(np.float32)
        confidence = np.where(inside(px, image), seen, 0).astype(np.float32)
        score = float(np.sort(seen)[-SCORE_JOINTS:].mean())
        width, height = self._model.size
        return Estimate(px, confidence, score, next_region(px, confidence, width / height, region))
