"""Real video files for the tests, written with PyAV."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from tests.realtime.servers import write_number

Picture = NDArray[np.uint8]
SIZE = (272, 64)
"""Wide enough for a number."""


def numbered(count: int, size: tuple[int, int] = SIZE) -> list[Picture]:
    """Grey pictures that carry their number."""
    return [write_number(np.full((size[1], size[0], 3), 90, np.uint8), i) for i in range(count)]


def write_video(
    path: Path,
    pictures: Sequence[Picture],
    pts_ms: Sequence[int] | None = None,
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    gop: int = 12,
    rotation_deg: int = 0,
) -> Path:
    """Encode pictures at the given times, by default 40 ms apart. `rotation_deg` counter-clockwise."""
    times = list(pts_ms) if pts_ms is not None else [40 * i for i in range(len(pictures))]
    base = Fraction(1, 1000)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = pictures[0].shape[1], pictures[0].shape[0], pix_fmt
        stream.codec_context.gop_size = gop
        if times[-1] != 40 * (len(times) - 1):
            stream.time_base = stream.codec_context.time_base = base
        if rotation_deg:
            stream.set_display_rotation(rotation_deg)
        for picture, time_ms in zip(pictures, times, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            frame.pts, frame.time_base = time_ms, base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """A second of silence without any picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 44100), np.int16), "s16", "mono")
        frame.rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
