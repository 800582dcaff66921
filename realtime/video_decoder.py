"""H.264 packets of a session to pictures, by FFmpeg through PyAV."""

from __future__ import annotations

from typing import Any

import numpy as np

from lifting.errors import MissingExtra
from realtime.data import Image

try:
    import av
except ImportError as error:
    raise MissingExtra("PyAV, which makes and reads video,", "video") from error

MAX_SIDE_PX = 8192
_SPS = 7


class H264Decoder:
    """Decodes packet after packet. After a gap in the stream it waits for the next key frame."""

    def __init__(self) -> None:
        self._codec: Any = av.CodecContext.create("h264", "r")
        self._codec.thread_count = 1  # more threads would hold pictures back
        self._codec.options = {"max_pixels": str(MAX_SIDE_PX**2)}

    def decode(self, packet: bytes, width: int, height: int) -> Image | None:
        """The picture (H,W,3) BGR of a packet, cut to `width` and `height`; None where it is damaged."""
        try:
            frames = self._codec.decode(av.Packet(packet))
        except av.error.FFmpegError:
            return None
        if not frames or max(frames[-1].width, frames[-1].height) > MAX_SIDE_PX:
            return None
        image = frames[-1].to_ndarray(format="bgr24")
        if image.shape[0] < height or image.shape[1] < width:
            return None
        return np.ascontiguousarray(image[:height, :width])


def begins_anew(packet: bytes) -> bool:
    """True for a packet with which a decoder can begin: its first unit is a sequence parameter set."""
    unit = packet[4:5] if packet.startswith(b"\0\0\0\1") else packet[3:4]
    return bool(unit) and unit[0] & 0x1F == _SPS
