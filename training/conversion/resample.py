"""Clips at another frame rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.conversion.rotations import FloatArray, between


def resample_positions(positions: FloatArray, fps: float, out_fps: float) -> FloatArray:
    """(T,…,3) → (T',…,3). A whole ratio picks frames, unfiltered; others interpolate by cubics.

    Between frames i and i + 1, with s in [0, 1], the Hermite cubic through p_i and p_{i+1} with the central
    differences (p_{i+1} - p_{i-1})/2 as tangents (Catmull and Rom 1974): exact for motion at constant
    acceleration away from the ends.
    """
    step = whole_ratio(fps, out_fps)
    if step or len(positions) < 2:
        return positions[:: step or 1].copy()
    i, s = _places(len(positions), fps, out_fps, positions.ndim)
    tangents = np.gradient(positions, axis=0)
    p0, p1, m0, m1 = positions[i], positions[i + 1], tangents[i], tangents[i + 1]
    rise = s * s * (3 - 2 * s)
    result: FloatArray = (1 - rise) * p0 + rise * p1 + s * (1 - s) ** 2 * m0 - s * s * (1 - s) * m1
    return result


def resample_rotations(R: FloatArray, fps: float, out_fps: float) -> FloatArray:
    """(T,…,3,3) → (T',…,3,3), along the shortest arc between frames."""
    step = whole_ratio(fps, out_fps)
    if step or len(R) < 2:
        return R[:: step or 1].copy()
    i, s = _places(len(R), fps, out_fps, R.ndim - 2)
    return between(R[i], R[i + 1], np.broadcast_to(s, R[i].shape[:-2]))


def whole_ratio(fps: float, out_fps: float) -> int:
    """fps / out_fps where that is a whole number to one in a hundred, else 0."""
    ratio = fps / out_fps
    return round(ratio) if abs(ratio - round(ratio)) < 0.01 else 0


def _places(frames: int, fps: float, out_fps: float, axes: int) -> tuple[NDArray[np.int64], FloatArray]:
    """For each new frame the old one before it, and how far it is to the next, shaped for broadcasting."""
    count = int(np.floor((frames - 1) * out_fps / fps + 1e-9)) + 1
    at: FloatArray = np.arange(count, dtype=np.float64) * (fps / out_fps)
    i = np.minimum(at.astype(np.int64), frames - 2)
    shares: FloatArray = (at - i).reshape(-1, *(1,) * (axes - 1))
    return i, shares
