"""The demo clip: a real person on a real video, fetched by `sealcap models pull`."""

from __future__ import annotations

from realtime.models.store import clip_path
from realtime.sources.video import VideoFileSource


def open_demo(paced: bool, *, loop: bool = False) -> VideoFileSource:
    """The demo clip as a video source. Raises ModelError when it has not been pulled."""
    return VideoFileSource(clip_path(), paced, loop=loop, name="demo")
