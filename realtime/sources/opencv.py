"""OpenCV's capture class: its shape, a quiet way to open it, and the clock that stamps its frames."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any, Protocol

import cv2

from realtime.data import Image

UNREADABLE = (cv2.error, OSError)
"""What OpenCV raises instead of returning False when a driver or decoder misbehaves."""


class VideoCapture(Protocol):
    """The part of cv2.VideoCapture that sources use."""

    def isOpened(self) -> bool: ...  # noqa: N802 - OpenCV's name

    def grab(self) -> bool: ...

    def retrieve(self) -> tuple[bool, Image]: ...

    def get(self, prop: int) -> float: ...

    def set(self, prop: int, value: float) -> bool: ...

    def release(self) -> None: ...


def open_capture(target: int | str, backend: int, params: Sequence[int] = ()) -> VideoCapture | None:
    """Open a camera index, file or address with one backend; None when that fails.

    OpenCV and FFmpeg would write their own lines over our status and messages, so both are told to be
    quiet unless the user set OPENCV_LOG_LEVEL or OPENCV_FFMPEG_LOGLEVEL.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET; read at the first FFmpeg open
    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        capture: Any = cv2.VideoCapture(target, backend, list(params))
    except UNREADABLE:
        return None
    if not capture.isOpened():
        capture.release()
        return None
    opened: VideoCapture = capture
    return opened


def grab(capture: VideoCapture) -> bool:
    """Take the next picture without converting it; False when there is none."""
    try:
        return bool(capture.grab())
    except UNREADABLE:
        return False


def retrieve(capture: VideoCapture) -> Image | None:
    """Convert the picture grabbed last to (H,W,3) BGR; None when it cannot be decoded."""
    try:
        decoded, image = capture.retrieve()
    except UNREADABLE:
        return None
    if not decoded or image is None or image.size == 0:
        return None
    return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image


def wall_offset_ns() -> int:
    """What to add to time.monotonic_ns() to get nanoseconds since 1970."""
    return time.time_ns() - time.monotonic_ns()
