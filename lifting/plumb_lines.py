"""Tilt of a camera from the lines of its picture: door frames, corners of rooms, shelves are vertical.

In a picture taken under gravity g (camera axes) a vertical line through the ray m = (x/z, y/z) has the
direction g_xy - m g_z. A line segment either is such a line, seen with an error of a degree or two, or it is
something else and may have any direction. That gives every tilt a likelihood; how much the lines of one
picture are worth together was set on rooms made of random lines (tests). Unlike what people show, it does
not depend on anybody's proportions or posture.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from lifting.tilt_grid import PITCH_STEP_DEG, ROLL_STEP_DEG, TiltGrid

Floats = NDArray[np.floating]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

LINE_SD = 0.03
"""Sine of the angle by which vertical lines are seen wrong."""
VERTICAL = 0.4
"""Share of all lines, weighted by length, that are vertical in an ordinary room."""
USUAL_LENGTH, LONGEST = 0.1, 3.0
"""Length on the plane one metre ahead with the weight 1, and the largest weight."""
WORTH = 0.5
"""Of a line: neighbours belong to the same object and are wrong together."""
MOST_LINES = 60
FEWEST_LINES = 4
MOST_GAIN, NEAR_DEG = 13.0, 12.0
"""Many lines run together that are not vertical: edges of tables, floors, treadmills. So every bundle counts
at most this much against none, and what cameras and people are like decides between them. A bundle reaches
so far."""
KEEP = 0.6
"""Share that remains of earlier looks: people and doors move, the camera does not."""
WAIT_S = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Between one look and the next; then always the last."""


class PlumbLines:
    """Log-likelihood of every tilt of a `TiltGrid` from the lines of some pictures."""

    def __init__(self, grid: TiltGrid) -> None:
        self._gravity = grid.gravity().astype(np.float32)
        self._shape = grid.before.shape
        self.evidence: Float64 | None = None
        """(P,R); None before there were lines."""
        self._looks, self._looked_ns = 0, 0

    def due(self, time_ns: int) -> bool:
        """Whether it is time for another look at the picture."""
        if self._looks == 0 or time_ns < self._looked_ns:
            return True
        wait_s = WAIT_S[min(self._looks, len(WAIT_S)) - 1]
        return (time_ns - self._looked_ns) * 1e-9 >= wait_s - 0.01

    def add(self, starts: Floats, ends: Floats, time_ns: int) -> None:
        """Lines from `starts` to `ends`, both (L,2) x/z, y/z; the straighter the lens, the better."""
        self._looks, self._looked_ns = self._looks + 1, time_ns
        seen = self._likelihood(np.asarray(starts, np.float32), np.asarray(ends, np.float32))
        if seen is not None:
            before = self.evidence
            self.evidence = seen if before is None else KEEP * before + (1.0 - KEEP) * seen

    def forget(self) -> None:
        """The camera was moved."""
        self.evidence, self._looks = None, 0

    def _likelihood(self, starts: Float32, ends: Float32) -> Float64 | None:
        along = ends - starts
        length = np.sqrt((along * along).sum(axis=1))
        order = np.argsort(-length)[:MOST_LINES]
        order = order[np.isfinite(length[order]) & (length[order] > 1e-6)]
        if len(order) < FEWEST_LINES:
            return None
        middle, weight = (starts + ends)[order] / 2, np.minimum(length[order] / USUAL_LENGTH, LONGEST)
        x, y = middle[:, 0], middle[:, 1]
        dx, dy = along[order, 0] / length[order], along[order, 1] / length[order]
        # Sine of the angle between line and vertical: both factors are linear in products of gravity.
        gx, gy, gz = self._gravity.T
        across = self._gravity @ np.stack([dy, -dx, y * dx - x * dy])
        products = np.stack([gx * gx + gy * gy, -2 * gx * gz, -2 * gy * gz, gz * gz], axis=1)
        squared = products @ np.stack([np.ones_like(x), x, y, x * x + y * y])
        sine = across * across / np.maximum(squared, 1e-9)
        peak = VERTICAL / (1.0 - VERTICAL) * np.pi / (LINE_SD * np.sqrt(2 * np.pi))
        gain = np.log1p(np.float32(peak) * np.exp(sine * np.float32(-0.5 / LINE_SD**2))) @ weight
        worth: Float64 = WORTH * gain.reshape(self._shape).astype(np.float64)
        return worth - np.maximum(_highest_near(worth) - MOST_GAIN, 0.0)


def _highest_near(table: Float64) -> Float64:
    """The largest value within `NEAR_DEG` of every cell of a table (P,R)."""
    for axis, step_deg in enumerate((PITCH_STEP_DEG, ROLL_STEP_DEG)):
        reach = round(NEAR_DEG / step_deg)
        wide = [(reach, reach) if a == axis else (0, 0) for a in (0, 1)]
        padded = np.pad(table, wide, constant_values=-np.inf)
        windows: Float64 = sliding_window_view(padded, 2 * reach + 1, axis)
        table = windows.max(axis=-1)
    return table
