"""A session played: its frames one after the other when their time has come, with their pictures."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lifting.errors import SessionError
from realtime.data import Image
from realtime.revive import picture_size
from realtime.session import StoredFrame, read_frames, read_header

if TYPE_CHECKING:
    from realtime.video_decoder import H264Decoder

MAX_PENDING = 600
"""Packets between two key frames; ours are a second apart."""
TICK_S = 0.05
_PROBED_FRAMES = 60


@dataclass(frozen=True)
class PlayedFrame:
    """A frame whose time has come."""

    stored: StoredFrame
    capture_time_ns: int
    """As recorded; when a session is repeated, time goes on."""
    image: Image | None
    """(H,W,3) BGR; None where there is none or none was wanted."""
    turn: int = 0
    """How often the playback has begun anew."""


class Playback:
    """Plays a session once, or over and over."""

    def __init__(
        self,
        path: str | Path,
        *,
        speed: float | None = 1.0,
        loop: bool = False,
        start_s: float = 0.0,
        end_s: float = math.inf,
        pictures: bool = True,
    ) -> None:
        """`speed`: 2 plays twice as fast, None as fast as frames are taken. `start_s`, `end_s` count from
        the first frame. Raises SessionError when there is no frame, MissingExtra when pictures are wanted,
        there, and cannot be decoded.
        """
        self.path = Path(path)
        self.header = read_header(self.path)
        self.has_video = self.header.has_video
        self._speed, self._loop, self._start_s, self._end_s = speed, loop, start_s, end_s
        self._pictures = pictures and self.has_video
        if self._pictures:
            from realtime import video_decoder  # noqa: F401 - is the library there? Say so at once.
        self._closed = False
        self.late_ms = 0.0
        """The most that a frame came after its time."""
        self._origin_ns, self.fps = self._probe()

    def frames(self) -> Iterator[PlayedFrame]:
        """Frames in order, each when it is due. Raises SessionError on damage, or when the part is empty."""
        begin_ns, shift_ns, turn = time.monotonic_ns(), 0, 0
        first_ns: int | None = None
        while not self._closed:
            last_ns = None
            for stored, image in self._part():
                capture_ns = stored.pose.capture_time_ns
                first_ns = capture_ns if first_ns is None else first_ns
                last_ns = capture_ns
                if not self._wait(begin_ns, capture_ns - first_ns + shift_ns):
                    return
                yield PlayedFrame(stored, capture_ns + shift_ns, image, turn)
            if last_ns is None or first_ns is None:
                raise SessionError(f"{self.path} has no frame between --start and --end.")
            if not self._loop:
                return
            turn += 1
            shift_ns += max(0, last_ns - first_ns) + round(1e9 / (self.fps or 30.0))

    def close(self) -> None:
        """End `frames` within `TICK_S`; from any thread, and from a signal's handler: nothing is locked."""
        self._closed = True

    def _probe(self) -> tuple[int, float | None]:
        """Time of the first frame, and the rate."""
        head = [frame for _, frame in zip(range(_PROBED_FRAMES), read_frames(self.path), strict=False)]
        if not head:
            raise SessionError(f"There is no frame in {self.path}: the recording ended before its first one.")
        times = np.array([frame.pose.capture_time_ns for frame in head])
        step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
        return int(times[0]), 1e9 / step if step > 0 else None

    def _part(self) -> Iterator[tuple[StoredFrame, Image | None]]:
        """Frames from start to end with their pictures, as fast as they are read."""
        pictures = _Pictures() if self._pictures else None
        for stored in read_frames(self.path):
            at_s = (stored.pose.capture_time_ns - self._origin_ns) / 1e9
            if at_s > self._end_s:
                return
            wanted = at_s >= self._start_s
            image = pictures.next(stored, wanted) if pictures is not None else None
            if wanted:
                yield stored, image

    def _wait(self, begin_ns: int, media_ns: int) -> bool:
        """Until a frame is due; False when there is no more playing."""
        if self._speed is None:
            return not self._closed
        due_ns = begin_ns + round(media_ns / self._speed)
        while not self._closed and (rest_s := (due_ns - time.monotonic_ns()) / 1e9) > 0:
            time.sleep(min(rest_s, TICK_S))
        self.late_ms = max(self.late_ms, (time.monotonic_ns() - due_ns) / 1e6)
        return not self._closed


class _Pictures:
    """Decodes what is wanted; of what is skipped only the last second, on which the next picture builds."""

    def __init__(self) -> None:
        from realtime.video_decoder import H264Decoder, begins_anew

        self._decoder: H264Decoder = H264Decoder()
        self._begins_anew = begins_anew
        self._pending: list[StoredFrame] = []

    def next(self, stored: StoredFrame, wanted: bool) -> Image | None:
        if stored.video is None:
            return None
        if self._begins_anew(stored.video) or len(self._pending) >= MAX_PENDING:
            self._pending.clear()
        self._pending.append(stored)
        if not wanted:
            return None
        image = None
        for frame in self._pending:
            size = picture_size(frame.keypoints)
            image = self._decoder.decode(frame.video, *size) if frame.video is not None else None
        self._pending.clear()
        return image
