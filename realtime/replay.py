"""A recorded session sent to outputs again: stored poses, original timing, nothing lost."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np

from realtime.data import Frame, Image, Motion
from realtime.playback import Playback, PlayedFrame
from realtime.revive import body_pose, keypoints, picture_size
from realtime.sinks import Sink
from realtime.sinks.runner import SinkRunner
from realtime.timing import SinkReport
from realtime.web.palette import BACKDROP, bgr


@dataclass(frozen=True)
class ReplaySummary:
    """What became of a replay."""

    frames: int
    seconds: float
    late_ms: float
    """The most that a frame came after its time."""
    sinks: tuple[SinkReport, ...]


class Replay:
    """Plays a session into any number of sinks."""

    def __init__(
        self, playback: Playback, sinks: Sequence[Sink], viewers: Sequence[Sink] = (), speed: float = 1.0
    ) -> None:
        """`sinks` get every frame; `viewers` (the page) may leave some out when they are slow. `speed` is
        the playback's, by which the stored rate is multiplied."""
        self.runners = [SinkRunner(sink, lossless=True) for sink in sinks]
        self.runners += [SinkRunner(sink) for sink in viewers]
        self.frames, self.media_s = 0, 0.0
        self._playback, self._speed = playback, speed
        meta = playback.header.meta
        self.known_from = {} if meta is None else dict(meta.known_from)
        self._backdrop: Image | None = None

    def run(self, stop: Event) -> ReplaySummary:
        """Until the end of the session or until `stop`. Raises SessionError or SinkError after closing."""
        begin = time.monotonic()
        try:
            for runner in self.runners:
                runner.start()
            begin = time.monotonic()
            for motion in self._motions():
                if stop.is_set():
                    break
                for runner in self.runners:
                    runner.submit(motion)
                self.frames += 1
        finally:
            seconds = time.monotonic() - begin
            self._playback.close()
            for runner in self.runners:
                runner.close()
        reports = tuple(runner.report for runner in self.runners)
        return ReplaySummary(self.frames, seconds, self._playback.late_ms, reports)

    def _motions(self) -> Iterator[Motion]:
        """Stored frames as live ones: numbered anew without gaps, and stamped as if they happened now."""
        first_ns: int | None = None
        begin_wall_ns = 0
        for played in self._playback.frames():
            if first_ns is None:
                first_ns, begin_wall_ns = played.capture_time_ns, time.time_ns()
            media_ns = played.capture_time_ns - first_ns
            self.media_s = media_ns / 1e9
            wall_ns = begin_wall_ns + (media_ns if self._speed == 1.0 else round(media_ns / self._speed))
            yield self._motion(played, wall_ns - played.capture_time_ns)

    def _motion(self, played: PlayedFrame, wall_offset_ns: int) -> Motion:
        stored, now_ns = played.stored, time.monotonic_ns()
        image = played.image if played.image is not None else self._empty(*picture_size(stored.keypoints))
        frame = Frame(image, self.frames, played.capture_time_ns, now_ns, wall_offset_ns)
        return Motion(
            seq=self.frames,
            frame=frame,
            keypoints=keypoints(stored.keypoints),
            people=tuple(map(body_pose, stored.pose.people)),
            publish_ns=now_ns,
            fps=stored.pose.fps * self._speed,
            known_from=self.known_from,
        )

    def _empty(self, width: int, height: int) -> Image:
        """A picture of nothing, made once."""
        if self._backdrop is None or self._backdrop.shape[:2] != (height, width):
            self._backdrop = np.full((height, width, 3), bgr(BACKDROP), np.uint8)
        return self._backdrop
