"""Slow, robust running estimate of something that hardly changes: a bone length, a tilt, a floor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

MAX_STEP_S = 0.2
"""A single sample never counts for more than this, however long ago the last one was."""


class RunningEstimate:
    """Mean over time of an array, every entry with its own evidence and with outliers clipped.

    Early on it is the plain mean of all samples; once `memory_s` seconds of evidence are in, it follows
    with that time constant and so is nearly frozen. Weighting samples by the time they stand for makes it
    independent of the frame rate.
    """

    def __init__(
        self, start: float | Float64, *, memory_s: float, clip: float | Float64, start_s: float = 0.0
    ) -> None:
        """`start` counts like `start_s` seconds of samples. A sample pulls by at most `clip`."""
        self.value: Float64 = np.array(start, np.float64)
        self.evidence_s: Float64 = np.full(self.value.shape, start_s)
        self._memory_s, self._clip = memory_s, clip

    def add(self, sample: float | Float64, dt_s: float, weight: float | Float64 = 1.0) -> None:
        """Take in `sample`, which stands for `dt_s` seconds; `weight` 0..1 says how much it is worth."""
        if not self.value.shape:
            self._add_one(float(sample), dt_s, float(weight))
            return
        step = np.asarray(weight, np.float64) * min(max(dt_s, 0.0), MAX_STEP_S)
        self.evidence_s = np.minimum(self.evidence_s + step, self._memory_s)
        gain = step / np.maximum(self.evidence_s, 1e-9)
        pull = np.asarray(sample, np.float64) - self.value
        first = self.evidence_s <= step  # nothing known before: take the sample as it is
        pull = np.where(first, pull, np.minimum(np.maximum(pull, -self._clip), self._clip))
        self.value = self.value + gain * pull

    def _add_one(self, sample: float, dt_s: float, weight: float) -> None:
        """The same for a single number, several times faster."""
        step = weight * min(max(dt_s, 0.0), MAX_STEP_S)
        value, clip = float(self.value), float(self._clip)
        evidence_s = min(float(self.evidence_s) + step, self._memory_s)
        pull = sample - value
        if evidence_s > step:
            pull = min(max(pull, -clip), clip)
        self.evidence_s = np.array(evidence_s)
        self.value = np.array(value + step / max(evidence_s, 1e-9) * pull)
