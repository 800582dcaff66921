"""From a session file to takes, one per person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lifting.errors import SessionError
from realtime.session import read_poses
from realtime.sinks.wire import PersonPose
from realtime.takes.take import MAX_FRAMES, Take, make_take

MAX_TIME_NS = 1 << 61
"""Times beyond are no times: seventy years after 1970, or of running."""


def load_takes(
    path: Path, fps: float | None = None, on_frame: Callable[[int], None] | None = None
) -> list[Take]:
    """Everybody's take, by person number. Frames in which somebody was lost are gaps.

    `fps`: rate of the takes; None takes the measured one. `on_frame` is told how many frames have been read,
    every now and then. Raises SessionError when the file is no session,
    nobody is in it, or it is absurdly long.
    """
    seen: dict[int, list[tuple[int, PersonPose]]] = {}
    offset_ns, frames = 0, 0
    for message in read_poses(path):
        frames, offset_ns = frames + 1, offset_ns if frames else message.wall_offset_ns
        if on_frame is not None and frames % 100 == 0:
            on_frame(frames)
        if frames > MAX_FRAMES:
            raise SessionError(f"{path} holds more than {MAX_FRAMES} frames; cut it into parts.")
        if max(abs(message.capture_time_ns), abs(message.wall_offset_ns)) > MAX_TIME_NS:
            raise SessionError(f"{path} is damaged: frame {frames} has no possible time.")
        for person in message.people:
            if person.state != "lost":
                seen.setdefault(person.id, []).append((message.capture_time_ns, person))
    if not seen:
        raise SessionError(f"There is nobody in {path}: {frames} frames, all of them empty.")
    name = path.name.removesuffix(".mcap")
    return [
        make_take(name, [p for _, p in seen[i]], [t for t, _ in seen[i]], offset_ns, fps)
        for i in sorted(seen)
    ]
