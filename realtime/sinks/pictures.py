"""Frames whose picture was taken out, so that a long queue of them needs no memory."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from realtime.data import Image, Motion

_NO_PIXEL = np.zeros((), np.uint8)


def without_picture(motion: Motion) -> Motion:
    """The same frame, of the same size, with a black picture that is one byte large."""
    height, width, _ = motion.frame.image.shape
    return replace(motion, frame=replace(motion.frame, image=no_picture(width, height)))


@lru_cache(4)
def no_picture(width: int, height: int) -> Image:
    """(H,W,3) black, one byte of memory, read-only."""
    return np.broadcast_to(_NO_PIXEL, (height, width, 3))


def has_picture(image: Image) -> bool:
    """False for what `no_picture` made: its pixels are all the same byte."""
    return any(image.strides)
