"""Where frames come from: camera, video file, URL, the demo clip, a synthetic figure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from realtime.data import Frame


class Source(Protocol):
    """A stream of frames. Context manager; `close` is idempotent and may be called from another thread,
    upon which `frames` ends within half a second."""

    @property
    def name(self) -> str:
        """What to call it in messages: 'camera 0', 'walk.mp4'."""

    @property
    def live(self) -> bool:
        """True when frames that are not taken in time are gone (cameras, URLs)."""

    @property
    def fps(self) -> float | None:
        """Nominal rate, None if unknown."""

    @property
    def missed(self) -> int:
        """Frames that the source itself knows it had to drop, duplicates and unreadable ones included."""

    def frames(self) -> Iterator[Frame]:
        """Frames in order, each stamped at grab. Raises SourceError when the source fails for good."""

    def close(self) -> None:
        """Release the device or file."""

    def __enter__(self) -> Source: ...

    def __exit__(self, *exc: object) -> None: ...
