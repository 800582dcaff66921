"""Pictures to H.264 (Annex B, no B-frames, a key frame every second), by FFmpeg through PyAV."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from lifting.errors import MissingExtra, SinkError
from realtime.data import Image

try:
    import av
except ImportError as error:
    raise MissingExtra("PyAV, which makes and reads video,", "video") from error

KEY_PERIOD_NS = 1_000_000_000
QUALITY = "23"
"""Constant rate factor of x264: 18 looks lossless, 28 coarse."""
PRESET = "superfast"


class H264Encoder:
    """Encodes pictures of one size, each into one packet at once: no look-ahead, nothing held back."""

    def __init__(self, width: int, height: int) -> None:
        """Raises SinkError when this FFmpeg cannot make H.264."""
        self.size = width, height
        try:
            self._codec: Any = av.CodecContext.create("libx264", "w")
            self._codec.width, self._codec.height = width + width % 2, height + height % 2
            self._codec.pix_fmt = "yuv420p"
            self._codec.time_base = Fraction(1, 1_000_000)
            self._codec.framerate = Fraction(30, 1)
            self._codec.thread_count = 1
            self._codec.options = {
                "preset": PRESET, "tune": "zerolatency", "crf": QUALITY, "forced-idr": "1", "g": "100000",
            }  # fmt: skip
            self._codec.open()
        except (av.error.FFmpegError, ValueError) as error:
            raise SinkError(
                f"This FFmpeg makes no H.264 ({error}). Record without --record-video."
            ) from error
        self._first_ns: int | None = None
        self._key_due_ns = 0
        self._last_us = -1

    def encode(self, image: Image, time_ns: int) -> bytes:
        """One picture (H,W,3) BGR → its packet. Odd sizes get one more row or column."""
        frame = av.VideoFrame.from_ndarray(_planes(image), format="yuv420p")
        if self._first_ns is None:
            self._first_ns = self._key_due_ns = time_ns
        # H.264 wants times that rise; what the picture's time is stands in the session.
        self._last_us = frame.pts = max((time_ns - self._first_ns) // 1000, self._last_us + 1)
        frame.time_base = self._codec.time_base
        if time_ns >= self._key_due_ns or time_ns < self._first_ns:
            frame.pict_type = av.video.frame.PictureType.I
            self._key_due_ns = time_ns + KEY_PERIOD_NS
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))


def _planes(image: Image) -> Image:
    """(H,W,3) BGR → I420 planes as OpenCV lays them out (1.5 H, W), sides made even."""
    height, width = image.shape[:2]
    if width % 2 or height % 2:
        image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    planes: Image = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
    return planes
