"""Video files through OpenCV's FFmpeg: every frame with its own media time, upright."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Lock

import cv2

from lifting.errors import SourceError
from realtime.data import Frame
from realtime.sources.opencv import VideoCapture, grab, open_capture, retrieve

log = logging.getLogger(__name__)

DEFAULT_FPS = 30.0
"""Assumed when a file does not say."""
GRAB_ATTEMPTS = 2000
"""Failed grabs in a row after which the file counts as finished: a damaged minute needs about as many, and
at the end of a file they take a tenth of a second at most."""
INDEXED = {".mp4", ".m4v", ".mov", ".avi"}
"""Containers whose index states how many frames there ought to be."""


class VideoFileSource:
    """A video file. `capture_time_ns` is media time from 0, `received_ns` when a frame is handed out."""

    live = False

    def __init__(self, path: str | Path, paced: bool, *, loop: bool = False, name: str | None = None) -> None:
        """`paced` plays in real time; otherwise as fast as frames are taken. `loop` starts again at the end,
        with media time going on. Raises SourceError when the file is no video that can be read.
        """
        self.path, self.paced, self.loop = Path(path), paced, loop
        self.name = name or self.path.name
        self.missed = 0
        self._closed = Event()
        self._capture = _open(self.path)
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps: float | None = fps if 0.1 <= fps <= 1000 else None
        self._step_ns = round(1e9 / (self.fps or DEFAULT_FPS))
        self._promised = _promised(self._capture, self.path)
        self._reading = Lock()

    def frames(self) -> Iterator[Frame]:
        """Frames in order. May be called once."""
        with self._reading:
            try:
                yield from self._frames()
            finally:
                self._closed.set()
                self._capture.release()

    def _frames(self) -> Iterator[Frame]:
        index, base_ns, start_ns, wall_ns, turn = 0, 0, 0, 0, 0
        while not self._closed.is_set():
            next_ns = base_ns
            for media_ns in self._media_times(base_ns):
                if not start_ns:  # the first frame is slow to decode; time runs from when it is there
                    start_ns, wall_ns = time.monotonic_ns() - media_ns, time.time_ns() - media_ns
                if self.paced and self._closed.wait((start_ns + media_ns - time.monotonic_ns()) / 1e9):
                    return
                received_ns = time.monotonic_ns()
                image = retrieve(self._capture)
                if image is None:
                    self.missed += 1
                else:
                    yield Frame(image, index, media_ns, received_ns, wall_ns, turn=turn)
                index += 1
                next_ns = media_ns + self._step_ns
            if not self.loop or next_ns == base_ns:
                return
            self._capture.release()
            self._capture, base_ns, turn = _reopen(self.path), next_ns, turn + 1

    def _media_times(self, base_ns: int) -> Iterator[int]:
        """Grab frame after frame; media time of each, counted from `base_ns`.

        A time that does not come after the last one (a stream without timestamps) is replaced by one
        nominal interval more. Damage is skipped; what is lost in it is judged by the gap in time, which in
        an intact file of irregular rate is no loss: there the index promises no more than was read.
        """
        last_ns, grabbed, skipped = base_ns - self._step_ns, 0, 0
        while (failed := self._grab()) is not None:
            media_ns = base_ns + round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
            if media_ns <= last_ns:
                media_ns = last_ns + self._step_ns
            if failed or self._promised:
                skipped += max(0, round((media_ns - last_ns) / self._step_ns) - 1)
            last_ns, grabbed = media_ns, grabbed + 1
            yield media_ns
        if not self._closed.is_set():
            tail = self._promised - round((last_ns - base_ns) / self._step_ns) - 1
            skipped += tail if tail > 0.5e9 / self._step_ns else 0
            self._count_lost(min(skipped, self._promised - grabbed) if self._promised else skipped)

    def _grab(self) -> int | None:
        """Grab the next readable frame; the number of failed attempts before it, or None at the end."""
        for failed in range(GRAB_ATTEMPTS):
            if self._closed.is_set():
                return None
            if grab(self._capture):
                return failed
        return None

    def _count_lost(self, lost: int) -> None:
        if lost > 0:
            log.warning("%s is damaged or cut: about %d frames are missing.", self.name, lost)
            self.missed += lost

    def close(self) -> None:
        """End `frames`, which then releases the file; idempotent, from any thread."""
        self._closed.set()
        if self._reading.acquire(blocking=False):  # nobody reads: release it here
            self._capture.release()
            self._reading.release()

    def __enter__(self) -> VideoFileSource:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _promised(capture: VideoCapture, path: Path) -> int:
    """Number of frames by the file's index, 0 if it has none."""
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if path.suffix.lower() in INDEXED and 0 < count < 1e9 else 0


def _open(path: Path) -> VideoCapture:
    """Open a file and make sure that it holds a picture. Raises SourceError saying what it is instead."""
    _check_file(path)
    capture = open_capture(str(path.resolve()), cv2.CAP_FFMPEG)
    if capture is None:
        raise SourceError(
            f"{path} holds no video that can be read: it is damaged, cut off, sound only or something else. "
            "Give a video file such as MP4, MOV, MKV, AVI or WebM that a player shows."
        )
    if not any(grab(capture) for _ in range(GRAB_ATTEMPTS)):
        capture.release()
        raise SourceError(f"{path} has a video track, but no picture of it can be decoded. Record it again.")
    capture.release()
    return _reopen(path)  # seeking back would be inexact in some containers


def _reopen(path: Path) -> VideoCapture:
    """Open a file known to be good at its beginning."""
    capture = open_capture(str(path.resolve()), cv2.CAP_FFMPEG)
    if capture is None:
        raise SourceError(f"{path} could be read before but is gone now. Copy it to a disk of this machine.")
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    return capture


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise SourceError(f"{path} is a folder. Give one video file inside it.")
    if not path.exists():
        raise SourceError(f"There is no file {path}. Give the path of a video file.")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}. Check its permissions.") from error
    if empty:
        raise SourceError(f"{path} is empty (0 bytes). Copy or record it again.")
