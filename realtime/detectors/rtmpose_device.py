"""RTMPose with its crop and its decoding inside the network: one call for everybody in the picture.

For engines on a GPU, where the picture goes across once and a hundred numbers per person come back. The
joints are needed on the processor in any case (who is who, windows, outputs), and at that size a way for them
to stay on the GPU until the lifter would save nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ModelError
from lifting.runtime import Network
from lifting.skeleton import to_body21
from realtime.data import Image
from realtime.detectors import Estimate, Region, Search
from realtime.detectors.crop import Affine, inside, picture_from_crop, to_picture
from realtime.detectors.device_graph import CROP_SIZE, FRAME, MATRIX, POINTS, SCORES
from realtime.detectors.rtmpose import SCORE_JOINTS, TABLES, next_region


class RtmPoseOnDevice:
    """An RTMPose network prepared by `realtime.detectors.device_graph`."""

    finds_all = True

    def __init__(self, network: Network, search: Search, *, name: str = "rtmpose") -> None:
        """Raises ModelError when the network was not prepared."""
        if set(network.inputs) != {FRAME, MATRIX}:
            raise ModelError(f"This network takes {', '.join(network.inputs)}, not {FRAME} and {MATRIX}.")
        self.name = name
        self._network, self._search = network, search
        width, height = network.metadata[CROP_SIZE].split("x")
        self._size = int(width), int(height)
        self._one_by_one = isinstance(network.inputs[MATRIX][0], int)

    def search(self, image: Image) -> list[Region]:
        """Regions of the people in the whole picture, best first; empty when nobody is there."""
        return self._search(image)

    def estimate(self, image: Image, region: Region) -> Estimate:
        """Joints of the person in `region`, whose angle is not used."""
        return self.estimate_all(image, [region])[0]

    def estimate_all(self, image: Image, regions: Sequence[Region]) -> list[Estimate]:
        """Joints of the people in all `regions`, in one call of the network where it takes several."""
        if self._one_by_one and len(regions) > 1:
            return [self.estimate(image, region) for region in regions]
        if not regions:
            return []
        matrices = [picture_from_crop(Region(r.cx, r.cy, r.size), self._size) for r in regions]
        arrays: dict[str, NDArray[np.generic]] = {FRAME: image, MATRIX: np.stack(matrices).astype(np.float32)}
        out = self._network(**arrays)
        return [
            self._estimate(image, *person)
            for person in zip(regions, matrices, out[POINTS], out[SCORES], strict=True)
        ]

    def _estimate(
        self, image: Image, region: Region, matrix: Affine, points: np.ndarray, raw: np.ndarray
    ) -> Estimate:
        if len(raw) not in TABLES:
            raise ModelError(f"An RTMPose network has 17, 26 or 133 joints, not {len(raw)}.")
        px, conf = to_body21(to_picture(matrix, points), np.clip(raw, 0, 1), TABLES[len(raw)])
        confidence = np.where(inside(px, image), conf, 0).astype(np.float32)
        score = float(np.sort(conf)[-SCORE_JOINTS:].mean())
        aspect = self._size[0] / self._size[1]
        return Estimate(px, confidence, score, next_region(px, confidence, aspect, region))
