"""Network streams (RTSP, HTTP) through OpenCV's FFmpeg: always the newest frame, reconnects by itself."""

from __future__ import annotations

import os
from threading import Lock
from urllib.parse import urlsplit

import cv2

from lifting.errors import SourceError
from realtime.sources.live import LiveReader
from realtime.sources.opencv import VideoCapture, open_capture

SCHEMES = ("rtsp", "rtsps", "http", "https")
OPTIONS_VARIABLE = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
LOW_LATENCY = "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay"
"""FFmpeg options of a stream; the variable above, set by the user, replaces them."""
_options_lock = Lock()


class UrlSource(LiveReader):
    """A live stream by its address. `capture_time_ns` is time.monotonic_ns() at the grab."""

    def __init__(
        self,
        url: str,
        *,
        open_timeout_s: float = 5.0,
        read_timeout_s: float = 5.0,
        start_s: float = 12.0,
        stall_s: float = 3.0,
    ) -> None:
        """Raises SourceError when the address is malformed, does not answer or is no live stream."""
        if not _is_stream(url):
            raise SourceError(
                f"{_without_secrets(url)} is no stream address. Give one like rtsp://HOST:554/PATH or "
                "http://HOST:8080/video."
            )
        self._url = url
        self._finite = False
        # One decoding thread: with more, FFmpeg holds back as many frames as it has threads.
        self._params = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            round(open_timeout_s * 1e3),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            round(read_timeout_s * 1e3),
            cv2.CAP_PROP_N_THREADS,
            1,
        ]
        super().__init__(_without_secrets(url), start_s=start_s, stall_s=stall_s)

    def _connect(self) -> VideoCapture | None:
        with _options_lock:  # the variable is OpenCV's only way in, and it must not reach video files
            given = os.environ.get(OPTIONS_VARIABLE)
            os.environ[OPTIONS_VARIABLE] = given if given is not None else LOW_LATENCY
            try:
                capture = open_capture(self._url, cv2.CAP_FFMPEG, self._params)
            finally:
                if given is None:
                    del os.environ[OPTIONS_VARIABLE]
        if capture is None:
            return None
        self._finite = capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0
        if self._finite:
            capture.release()
            return None
        return capture

    def _stamp(self, capture: VideoCapture, received_ns: int) -> int:  # noqa: ARG002 - streams carry no clock of ours
        return received_ns

    def _explain(self, reason: str) -> str:
        if self._finite:
            return f"{self.name} is a recording, not a live stream. Download it and give the file's path."
        return (
            f"No live stream comes from {self.name}: {reason}. Check the address in a player such as VLC, "
            "and that the sender is running."
        )


def _is_stream(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme.lower() in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or IPv6 address that is none
        return False


def _without_secrets(url: str) -> str:
    """The address as it may be shown: without user, password and query, which often hold credentials."""
    scheme, _, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    return f"{scheme}://{place.rpartition('@')[2]}{slash}{path.partition('?')[0]}"
