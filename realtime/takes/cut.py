"""Parts of a take."""

from __future__ import annotations

import math
from dataclasses import replace

from realtime.takes.take import Take


def cut(take: Take, start_s: float = 0.0, end_s: float = math.inf) -> Take | None:
    """The frames from `start_s` to `end_s`, both included, in seconds from the take's first frame.

    None where there is none.
    """
    slack = 1e-6  # of a frame: 0.1 s at 30 fps is frame 3
    first = max(math.ceil(start_s * take.fps - slack), 0)
    last = len(take) - 1 if end_s == math.inf else min(math.floor(end_s * take.fps + slack), len(take) - 1)
    if first > last:
        return None
    part = slice(first, last + 1)
    return replace(
        take,
        start_wall_ns=take.start_wall_ns + round(first / take.fps * 1e9),
        joints_world=take.joints_world[part],
        bone_rotations=take.bone_rotations[part],
        confidence=take.confidence[part],
        observed=take.observed[part],
        contacts=take.contacts[part],
        states=take.states[part],
        present=take.present[part],
    )
