"""A recorded session as a source: it is processed again, with other settings, at its own times."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from lifting.errors import SessionError, SourceError
from realtime.data import Frame
from realtime.playback import Playback, PlayedFrame
from realtime.revive import keypoints, picture_size
from realtime.sinks.pictures import no_picture


class SessionSource:
    """With video inside, its frames. Without, black frames that carry the 2D joints found back then.

    Times are those of the recording, wall clock included.
    """

    live = False

    def __init__(self, path: str | Path, paced: bool, *, loop: bool = False) -> None:
        """`paced` plays in real time; otherwise as fast as frames are taken. Raises SourceError when the
        file is no session, MissingExtra when its video cannot be decoded here."""
        self.path = Path(path)
        self.name = self.path.name
        self.missed = 0
        try:
            self._playback = Playback(self.path, speed=1.0 if paced else None, loop=loop)
        except SessionError as error:
            raise SourceError(str(error)) from error
        self.fps = self._playback.fps
        self.has_video = self._playback.has_video

    def frames(self) -> Iterator[Frame]:
        """Frames in order. A frame that was recorded without its picture counts as missed."""
        try:
            for played in self._playback.frames():
                if played.image is None and self.has_video:
                    self.missed += 1
                else:
                    yield self._frame(played)
        except SessionError as error:
            raise SourceError(str(error)) from error

    def _frame(self, played: PlayedFrame) -> Frame:
        pose = played.stored.pose
        stored = played.stored.keypoints
        image = no_picture(*picture_size(stored)) if played.image is None else played.image
        return Frame(
            image=image,
            index=pose.seq,
            capture_time_ns=played.capture_time_ns,
            received_ns=time.monotonic_ns(),
            wall_offset_ns=pose.wall_offset_ns,
            recorded=None if self.has_video else keypoints(stored),
            turn=played.turn,
        )

    def close(self) -> None:
        """End `frames`; idempotent, from any thread."""
        self._playback.close()

    def __enter__(self) -> SessionSource:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
