"""A folder of photos as a source, in the order of their names."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import cv2
import numpy as np

from lifting.errors import SourceError
from realtime.data import Frame

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
MAX_BYTES = 100 << 20
STEP_NS = 1_000_000_000


class ImageFolder:
    """The pictures of a folder; a second of media time apart. Raises SourceError where there is none."""

    live = False
    fps: float | None = None

    def __init__(self, folder: Path) -> None:
        self.name = folder.name or str(folder)
        self.missed = 0
        self._closed = Event()
        self._paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
        if not self._paths:
            kinds = ", ".join(sorted(SUFFIXES))
            raise SourceError(
                f"There is no picture in {folder}. Give a folder with files of the kinds {kinds}."
            )

    def frames(self) -> Iterator[Frame]:
        """Every picture that can be read; the others are counted in `missed`."""
        for index, path in enumerate(self._paths):
            if self._closed.is_set():
                return
            image = _read(path)
            if image is None:
                self.missed += 1
                continue
            yield Frame(image, index, index * STEP_NS, time.monotonic_ns(), time.time_ns() - index * STEP_NS)

    def close(self) -> None:
        """End `frames`."""
        self._closed.set()

    def __enter__(self) -> ImageFolder:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _read(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None:
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (cv2.error, OSError):
        return None
    return None if image is None or image.size == 0 else np.asarray(image, np.uint8)
