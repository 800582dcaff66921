"""Sessions made for tests: frames at times that the test chooses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from realtime.data import Losses, Motion
from realtime.sinks.recorder import SessionRecorder
from realtime.sinks.wire import StreamInfo
from tests.realtime.sinks.motions import make_motion

START_NS = 5_000_000_000
WALL_NS = 1_700_000_000_000_000_000


def motion_at(seq: int, seconds: float, people: int = 1, size: tuple[int, int] = (64, 48)) -> Motion:
    """Frame `seq`, captured `seconds` after the first one, 12 ms before it was published."""
    motion = make_motion(seq, people)
    time_ns = START_NS + round(seconds * 1e9)
    frame = replace(
        motion.frame,
        image=picture(seq, size),
        capture_time_ns=time_ns,
        received_ns=time_ns + 3_000_000,
        wall_offset_ns=WALL_NS,
    )
    losses = Losses(captured=seq + 3, missed=1, overwritten=2, outputs={"osc somewhere": 4})
    return replace(motion, frame=frame, publish_ns=time_ns + 15_000_000, losses=losses)


def picture(seq: int, size: tuple[int, int]) -> np.ndarray:
    """(H,W,3): a bright column that moves, on a ramp."""
    width, height = size
    image = np.tile(np.linspace(20, 120, height, dtype=np.uint8)[:, None, None], (1, width, 3))
    image[:, (3 * seq) % (width - 8) :][:, :8] = 220
    return image


def record(path: Path, motions: Iterable[Motion], *, video: bool = False) -> Path:
    """Write a session and return its path."""
    info = StreamInfo(source="walk.mp4", config="a: 1\n", models={"lifter": "ab" * 32})
    recorder = SessionRecorder(path, info=info, video=video)
    recorder.open()
    for motion in motions:
        recorder.write(motion)
    recorder.close()
    return path
