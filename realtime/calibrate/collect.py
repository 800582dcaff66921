"""Looks for the board in a source until there are enough different views, the source ends, or time is up."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

import cv2
import numpy as np

from realtime.calibrate.board import Board, Gray
from realtime.calibrate.views import ViewPool, look
from realtime.capture import Capture
from realtime.sources import Source

LOOKS_PER_SECOND = 6.0
"""Of video files; neighbouring frames show the same view."""
ENOUGH = 5
"""Files are read on until there are so many times the views wanted, to choose from."""
IDLE_S = 60.0
"""A live source that shows no new view for so long is done."""
LONGEST_S = 600.0
"""Whatever comes: never longer than this."""
REMEMBERED = 6
"""Pictures without a board that are kept to find out why."""


@dataclass
class Collection:
    """What was found."""

    size: tuple[int, int] | None = None
    """(width, height) of the first picture; the others must be alike."""
    pictures: int = 0
    """Looked at."""
    with_board: int = 0
    other_size: int = 0
    pool: ViewPool = field(default_factory=ViewPool)
    without: deque[Gray] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """Some pictures in which no board was found."""


Watch = Callable[[Collection], None]
"""Told after every picture."""


def collect(
    source: Source, board: Board, wanted: int, every_picture: bool, stop: Event, watch: Watch
) -> Collection:
    """Views of the board in `source`, closed at the end. Raises SourceError when it fails at once."""
    found = Collection()
    capture = Capture(source, lossless=not source.live)
    enough = wanted if source.live else ENOUGH * wanted
    begin = news = time.monotonic()
    next_ns = -1
    capture.start()
    try:
        while not (stop.is_set() or capture.ended or len(found.pool.views) >= enough):
            now = time.monotonic()
            if now - begin > LONGEST_S or (source.live and now - news > IDLE_S):
                break
            captured = capture.next(timeout=0.1)
            if captured is None or (captured.frame.capture_time_ns < next_ns and not every_picture):
                continue
            next_ns = captured.frame.capture_time_ns + round(1e9 / LOOKS_PER_SECOND)
            if _add(
                found, board, np.asarray(cv2.cvtColor(captured.frame.image, cv2.COLOR_BGR2GRAY), np.uint8)
            ):
                news = time.monotonic()
            watch(found)
    finally:
        capture.close()
    if capture.error is not None and not found.pool.views:
        raise capture.error
    return found


def _add(found: Collection, board: Board, gray: Gray) -> bool:
    """Look at one picture; True when it gave a new view."""
    size = gray.shape[1], gray.shape[0]
    if found.size is None:
        found.size = size
    if size != found.size:
        found.other_size += 1
        return False
    found.pictures += 1
    view = look(board, gray)
    if view is None:
        if found.pictures & (found.pictures - 1) == 0:  # the 1st, 2nd, 4th, 8th...: from all over the source
            found.without.append(gray)
        return False
    found.with_board += 1
    return found.pool.offer(view)
