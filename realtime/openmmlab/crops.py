"""Real pictures on which an exported network is compared with the one it came from."""

from __future__ import annotations

from pathlib import Path

import cv2

from lifting.errors import ModelError
from realtime.data import Image
from realtime.detectors import Region

FRAMES = (0, 80, 160)


def demo_crops(clip: Path) -> list[tuple[Image, Region]]:
    """Three frames of the clip, each whole, its middle, and a square that reaches over the rim."""
    found = []
    video = cv2.VideoCapture(str(clip))
    for number in range(max(FRAMES) + 1):
        ok, image = video.read()
        if not ok:
            break
        if number in FRAMES:
            height, width = image.shape[:2]
            squares = [(0.5, 0.5, 1.0), (0.4, 0.55, 0.5), (0.05, 0.9, 0.6)]
            found += [(image, Region(width * x, height * y, height * s)) for x, y, s in squares]
    video.release()
    if not found:
        raise ModelError(f"The clip {clip} cannot be read; pull it again: sealcap models pull demo-clip")
    return found
