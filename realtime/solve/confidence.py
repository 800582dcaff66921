"""How well each 3D joint is seen, from the confidences of the 2D joints, and which count as observed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BODY21, SEALCAP26

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]

SEEN = 0.3
"""2D confidence from which a joint counts as observed."""
MARGIN = 0.05
"""An observed joint ceases to be one so far below SEEN, and becomes one so far above."""
GONE = 0.1
"""Below this nothing is observed, whatever was before."""
MEMORY_S = 0.06
"""Time constant of the confidence that decides: a single doubtful frame changes nothing."""

_HIPS, _SHOULDERS = ("left_hip", "right_hip"), ("left_shoulder", "right_shoulder")
_FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
# Joints no detector reports hang between these.
_NEIGHBOURS = {
    "pelvis": _HIPS, "spine": _HIPS + _SHOULDERS, "chest": _SHOULDERS + _HIPS, "neck": _SHOULDERS,
    "head": _FACE,
}  # fmt: skip


def _weights() -> Float64:
    """(26,21) every 3D joint as a mean of 2D joints; usually of the one with its name."""
    out = np.zeros((len(SEALCAP26), len(BODY21)))
    for j, name in enumerate(SEALCAP26.joints):
        sources = BODY21.indices(*_NEIGHBOURS.get(name, (name,)))
        out[j, sources] = 1.0 / len(sources)
    return out


_WEIGHTS = _weights()


def joint_confidence(confidence: Floats) -> Float64:
    """(21,) of BODY21 → (26,) of SEALCAP26, clipped to 0..1; inner joints get their neighbours' mean."""
    return np.asarray(_WEIGHTS @ np.minimum(np.maximum(confidence, 0.0), 1.0))


class Observed:
    """Which joints count as observed: with a memory, so that a joint at the threshold does not flicker."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next frame decides alone."""
        self._time_ns: int | None = None
        self._mean, self._observed = np.zeros(0), np.zeros(0, bool)

    def update(self, confidence: Float64, time_ns: int) -> NDArray[np.bool_]:
        """Confidences (26,) in 0..1 of the frame taken at `time_ns` → (26,) True where observed."""
        if self._time_ns is None or time_ns <= self._time_ns:
            self._mean, self._observed = confidence, confidence >= SEEN
        else:
            share = -math.expm1((self._time_ns - time_ns) * 1e-9 / MEMORY_S)
            self._mean = self._mean + share * (confidence - self._mean)
            self._observed = self._mean >= np.where(self._observed, SEEN - MARGIN, SEEN + MARGIN)
        self._time_ns = time_ns
        return self._observed & (confidence >= GONE)
