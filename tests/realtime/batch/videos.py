"""Small videos for the tests of batches."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from realtime.models import store

FAST = ("--detector", "movenet", "--detector.variant", "lightning")
SIZE = (320, 240)


def plain_video(path: Path, frames: int = 12, shade: int = 60) -> Path:
    """A grey picture with a moving bar: nobody is in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    out = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30, SIZE)
    for i in range(frames):
        picture = np.full((SIZE[1], SIZE[0], 3), shade, np.uint8)
        picture[:, 4 * i : 4 * i + 8] = 200
        out.write(picture)
    out.release()
    return path


def clip_part(path: Path, first: int, frames: int) -> Path:
    """A part of the demo clip, small."""
    path.parent.mkdir(parents=True, exist_ok=True)
    clip = cv2.VideoCapture(str(store.clip_path()))
    out = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30, (480, 270))
    for index in range(first + frames):
        good, picture = clip.read()
        assert good
        if index >= first:
            out.write(cv2.resize(picture, (480, 270)))
    out.release()
    clip.release()
    return path
