"""From the word on the command line to a source."""

from __future__ import annotations

from pathlib import Path

from lifting.camera import DEFAULT_FOV_DEG
from lifting.errors import SourceError
from realtime.sources import Source

VALID = "a camera number (0), a video or session file, an address (rtsp://..., http://...), demo or synthetic"


SESSION_SUFFIXES = (".mcap", ".mcap.partial")


def open_source(
    spec: str | int,
    *,
    paced: bool,
    loop: bool = False,
    width: int | None = None,
    height: int | None = None,
    fps: float | None = None,
    fov_deg: float = DEFAULT_FOV_DEG,
    camera_pitch_deg: float = 5.0,
) -> Source:
    """Open what `spec` names. A file called 0, demo or synthetic is meant only with its folder: ./demo.

    `paced` and `loop` matter to files, demo and synthetic; `width`, `height` and `fps` to cameras and
    synthetic; the last two to synthetic alone. Raises SourceError.
    """
    word = str(spec).strip()
    if word.isdecimal() and len(word) <= 4:
        from realtime.sources.camera import CameraSource

        return CameraSource(int(word), width, height, fps)
    if word == "demo":
        from realtime.sources.demo import open_demo

        return open_demo(paced, loop=loop)
    if word == "synthetic":
        from realtime.sources.synthetic import SyntheticSource

        size = (width or 640, height or 480)
        return SyntheticSource(
            fps or 30.0, size, paced=paced, loop=loop, fov_deg=fov_deg, camera_pitch_deg=camera_pitch_deg
        )
    if "://" in word:
        from realtime.sources.url import UrlSource

        return UrlSource(word)
    return _open_file(word, paced=paced, loop=loop)


def _open_file(word: str, *, paced: bool, loop: bool) -> Source:
    from realtime.sources.video import VideoFileSource

    path = Path(word).expanduser()
    if path.name.endswith(SESSION_SUFFIXES):
        from realtime.sources.session import SessionSource

        return SessionSource(path, paced, loop=loop)
    looks_like_a_file = path.suffix or len(path.parts) > 1
    if word and (path.exists() or looks_like_a_file):
        return VideoFileSource(path, paced, loop=loop)
    raise SourceError(f"There is no source {word!r}. Give {VALID}.")
