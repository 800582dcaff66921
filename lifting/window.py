"""Time-indexed sliding window: 2D history resampled onto the model's grid, ending at the newest frame.

A lifter trained at 30 fps must see 30 fps, whatever the camera does. Every query therefore interpolates
the recorded history at t, t - 1/fps, t - 2/fps ...; it never looks past the newest frame.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

MAX_GAP_S = 0.25
"""Between two observations further apart than this nothing is interpolated: the points count as unseen."""


class TimeWindow:
    """History of one person's 2D joints as rays (x/z, y/z) with confidences, on a steady time grid."""

    def __init__(self, length: int, fps: float, joints: int) -> None:
        """`length` grid points at `fps`; history is kept a little longer than the grid needs."""
        self.length, self.joints = length, joints
        self._step_ns = 1e9 / fps
        self._keep_ns = int(length * self._step_ns + 1e9 * MAX_GAP_S)
        self._times: deque[int] = deque()
        self._rows: deque[NDArray[np.float32]] = deque()

    def __len__(self) -> int:
        return len(self._times)

    def clear(self) -> None:
        """Forget everything, for a new person or after a jump."""
        self._times.clear()
        self._rows.clear()

    def add(self, time_ns: int, rays: NDArray[np.floating], confidence: NDArray[np.floating]) -> None:
        """Append an observation: rays (J,2), confidence (J,) in 0..1.

        A time not after the newest one (a clock step, a looped file) starts the window anew.
        """
        if self._times and time_ns <= self._times[-1]:
            self.clear()
        row = np.concatenate([rays, confidence[:, None]], axis=1).astype(np.float32)
        self._times.append(time_ns)
        self._rows.append(row)  # (J,3)
        while self._times[0] < time_ns - self._keep_ns:
            self._times.popleft()
            self._rows.popleft()

    def sample(self) -> NDArray[np.float32]:
        """(length, J, 3) rays and confidence on the grid, newest last.

        Grid points before the first observation repeat it. Where a joint is unseen on either side of a
        grid point the seen side is used; where both are unseen, or the gap is too long, confidence is 0.
        Raises ValueError when nothing was added.
        """
        if not self._times:
            raise ValueError("the window is empty; add an observation before sampling it")
        times = np.array(self._times, np.int64)
        rows = np.stack(self._rows)
        since = (times - times[-1]).astype(np.float64)
        grid = np.maximum(-self._step_ns * np.arange(self.length - 1, -1, -1), since[0])
        after = np.searchsorted(since, grid - 0.5)
        before = np.maximum(np.where(since[after] > grid + 0.5, after - 1, after), 0)
        span = since[after] - since[before]
        weight = np.where(span > 0, (grid - since[before]) / np.maximum(span, 1.0), 1.0).astype(np.float32)
        return _blend(rows[before], rows[after], weight, span > 1e9 * MAX_GAP_S)


def _blend(
    a: NDArray[np.float32], b: NDArray[np.float32], weight: NDArray[np.float32], too_far: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Interpolate a→b (T,J,3) by `weight` (T,), using only the seen side where one is unseen."""
    seen_a, seen_b = a[..., 2:] > 0, b[..., 2:] > 0
    w = np.where(seen_a & seen_b, weight[:, None, None], np.where(seen_b, 1.0, 0.0)).astype(np.float32)
    out = a * (1 - w) + b * w
    out[too_far, :, 2] = 0.0
    return out
